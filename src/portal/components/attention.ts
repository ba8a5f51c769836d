import { type Html, html } from '../../html.ts';

export interface Attention {
  /** `bad` loses money or calls now; `warn` can wait for today */
  kind: 'bad' | 'warn';
  /** how many, or how much */
  figure: Html | string;
  title: string;
  text: string | Html;
  /** the page that deals with it, if there is one */
  href?: string | undefined;
}

/** What needs attention, the largest text of its page. Each entry leads to its list. */
export function attention(label: string, items: Attention[]): Html {
  return html`<ul class="attention" aria-label="${label}">
${items.map(
  ({ kind, figure, title, text, href }) =>
    html`<li class="${kind}"><span class="attention-figure">${figure}</span><span class="attention-words"><strong>${href ? html`<a href="${href}">${title}</a>` : title}</strong><span>${text}</span></span></li>\n`,
)}</ul>`;
}

/**
 * The state of a page's subject in a sentence. What is in order is quiet, and everything else has
 * a ground of its colour.
 * @param action a link or a form beside it
 */
export function headline(
  kind: 'good' | 'info' | 'warn' | 'bad',
  title: string,
  text: string | Html,
  action?: Html | false,
): Html {
  return html`<section class="headline ${kind}"><div><h2>${title}</h2><p>${text}</p></div>${action}</section>`;
}
