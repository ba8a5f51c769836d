import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';

export interface Column<Row> {
  label: string;
  cell: (row: Row) => Html | string | number;
  /** aligned to the right, with digits of equal width */
  numeric?: boolean;
  /**
   * stays in the one line that a row has on a phone; undefined for all columns: the first one and
   * the last one with numbers, else the second one
   */
  onPhone?: boolean;
}

/**
 * A table. On a phone a row is one line with a few cells, and opens to show the others, each with
 * its column's label. The roles repeat the elements' meaning, because browsers drop it for cells
 * that are not laid out as a table.
 * @param caption describes the table for screen readers, if the page says it anyway
 */
export function table<Row>(
  { m }: { m: Pick<Messages, 'table'> },
  options: TableOptions<Row> & { rows: Row[] },
): Html {
  const { start, body, end } = tableParts({ m }, options);
  return html`${start}
${body(options.rows)}
${end}`;
}

interface TableOptions<Row> {
  caption: string;
  captionHidden?: boolean;
  columns: Column<Row>[];
}

/** The same table in parts, for rows that come one after the other. */
export function tableParts<Row>(
  { m }: { m: Pick<Messages, 'table'> },
  options: TableOptions<Row>,
): {
  start: Html;
  body: (rows: Row[]) => Html;
  /** a row with a remark, which hides when something comes after it */
  remark: (text: string | Html) => Html;
  end: Html;
} {
  const { caption, captionHidden = true, columns } = options;
  const kept = onPhone(columns);
  const opens = kept.size < columns.length;
  const cells = columns.map((column) => ({ ...column, kind: kindOf(column, kept.has(column)) }));
  const start = html`<table role="table"${!opens && html` class="whole"`}>
<caption${captionHidden && html` class="unseen"`}>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map(head)}${opens && html`<td role="cell" class="opener"></td>`}</tr></thead>`;
  const body = (rows: Row[]) => html`<tbody role="rowgroup">
${rows.map(
  (
    row,
  ) => html`<tr role="row">${cells.map(({ label, cell, kind }) => html`<td role="cell"${label !== '' && html` data-label="${label}"`} class="${kind}">${cell(row)}</td>`)}${opens && html`<td role="cell" class="opener"><details><summary aria-label="${m.table.details}"></summary></details></td>`}</tr>
`,
)}</tbody>`;
  const width = columns.length + (opens ? 1 : 0);
  const remark = (text: string | Html) =>
    html`<tbody role="rowgroup" class="remark"><tr role="row"><td role="cell" colspan="${width}"><span role="status">${text}</span></td></tr></tbody>`;
  return { start, body, remark, end: html`</table>` };
}

function onPhone<Row>(columns: Column<Row>[]): Set<Column<Row>> {
  const chosen = columns.filter((column) => column.onPhone);
  if (chosen.length > 0) return new Set(chosen);
  const [first, ...others] = columns.filter(({ label }) => label !== '');
  const second = others.findLast(({ numeric }) => numeric) ?? others[0];
  return new Set([first, second].filter((column) => column !== undefined));
}

function kindOf<Row>({ numeric }: Column<Row>, isKept: boolean): string {
  return `${isKept ? 'kept' : 'rest'}${numeric ? ' numeric' : ''}`;
}

/** A column of buttons needs no heading; screen readers would read an empty one aloud. */
function head<Row>({ label, numeric }: Column<Row>): Html {
  if (label === '') return html`<td role="cell"></td>`;
  return html`<th role="columnheader" scope="col"${numeric && html` class="numeric"`}>${label}</th>`;
}
