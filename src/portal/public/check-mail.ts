import { html } from '../../html.ts';
import { notice } from '../components/blocks.ts';
import type { Page } from '../layout.ts';
import type { View } from '../view.ts';

/** The answer to every request for a mail, whether or not an account has the address. */
export function checkMailPage(
  view: View,
  text: string,
  again: { href: string; text: string },
): Page {
  const m = view.m.checkMail;
  const content = html`${notice('good', text)}
<p>${m.patience}</p>
<p class="links"><a href="${again.href}">${again.text}</a> <a href="/sign-in">${view.m.signIn.title}</a></p>`;
  return { title: m.title, content };
}
