import { type Html, html } from '../../html.ts';
import { notice } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import type { Page } from '../layout.ts';
import { form, type View } from '../view.ts';

/** The target after signing in; the sign-in forms carry it. */
export interface Onward {
  /** the path to open then; '' for the start page */
  next: string;
  /** the typed fields of a form whose session had ended, as `draftOf` writes them */
  draft: string;
}

/** @param status undefined: depends on `wrong` */
export function signInPage(
  view: View,
  {
    login,
    wrong = false,
    status = wrong ? 400 : 200,
    ...onward
  }: Onward & { login?: string; wrong?: boolean; status?: number },
): Page {
  const m = view.m.signIn;
  const fields = html`${wrong && notice('bad', m.wrong)}
${onwardInputs(onward)}
${field({ name: 'login', label: m.login, value: login, autocomplete: 'username', required: true, autofocus: !wrong })}
${field({ name: 'password', label: m.password, type: 'password', autocomplete: 'current-password', required: true, autofocus: wrong })}
<button>${m.submit}</button>`;
  const content = html`${form(view, '/sign-in', fields)}
<p class="links"><a href="/recover">${m.forgotten}</a> <a href="/sign-up">${m.signUp}</a></p>`;
  return { title: m.title, content, status };
}

/** Hidden inputs that a form of the sign-in carries on to the next step. */
export function onwardInputs({ next, draft }: Onward): Html {
  return html`<input type="hidden" name="next" value="${next}">
<input type="hidden" name="draft" value="${draft}">`;
}
