import type { TokenState } from '../../domain/account/token.ts';
import { html } from '../../html.ts';
import { notice } from '../components/blocks.ts';
import type { Page } from '../layout.ts';
import type { View } from '../view.ts';

export type LinkProblem = Exclude<TokenState['state'], 'good'>;

/** Why a mailed link does not work, and where to get another one. */
export function linkProblemPage(
  view: View,
  title: string,
  problem: LinkProblem,
  again: { href: string; text: string },
): Page {
  const content = html`${notice('bad', view.m.mailedLink[problem])}
<p class="links"><a href="${again.href}">${again.text}</a> <a href="/sign-in">${view.m.signIn.title}</a></p>`;
  return { title, content, status: 400 };
}
