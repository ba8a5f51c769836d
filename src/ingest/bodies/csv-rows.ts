import Papa from 'papaparse';
import type { Origin } from '../record.ts';
import { type Line, linesOf } from './lines.ts';

const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const MOST_LINES = 8;
const LONGEST_ROW_BYTES = 64 * 1024;
// RFC 4180, plus blanks behind a quoted field and quotes within unquoted ones. For some other rows
// Papa Parse takes quadratic time.
const ROW =
  /^(?:"[^"]*(?:""[^"]*)*" *|[^",][^,]*|)(?:,(?:"[^"]*(?:""[^"]*)*" *|[^",][^,]*|(?=,|$)))*$/;
const decoder = new TextDecoder();

export interface RowReader<Result> {
  read: (fields: string[], origin: Origin) => Result;
  damaged: (origin: Origin, detail: string) => Result;
  /** whether a row over several lines has the form of a record; lost quotes can join lines */
  accepts: (fields: string[]) => boolean;
}

/**
 * Reads CSV rows, quoted as in RFC 4180. Each row is read alone, so a damaged row spoils no other.
 * A quoted field may continue over a few lines.
 */
export function* readCsvRows<Result>(body: Buffer, reader: RowReader<Result>): Generator<Result> {
  const lines = linesOf(body);
  const ahead: Line[] = [];
  for (;;) {
    while (ahead.length < MOST_LINES) {
      const { value, done } = lines.next();
      if (done) break;
      ahead.push(value);
    }
    if (ahead.length === 0) return;
    const { fields, bytes, taken } = rowAt(body, ahead, reader.accepts);
    const [first] = ahead.splice(0, taken) as [Line];
    const origin: Origin = { raw: () => bytes, line: () => first.number };
    yield fields
      ? reader.read(fields, origin)
      : reader.damaged(origin, 'no row of comma separated values');
  }
}

/** How to read rows when the first line names the columns. */
export interface NamedRowReader<Result> {
  read: (members: Record<string, string>, origin: Origin, fields: string[]) => Result;
  damaged: RowReader<Result>['damaged'];
}

// Columns that mark a first line of names: in the service's own format, and in Asterisk's.
const HEADERS = [
  ['id', 'start'],
  ['start', 'billsec', 'disposition'],
];

/**
 * The first line of a body, if it names the columns. Every piece of a large file repeats it.
 * @returns undefined where it names no columns
 */
export function csvHeader(body: Buffer): Buffer | undefined {
  // JSON. To look for names in it takes longer than to read a short record.
  if (body[0] === OPEN_OBJECT || body[0] === OPEN_ARRAY) return undefined;
  const first = linesOf(body.subarray(0, 4_096)).next().value?.bytes;
  const names = first && namesOf(first);
  return HEADERS.some((header) => header.every((name) => names?.includes(name)))
    ? first
    : undefined;
}

function namesOf(header: Buffer): string[] {
  return (csvFields(header) ?? []).map((name) => name.trim().toLowerCase());
}

/**
 * Reads the rows after a first line of column names (lower case, any order). A rejected row is kept
 * with this header, so it can be replayed. A header that lost its line end has the values of the
 * first row too, and is rejected itself.
 */
export function* readNamedRows<Result>(
  body: Buffer,
  header: Buffer,
  reader: NamedRowReader<Result>,
): Generator<Result> {
  const names = namesOf(header);
  const double = names.find((name, n) => name !== '' && names.indexOf(name) !== n);
  const value = names.find((name) => /^\d/.test(name));
  const fault = value
    ? `the header has the value "${value.slice(0, 40)}"`
    : double && `the header has "${double.slice(0, 40)}" twice`;
  if (value && fault) yield reader.damaged({ raw: () => header, line: () => 1 }, fault);
  const withHeader = (origin: Origin): Origin => ({
    ...origin,
    raw: () => Buffer.concat([header, Buffer.from('\n'), origin.raw()]),
  });
  const rows = readCsvRows(body, {
    accepts: (fields) => fields.length === names.length,
    damaged: (origin, detail) => reader.damaged(withHeader(origin), detail),
    read: (fields, origin) => {
      const place = withHeader(origin);
      if (fault) return reader.damaged(place, fault);
      if (fields.length !== names.length) {
        const detail = `${fields.length} fields, where the header has ${names.length}`;
        return reader.damaged(place, detail);
      }
      const members = names.map((name, n) => [name, fields[n] ?? '']);
      return reader.read(Object.fromEntries(members), place, fields);
    },
  });
  yield* rows.drop(1);
}

/**
 * The fields of one line; bytes that are no UTF-8 become U+FFFD.
 * @returns undefined where the line cannot be parsed
 */
function csvFields(bytes: Buffer): string[] | undefined {
  if (bytes.length > LONGEST_ROW_BYTES) return undefined;
  const text = decoder.decode(bytes).replace(/\r$/, '');
  if (!ROW.test(text)) return undefined;
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter: ',',
    // The lines are split already, and none has this character.
    newline: '\r',
  });
  return errors.length > 0 || data.length !== 1 ? undefined : data[0];
}

interface Row {
  fields: string[] | undefined;
  bytes: Buffer;
  /** how many lines the row takes */
  taken: number;
}

/** The row that begins on the first line. */
function rowAt(body: Buffer, lines: Line[], accepts: (fields: string[]) => boolean): Row {
  const first = lines[0] as Line;
  const single = { fields: csvFields(first.bytes), bytes: first.bytes, taken: 1 };
  if (single.fields) return single;
  let quotes = 0;
  for (const [index, { bytes, start }] of lines.entries()) {
    const end = start + bytes.length;
    if (end - first.start > LONGEST_ROW_BYTES) break;
    quotes += quotesIn(bytes);
    if (quotes % 2 !== 0) continue;
    // The first line has an even number of quotes, so no quoted field continues on the next line.
    if (index === 0) break;
    const row = body.subarray(first.start, end);
    const fields = csvFields(row);
    return fields && accepts(fields) ? { fields, bytes: row, taken: index + 1 } : single;
  }
  return single;
}

function quotesIn(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === QUOTE) count++;
  return count;
}
