import { type Html, html } from '../../html.ts';

/**
 * Links to the pages of one thing, such as an account. The page that is shown is marked.
 * @param items.count how many things the page has
 * @param label names the group for screen readers
 */
export function tabs(
  label: string,
  current: string,
  items: { href: string; text: string; count?: string }[],
): Html {
  return html`<nav class="tabs" aria-label="${label}">
${items.map(({ href, text, count }) => html`<a href="${href}"${href === current && html` aria-current="page"`}>${text}${count !== undefined && html` <span class="count">${count}</span>`}</a>\n`)}</nav>`;
}
