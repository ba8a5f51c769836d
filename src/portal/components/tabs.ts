import { type Html, html } from '../../html.ts';

/**
 * Links to the pages of one thing, such as an account. The page that is shown is marked.
 * @param label names the group for screen readers
 */
export function tabs(
  label: string,
  current: string,
  items: { href: string; text: string }[],
): Html {
  return html`<nav class="tabs" aria-label="${label}">
${items.map(({ href, text }) => html`<a href="${href}"${href === current && html` aria-current="page"`}>${text}</a>\n`)}</nav>`;
}
