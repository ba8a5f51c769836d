/** One page of a list. */
export interface Page<Row, Cursor> {
  rows: Row[];
  /** behind which the next page begins; null: this is the last one */
  next: Cursor | null;
}

/**
 * Reads one page of a list: one row more is asked for, which tells whether there is a next page.
 * @param read gets the most rows to read
 * @param cursorOf by what the list is in order
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
