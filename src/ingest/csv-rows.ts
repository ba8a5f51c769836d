import Papa from 'papaparse';
import { type Line, lineOrigin, splitLines } from './lines.ts';
import type { Origin } from './record.ts';

const QUOTE = 0x22;
const MOST_LINES = 8;
const decoder = new TextDecoder();

/** What becomes of a body's rows. */
export interface RowReader<Result> {
  read: (fields: string[], origin: Origin) => Result;
  damaged: (origin: Origin, detail: string) => Result;
  /** whether a row that spans lines has the form of a record, and is no accident of lost quotes */
  accepts: (fields: string[]) => boolean;
}

/**
 * Reads rows of comma separated values, quoted as RFC 4180 says. Each is read by itself, so that a
 * damaged one takes no other with it; a quoted line end is followed for a few lines.
 */
export function readCsvRows<Result>(body: Buffer, reader: RowReader<Result>): Result[] {
  const results: Result[] = [];
  const lines = splitLines(body);
  for (let at = 0; at < lines.length; at++) {
    const row = rowAt(body, lines, at, reader.accepts);
    at += row.lines - 1;
    results.push(
      row.fields ? reader.read(row.fields, row.origin) : reader.damaged(row.origin, row.problem),
    );
  }
  return results;
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
  const first = splitLines(body.subarray(0, 4_096))[0]?.bytes;
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
): Result[] {
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
  return rows.slice(1);
}

/**
 * The fields of one line; bytes that are no UTF-8 read as U+FFFD.
 * @returns undefined where they cannot be told
 */
export function csvFields(bytes: Buffer): string[] | undefined {
  const { data, errors } = Papa.parse<string[]>(decoder.decode(bytes).replace(/\r$/, ''), {
    delimiter: ',',
    // The lines were told apart already; this one is in none.
    newline: '\r',
  });
  return errors.length > 0 || data.length !== 1 ? undefined : data[0];
}

interface Row {
  fields: string[] | undefined;
  problem: string;
  origin: Origin;
  /** how many it takes */
  lines: number;
}

function rowAt(
  body: Buffer,
  lines: Line[],
  at: number,
  accepts: (fields: string[]) => boolean,
): Row {
  const first = lines[at] as Line;
  const single = {
    fields: csvFields(first.bytes),
    problem: 'no row of comma separated values',
    origin: lineOrigin(first),
    lines: 1,
  };
  if (single.fields || quotes(first.bytes) % 2 === 0) return single;
  for (let count = 2; count <= MOST_LINES && at + count <= lines.length; count++) {
    const last = lines[at + count - 1] as Line;
    const bytes = span(body, first, last);
    if (quotes(bytes) % 2 !== 0) continue;
    const fields = csvFields(bytes);
    if (!fields || !accepts(fields)) return single;
    return { ...single, fields, origin: { ...lineOrigin(first), raw: () => bytes }, lines: count };
  }
  return single;
}

function span(body: Buffer, first: Line, last: Line): Buffer {
  const start = first.bytes.byteOffset - body.byteOffset;
  return body.subarray(start, last.bytes.byteOffset - body.byteOffset + last.bytes.length);
}

function quotes(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === QUOTE) count++;
  return count;
}
