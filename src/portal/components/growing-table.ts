import { type Html, html } from '../../html.ts';
import type { View } from '../view.ts';
import { type Column, tableParts } from './table.ts';
import { time } from './time.ts';

/** A step of a search over calls. */
export interface Step<Row> {
  calls: Row[];
  searched: number;
  /** where the search is now; undefined: everything was looked at */
  reached: Date | undefined;
  /** cursor of the next page, if this step ends the page */
  next: string | undefined;
}

/**
 * A table of calls that grows while a search goes on. Until the end it says how far the search
 * came; it says that nothing was found only after everything was looked at.
 * @param options.links makes the links to other pages from the cursor of the next one
 */
export async function* growingTable<Row>(
  view: View,
  options: {
    caption: string;
    columns: Column<Row>[];
    steps: AsyncIterable<Step<Row>>;
    timeZone: string;
    links: (next: string | undefined) => Html;
  },
): AsyncGenerator<Html> {
  const m = view.m.calls;
  const { start, body, remark, end } = tableParts(view, options);
  let found = 0;
  let next: string | undefined;
  yield html`${start}\n`;
  for await (const step of options.steps) {
    found += step.calls.length;
    next = step.next;
    if (step.calls.length > 0) yield body(step.calls);
    if (step.next) continue;
    const { reached, searched } = step;
    yield remark(
      reached
        ? html`${m.searching(searched)} ${time(view, reached, options.timeZone, { zone: true })} …`
        : m.searchedAll(found),
    );
  }
  yield html`${end}
${options.links(next)}`;
}
