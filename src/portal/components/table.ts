import { type Html, html } from '../../html.ts';

export interface Column<Row> {
  label: string;
  cell: (row: Row) => Html | string | number;
  /** aligned to the right, with digits of equal width */
  numeric?: boolean;
}

/**
 * A table; on narrow screens each row becomes a card, and each value shows its column's label. The
 * roles repeat the elements' meaning, because browsers drop it for cells that are not laid out as a
 * table.
 * @param caption describes the table for screen readers, if the page says it anyway
 */
export function table<Row>(options: {
  caption: string;
  captionHidden?: boolean;
  columns: Column<Row>[];
  rows: Row[];
}): Html {
  const { caption, captionHidden = true, columns, rows } = options;
  const align = (column: Column<Row>) => column.numeric && html` class="numeric"`;
  return html`<table role="table">
<caption${captionHidden && html` class="unseen"`}>${caption}</caption>
<thead role="rowgroup"><tr role="row">${columns.map((column) => head(column, align(column)))}</tr></thead>
<tbody role="rowgroup">
${rows.map(
  (
    row,
  ) => html`<tr role="row">${columns.map((column) => html`<td role="cell" data-label="${column.label}"${align(column)}>${column.cell(row)}</td>`)}</tr>
`,
)}</tbody>
</table>`;
}

/** A column of buttons needs no heading; screen readers would read an empty one aloud. */
function head({ label }: { label: string }, align: Html | false | undefined): Html {
  if (label === '') return html`<td role="cell"></td>`;
  return html`<th role="columnheader" scope="col"${align}>${label}</th>`;
}
