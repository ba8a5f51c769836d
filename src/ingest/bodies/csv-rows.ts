import Papa from 'papaparse';
import type { Origin } from '../record.ts';
import { type Line, linesOf } from './lines.ts';

const QUOTE = 0x22;
const MOST_LINES = 8;
const LONGEST_ROW_BYTES = 64 * 1024;
// RFC 4180, with blanks behind a quoted field and quotes within bare ones. Papa Parse takes a time
// that grows with the square of the length for some rows that are not of this form.
const ROW =
  /^(?:"[^"]*(?:""[^"]*)*" *|[^",][^,]*|)(?:,(?:"[^"]*(?:""[^"]*)*" *|[^",][^,]*|(?=,|$)))*$/;
const decoder = new TextDecoder();

/** What becomes of a body's rows. */
export interface RowReader<Result> {
  read: (fields: string[], origin: Origin) => Result;
  damaged: (origin: Origin, detail: string) => Result;
  /** whether a row that spans lines has the form of a record, and is no accident of lost quotes */
  accepts: (fields: string[]) => boolean;
}

/**
 * Reads rows of comma separated values, quoted as RFC 4180 says, one after the other. Each is read
 * by itself, so that a damaged one takes no other with it; a quoted line end is followed for a few
 * lines.
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

/** How to read rows whose columns a first line names. */
export interface NamedRowReader<Result> {
  read: (members: Record<string, string>, origin: Origin, fields: string[]) => Result;
  damaged: RowReader<Result>['damaged'];
}

// Columns that tell a format's first line from a record: of the service's own, and of Asterisk's.
const HEADERS = [
  ['id', 'start'],
  ['start', 'billsec', 'disposition'],
];

/**
 * The first line of a body where it names the columns, which every part of a large file repeats.
 * @returns undefined where it does not
 */
export function csvHeader(body: Buffer): Buffer | undefined {
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
 * Reads the rows behind a first line that names their columns, in lower case and any order. A row
 * is kept with its header, so that it can be read again.
 */
export function readNamedRows<Result>(
  body: Buffer,
  header: Buffer,
  reader: NamedRowReader<Result>,
): Iterable<Result> {
  const names = namesOf(header);
  const withHeader = (origin: Origin): Origin => ({
    ...origin,
    raw: () => Buffer.concat([header, Buffer.from('\n'), origin.raw()]),
  });
  const rows = readCsvRows(body, {
    accepts: (fields) => fields.length === names.length,
    damaged: (origin, detail) => reader.damaged(withHeader(origin), detail),
    read: (fields, origin) => {
      const place = withHeader(origin);
      if (fields.length !== names.length) {
        const detail = `${fields.length} fields, where the header has ${names.length}`;
        return reader.damaged(place, detail);
      }
      const members = names.map((name, n) => [name, fields[n] ?? '']);
      return reader.read(Object.fromEntries(members), place, fields);
    },
  });
  return rows.drop(1);
}

/**
 * The fields of one line; bytes that are no UTF-8 read as U+FFFD.
 * @returns undefined where they cannot be told
 */
function csvFields(bytes: Buffer): string[] | undefined {
  if (bytes.length > LONGEST_ROW_BYTES) return undefined;
  const text = decoder.decode(bytes).replace(/\r$/, '');
  if (!ROW.test(text)) return undefined;
  const { data, errors } = Papa.parse<string[]>(text, {
    delimiter: ',',
    // The lines were told apart already; this one is in none.
    newline: '\r',
  });
  return errors.length > 0 || data.length !== 1 ? undefined : data[0];
}

interface Row {
  fields: string[] | undefined;
  bytes: Buffer;
  /** how many lines it takes */
  taken: number;
}

/** The row that begins with the first of some lines. */
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
    // An even number at first: no quoted field reaches over the line's end.
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
