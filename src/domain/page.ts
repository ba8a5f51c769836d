/** One page of a list. */
export interface Page<Row, Cursor> {
  rows: Row[];
  /** the next page begins after this; null: this is the last page */
  next: Cursor | null;
}

/**
 * Reads one page of a list, with one more row that shows whether there is a next page.
 * @param read gets the largest number of rows to read
 * @param cursorOf returns the values that the list is ordered by
 */
export async function readPage<Row, Cursor>(
  limit: number,
  read: (limit: number) => Promise<Row[]>,
  cursorOf: (row: Row) => Cursor,
): Promise<Page<Row, Cursor>> {
  const found = await read(limit + 1);
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return { rows, next: found.length > limit && last ? cursorOf(last) : null };
}
