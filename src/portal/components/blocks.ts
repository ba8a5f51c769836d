import { type Html, html } from '../../html.ts';

/** Part of a page with its own heading. @param aside beside the heading, such as a link */
export function panel(title: string, content: Html, aside?: Html): Html {
  return html`<section class="panel">
<div class="title"><h2>${title}</h2>${aside}</div>
${content}
</section>`;
}

/** A few figures in a row, the first of them marked. Amounts are written by `shortMoney`. */
export function stats(figures: { label: string; value: Html | string; note?: Html | string }[]) {
  return html`<dl class="stats">
${figures.map(
  ({
    label,
    value,
    note,
  }) => html`<div class="stat"><dt>${label}</dt><dd>${value}</dd>${note && html`<dd class="note">${note}</dd>`}</div>
`,
)}</dl>`;
}

/** Names and values in two columns. */
export function facts(rows: { label: string; value: Html | string | number }[]): Html {
  return html`<dl class="facts">
${rows.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

/** Shown instead of an empty list: what the list would contain, and the next step. */
export function emptyState(title: string, text: string | Html, action?: Html): Html {
  return html`<div class="empty"><p class="empty-title">${title}</p><p>${text}</p>${action}</div>`;
}

/** A message that the reader should see first. */
export function notice(kind: 'good' | 'info' | 'warn' | 'bad', text: string | Html): Html {
  const role = kind === 'bad' ? 'alert' : 'status';
  return html`<div class="notice ${kind}" role="${role}">${text}</div>`;
}

/** A word on a coloured ground, such as a state. The text tells all that the colour tells. */
export function badge(kind: 'good' | 'info' | 'warn' | 'bad' | 'plain', text: string): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}

/** Links to the previous and the next page, if they exist. */
export function paging(links: {
  label: string;
  first?: { href: string; text: string } | undefined;
  next?: { href: string; text: string } | undefined;
}): Html {
  const { label, first, next } = links;
  if (!first && !next) return html``;
  return html`<nav class="paging" aria-label="${label}">
${first && html`<a class="button quiet" href="${first.href}">${first.text}</a>`}
${next && html`<a class="button quiet" href="${next.href}" rel="next">${next.text}</a>`}
</nav>`;
}
