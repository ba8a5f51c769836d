import type { Database, Queryable } from '../../db/database.ts';
import { csvCell } from '../calls/call-file.ts';
import { hasPlainYear, isCalendarDay } from '../day.ts';
import { Refusal } from '../refusal.ts';
import { EXPORT_KINDS, type ExportKind, type ExportKindName } from './export-kinds.ts';

const PAGE = 1_000;
// A row's time is taken before its commit. Clocks of several processes may differ by this much.
const MARGIN = "interval '60 s'";
const LARGEST_BIGINT = 2n ** 63n - 1n;
const MOMENT = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)([+-](?:0\d|1[0-5]))(:[0-5]\d)?$/;
/** Whether PostgreSQL can read a text as a type. */
const FITS: Record<ExportKind['order'][number][1], (text: string) => boolean> = {
  timestamptz: (text) => {
    const [, day = '', time, hours, minutes = ':00'] = MOMENT.exec(text) ?? [];
    const isMoment =
      isCalendarDay(day) && hasPlainYear(new Date(`${day}T${time}${hours}${minutes}`));
    return isMoment || /^-?infinity$/.test(text);
  },
  bigint: (text) => /^\d{1,19}$/.test(text) && BigInt(text) <= LARGEST_BIGINT,
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text),
  text: (text) => /^[\x20-\x7e]{1,100}$/.test(text),
};

/** The last line of an export. A file without it is incomplete. */
export interface ExportEnd {
  end: true;
  rows: number;
  /** the next export continues after it; null: each export of this kind has all rows */
  cursor: string | null;
}

/**
 * The rows of a kind as NDJSON, in pages, with a last line that says that it is whole. Rows that
 * came after the start of the oldest writing transaction, less a minute, wait for the next export:
 * another row may still be committed before them.
 * @param tx a transaction; REPEATABLE READ, if several kinds must fit each other
 * @param after `cursor` of an earlier export
 * @param onEnd gets the last line
 * @throws Refusal 'field invalid' for a cursor of another kind
 */
export async function* exportLines(
  tx: Queryable,
  name: ExportKindName,
  after?: string,
  onEnd: (end: ExportEnd) => void = () => undefined,
): AsyncGenerator<string> {
  const kind: ExportKind = EXPORT_KINDS[name];
  const position = after === undefined ? undefined : readPosition(name, kind, after);
  await tx.query(selectOf(kind, position !== undefined), position ?? []);
  const end: ExportEnd = {
    end: true,
    rows: 0,
    cursor: kind.arrival || kind.isNumbered ? (after ?? '') : null,
  };
  for (;;) {
    const rows = await tx.query<{ line: string; place: string[] }>(`FETCH ${PAGE} FROM exported`);
    end.rows += rows.length;
    const last = rows.at(-1);
    if (last && end.cursor !== null) end.cursor = writePosition(name, last.place);
    if (rows.length > 0) yield rows.map(({ line }) => `${line}\n`).join('');
    if (rows.length < PAGE) break;
  }
  await tx.query('CLOSE exported');
  onEnd(end);
  yield `${JSON.stringify(end)}\n`;
}

function selectOf(
  { from, members, order, arrival, isNumbered }: ExportKind,
  isAfter: boolean,
): string {
  const pairs = Object.entries(members).map(([name, sql]) => `'${name}', ${sql}`);
  const place = order.map(([sql]) => `${sql}::text`).join(', ');
  const conditions = [
    ...(isNumbered ? order.map(([sql]) => `${sql} IS NOT NULL`) : []),
    ...(arrival ? [`${arrival} < (${HORIZON})`] : []),
    ...(isAfter
      ? [
          `(${order.map(([sql]) => sql).join(', ')}) > (${order.map(([, type], n) => `$${n + 1}::text::${type}`).join(', ')})`,
        ]
      : []),
  ];
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : '';
  return `DECLARE exported NO SCROLL CURSOR FOR
    SELECT json_build_object(${pairs.join(', ')})::text AS line, ARRAY[${place}] AS place
    FROM ${from} ${where} ORDER BY ${order.map(([sql]) => sql).join(', ')}`;
}

const HORIZON = `SELECT coalesce(min(xact_start), now()) - ${MARGIN} FROM pg_stat_activity
  WHERE datname = current_database() AND backend_xid IS NOT NULL`;

function writePosition(name: ExportKindName, place: string[]): string {
  return Buffer.from(JSON.stringify([name, ...place])).toString('base64url');
}

function readPosition(
  name: ExportKindName,
  { order }: ExportKind,
  cursor: string,
): string[] | undefined {
  if (cursor === '') return undefined;
  const wrong = () =>
    new Refusal('field invalid', 'after is not the cursor of such an export', {
      field: 'after',
      requirement: `Must be the cursor of an export of ${name}`,
    });
  let place: unknown;
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    throw wrong();
  }
  if (!Array.isArray(place) || place[0] !== name || place.length !== order.length + 1)
    throw wrong();
  const values = place.slice(1) as unknown[];
  const fits = order.every(
    ([, type], n) => typeof values[n] === 'string' && FITS[type](values[n] as string),
  );
  if (!fits) throw wrong();
  return values as string[];
}

/**
 * An export as CSV: a line with the names of the members, and last a line of `end`, the number of
 * rows and the cursor. No cell is a formula.
 * @param parts of `exportLines`
 */
export async function* asCsv(
  name: ExportKindName,
  parts: AsyncIterable<string>,
): AsyncGenerator<string> {
  const titles = Object.keys(EXPORT_KINDS[name].members);
  let head = `${titles.join(',')}\r\n`;
  for await (const part of parts) {
    const lines = part.trimEnd().split('\n');
    yield head + lines.map((line) => `${csvLine(titles, JSON.parse(line))}\r\n`).join('');
    head = '';
  }
}

function csvLine(titles: string[], row: Record<string, unknown>): string {
  const cells = row.end === true ? ['end', row.rows, row.cursor] : titles.map((name) => row[name]);
  return cells
    .map((cell) => (typeof cell === 'object' && cell !== null ? JSON.stringify(cell) : cell))
    .map((cell) => csvCell(String(cell ?? '')))
    .join(',');
}

/** As `exportLines`, in a transaction of its own that ends with the last line or the reader. */
export async function* exportFile(
  db: Database,
  name: ExportKindName,
  after?: string,
): AsyncGenerator<string> {
  const tx = await db.begin('REPEATABLE READ');
  let failure: unknown;
  try {
    yield* exportLines(tx, name, after);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await tx.rollBack(failure);
  }
}
