import { type Html, html } from '../../html.ts';
import { form, type View } from '../view.ts';

/** A button for an action that cannot be undone. Another button must be pressed first. */
export function confirmed(
  view: View,
  action: string,
  label: string,
  options: { fields?: Html; small?: boolean } = {},
): Html {
  const { fields, small = false } = options;
  const size = small ? ' small' : '';
  return html`<details class="confirmed"><summary class="button quiet${size}">${label}</summary>
${form(view, action, html`${fields}<button class="danger${size}">${view.m.confirm.yes(label)}</button>`)}</details>`;
}
