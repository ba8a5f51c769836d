import { createHash } from 'node:crypto';
import { createGunzip } from 'node:zlib';
import Papa from 'papaparse';
import { Slice } from '../slice.ts';

const NEWLINE = 0x0a;
const LONGEST_ROW_BYTES = 64 * 1024;
const MOST_LINES = 8;
const DELIMITERS = [',', ';', '\t'];
const BYTE_ORDER_MARK = '\uFEFF';

/** Opens a file from its start; it is read several times. */
export type OpenFile = () => AsyncIterable<Buffer>;

/** Is called before each part of a file is read, and may throw. */
export type OnChunk = () => Promise<void>;

export const ENCODINGS = ['utf-8', 'latin1'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A row of a file. */
export interface FileRow {
  /** its first line, from 1 */
  line: number;
  /** its cells by plain title (`plainTitle`); undefined: it cannot be read */
  cells: Map<string, string> | undefined;
  /** why it cannot be read */
  fault: string | undefined;
  /** the row as it came */
  raw: string;
}

/** The file as a whole cannot be read. */
export class FileFault extends Error {}

/** The name under which a column is found: without letter case, blanks and marks. */
export function plainTitle(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** What a file begins with. */
export interface FileHead {
  /** titles as they came; of NDJSON, of its first row */
  titles: string[];
  delimiter: string | undefined;
  raw: string;
}

/**
 * Reads rows: CSV with commas, semicolons or tabs and a first line of titles, or NDJSON; plain or
 * gzip. A damaged row spoils no other. The memory does not depend on the size of file or row.
 * @param onHead gets the titles before the first row
 * @param onChunk is called for all that is read, so it can end the reading of a file without rows
 * @throws FileFault where titles are missing or doubled
 */
export async function* readFileRows(
  open: OpenFile,
  encoding: Encoding,
  onHead: (head: FileHead) => void = () => undefined,
  onChunk: OnChunk = () => Promise.resolve(),
): AsyncGenerator<FileRow> {
  const lines = linesOf(open, encoding, onChunk);
  let titles: string[] | undefined;
  let delimiter: string | undefined;
  const ahead: Line[] = [];
  for (;;) {
    while (ahead.length < MOST_LINES) {
      const { value, done } = await lines.next();
      if (done) break;
      ahead.push(value);
    }
    const first = ahead[0];
    if (!first) return;
    if (!titles) {
      if (first.fault) throw new FileFault(`line ${first.line}: ${first.fault}`);
      const isJson = first.text.trimStart().startsWith('{');
      const counts = DELIMITERS.map((one) => first.text.split(one).length);
      delimiter = isJson ? undefined : DELIMITERS[counts.indexOf(Math.max(...counts))];
      const given = isJson
        ? Object.keys(jsonCells(first.text) ?? {})
        : cellsOf(first.text, delimiter);
      if (!given) throw new FileFault(`line ${first.line}: the titles cannot be read`);
      titles = given.map(plainTitle);
      requireTitles(given, titles);
      onHead({ titles: given, delimiter, raw: first.text });
      if (!isJson) {
        ahead.shift();
        continue;
      }
    }
    yield delimiter === undefined ? jsonRow(ahead) : csvRow(ahead, titles, delimiter);
  }
}

function requireTitles(given: string[], titles: string[]): void {
  const doubled = titles.findIndex((title, n) => title !== '' && titles.indexOf(title) !== n);
  if (doubled >= 0) throw new FileFault(`the column ${given[doubled]} is there twice`);
  if (titles.every((title) => title === '')) throw new FileFault('the first line has no titles');
}

/** A digest of the file's bytes as they are, packed or not. */
export async function digestOf(open: OpenFile, onChunk: OnChunk): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of open()) {
    await onChunk();
    hash.update(chunk);
  }
  return hash.digest('hex');
}

function csvRow(ahead: Line[], titles: string[], delimiter: string): FileRow {
  const [first] = ahead as [Line];
  let text = first.text;
  let quotes = 0;
  for (let taken = 1; taken <= ahead.length && !first.fault; taken++) {
    const next = ahead[taken - 1] as Line;
    if (next.fault) break;
    text = taken === 1 ? next.text : `${text}\n${next.text}`;
    quotes += next.text.split('"').length - 1;
    if (text.length > LONGEST_ROW_BYTES) break;
    if (quotes % 2 !== 0) continue;
    const cells = cellsOf(text, delimiter);
    // A lost quote joins lines; such a row has another number of cells.
    if (!cells || (taken > 1 && cells.length !== titles.length)) break;
    ahead.splice(0, taken);
    const row = { line: first.line, raw: text };
    if (cells.length !== titles.length) {
      const fault = `${cells.length} cells, where the titles are ${titles.length}`;
      return { ...row, cells: undefined, fault };
    }
    return {
      ...row,
      cells: new Map(titles.map((title, n) => [title, plain(cells[n])])),
      fault: undefined,
    };
  }
  ahead.shift();
  const fault = first.fault ?? 'no row of separated values: look at its quotes';
  return { line: first.line, cells: undefined, fault, raw: first.text };
}

/** What databases write for NULL is nothing. */
function plain(cell = ''): string {
  const text = cell.trim();
  return text === '\\N' || text === 'NULL' ? '' : text;
}

function jsonRow(ahead: Line[]): FileRow {
  const { line, text: raw, fault } = ahead.shift() as Line;
  const members = fault === undefined ? jsonCells(raw) : undefined;
  if (!members) {
    return {
      line,
      raw,
      cells: undefined,
      fault: fault ?? 'no JSON object of texts, numbers and booleans',
    };
  }
  const cells = new Map(Object.entries(members).map(([name, value]) => [plainTitle(name), value]));
  if (cells.size !== countMembers(raw)) {
    return { line, raw, cells: undefined, fault: 'a member is there twice' };
  }
  return { line, raw, cells, fault: undefined };
}

function jsonCells(text: string): Record<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text, exactNumber);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  if (entries.some(([, member]) => typeof member === 'object' && member !== null)) return undefined;
  return Object.fromEntries(entries.map(([name, member]) => [name, String(member ?? '')]));
}

/** A number as it is written, if JavaScript would round it. */
function exactNumber(_name: string, value: unknown, context?: { source?: string }): unknown {
  const isRounded = typeof value === 'number' && !Number.isSafeInteger(value);
  return isRounded ? (context?.source ?? value) : value;
}

/** The number of members of an object without objects in it, those with the same name included. */
function countMembers(json: string): number {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, '').split(':').length - 1;
}

const forms = new Map<string, RegExp>();

/** RFC 4180. For some other texts Papa Parse takes quadratic time. */
function formOf(delimiter: string): RegExp {
  const known = forms.get(delimiter);
  if (known) return known;
  const [d, quoted] = [delimiter === '\t' ? '\\t' : delimiter, '"[^"]*(?:""[^"]*)*" *'];
  const form = new RegExp(
    `^(?:${quoted}|[^"${d}][^${d}]*|)(?:${d}(?:${quoted}|[^"${d}][^${d}]*|(?=${d}|$)))*$`,
  );
  forms.set(delimiter, form);
  return form;
}

function cellsOf(text: string, delimiter = ','): string[] | undefined {
  if (!text.includes('"')) return text.split(delimiter);
  if (!formOf(delimiter).test(text)) return undefined;
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, newline: '\r' });
  return errors.length > 0 || data.length !== 1 ? undefined : data[0];
}

interface Line {
  line: number;
  text: string;
  fault: string | undefined;
}

/** Lines that are not blank. Of a line that is too long only the number is kept. */
async function* linesOf(
  open: OpenFile,
  encoding: Encoding,
  onChunk: OnChunk,
): AsyncGenerator<Line, undefined> {
  const decoder = new TextDecoder(encoding === 'latin1' ? 'windows-1252' : 'utf-8', {
    fatal: true,
  });
  let rest: Buffer[] = [];
  let length = 0;
  let line = 1;
  const slice = new Slice();
  const end = (last: Buffer): Line | undefined => {
    const at = line++;
    const isTooLong = length + last.length > LONGEST_ROW_BYTES;
    const bytes = isTooLong ? Buffer.alloc(0) : Buffer.concat([...rest, last]);
    rest = [];
    length = 0;
    if (isTooLong) return { line: at, text: '', fault: `longer than ${LONGEST_ROW_BYTES} bytes` };
    return decoded(bytes, at);
  };
  const decoded = (bytes: Buffer, at: number): Line | undefined => {
    try {
      const text = decoder.decode(bytes).replace(/\r$/, '').replace(BYTE_ORDER_MARK, '');
      if (text.trim() === '') return undefined;
      const fault = text.includes('\0') ? 'it has the character NUL' : undefined;
      return { line: at, text: fault ? '' : text, fault };
    } catch {
      return { line: at, text: '', fault: 'it is not UTF-8: save it so, or add --encoding latin1' };
    }
  };
  for await (const chunk of unpacked(open())) {
    await onChunk();
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (slice.isOver) await slice.next();
      const found = end(chunk.subarray(from, at));
      from = at + 1;
      if (found) yield found;
    }
    const left = chunk.subarray(from);
    length += left.length;
    if (length <= LONGEST_ROW_BYTES) rest.push(Buffer.from(left));
    else rest = [];
  }
  const last = length > 0 ? end(Buffer.alloc(0)) : undefined;
  if (last) yield last;
  return undefined;
}

/** @throws FileFault for a damaged gzip */
async function* unpacked(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const source = chunks[Symbol.asyncIterator]();
  const { value: first, done } = await source.next();
  if (done) return;
  const all = (async function* () {
    yield first;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  })();
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    yield* all;
    return;
  }
  const gunzip = createGunzip();
  const fed = (async () => {
    for await (const chunk of all) {
      if (!gunzip.write(chunk)) await new Promise((resolve) => gunzip.once('drain', resolve));
    }
    gunzip.end();
  })();
  fed.catch((error) => gunzip.destroy(error));
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_'))
      throw new FileFault('damaged gzip');
    throw error;
  }
}
