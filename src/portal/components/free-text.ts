import { type Html, html } from '../../html.ts';

/**
 * Text that a person typed, such as a name, an address or a reason: of any length, without blanks,
 * and in either direction of writing. It breaks anywhere, and its direction does not move the text
 * beside it.
 */
export function freeText(text: string): Html {
  return html`<bdi class="free-text">${text}</bdi>`;
}

/**
 * The same where only plain text fits, such as a title or an option: between the characters that
 * isolate its direction (Unicode Standard Annex 9, FSI and PDI).
 */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
