import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { csvHeader } from './csv-rows.ts';
import { isGzip } from './gzip.ts';
import { ArrayCutter } from './json-array.ts';
import { isArray } from './json-records.ts';

const NEWLINE = 0x0a;
const NEWLINE_BYTES = Buffer.from('\n');

/** Part of a file that a format's parser reads by itself. */
export interface Piece {
  bytes: Buffer;
  /** what a line of the piece must be moved by to be one of the file */
  linesBefore: number;
}

export interface PieceSizes {
  /** a file up to this many bytes is one piece, in whatever form it is */
  whole: number;
  /** about so many bytes of lines make a piece of a larger one */
  lines: number;
}

export const PIECE_SIZES: PieceSizes = { whole: 8 * 1024 * 1024, lines: 512 * 1024 };

/**
 * Cuts what a stream brings, gzip or not, into pieces: a small file is one, a large one is cut
 * between lines, a large JSON array between members. So any file needs the same memory.
 * @throws Error where gzip is damaged, or a large file holds no end of a line or member for long
 */
export async function* readPieces(
  source: Readable,
  sizes: PieceSizes = PIECE_SIZES,
): AsyncGenerator<Piece> {
  const chunks = unpacked(source);
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const { value, done } = await chunks.next();
    if (done) {
      if (head.length > 0) yield { bytes: head, linesBefore: 0 };
      return;
    }
    head = Buffer.concat([head, value]);
    if (head.length > sizes.whole) break;
  }
  yield* isArray(head) ? membersOf(head, chunks, sizes) : linesOf(head, chunks, sizes);
}

async function* linesOf(
  head: Buffer,
  chunks: AsyncIterable<Buffer>,
  sizes: PieceSizes,
): AsyncGenerator<Piece> {
  const header = csvHeader(head);
  let pending = head;
  let lines = 0;
  /** @param bytes whole lines, but for the last line end */
  const piece = (bytes: Buffer): Piece => {
    const repeats = header !== undefined && lines > 0;
    const made = {
      bytes: repeats ? Buffer.concat([header, NEWLINE_BYTES, bytes]) : bytes,
      linesBefore: repeats ? lines - 1 : lines,
    };
    lines += newlines(bytes) + 1;
    return made;
  };
  const wholeLines = function* () {
    while (pending.length >= sizes.lines) {
      const last = pending.lastIndexOf(NEWLINE, sizes.lines - 1);
      const end = last === -1 ? pending.indexOf(NEWLINE) : last;
      if (end === -1) break;
      yield piece(pending.subarray(0, end));
      pending = pending.subarray(end + 1);
    }
  };
  yield* wholeLines();
  for await (const chunk of chunks) {
    pending = Buffer.concat([pending, chunk]);
    requireBounded(pending.length, sizes, 'line');
    yield* wholeLines();
  }
  if (pending.length > 0) yield piece(pending);
}

async function* membersOf(
  head: Buffer,
  chunks: AsyncIterable<Buffer>,
  sizes: PieceSizes,
): AsyncGenerator<Piece> {
  const cutter = new ArrayCutter();
  const counter = new LineCounter();
  const cut = function* (chunk: Buffer) {
    counter.push(chunk);
    for (const { bytes, start } of cutter.push(chunk)) {
      yield { bytes, linesBefore: counter.before(start) };
    }
    requireBounded(cutter.pendingBytes, sizes, 'member');
  };
  yield* cut(head);
  for await (const chunk of chunks) yield* cut(chunk);
  const rest = cutter.rest();
  if (rest) yield { bytes: rest.bytes, linesBefore: counter.before(rest.start) };
}

/** Counts the line ends before positions that only grow. */
class LineCounter {
  #position = 0;
  #ends: number[] = [];
  #counted = 0;

  push(chunk: Buffer): void {
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) {
      this.#ends.push(this.#position + at);
    }
    this.#position += chunk.length;
  }

  before(position: number): number {
    const passed = this.#ends.findIndex((end) => end >= position);
    const dropped = this.#ends.splice(0, passed === -1 ? this.#ends.length : passed);
    this.#counted += dropped.length;
    return this.#counted;
  }
}

function newlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

function requireBounded(length: number, sizes: PieceSizes, unit: string): void {
  if (length <= 4 * sizes.whole) return;
  throw new Error(`a ${unit} of more than ${4 * sizes.whole} bytes is no record`);
}

/** The bytes, unpacked where they are gzip. */
async function* unpacked(source: Readable): AsyncGenerator<Buffer, undefined> {
  const chunks: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 2) {
    const { value, done } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  const whole = (async function* () {
    yield head;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  })();
  if (!isGzip(head)) {
    yield* whole;
    return;
  }
  const gunzip = createGunzip();
  // A failure ends the iteration below, too.
  pipeline(Readable.from(whole), gunzip, () => undefined);
  yield* gunzip as AsyncIterable<Buffer>;
}
