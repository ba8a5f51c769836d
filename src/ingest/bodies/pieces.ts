import { csvHeader } from './csv-rows.ts';
import { MemberScanner } from './json-array.ts';
import { isArray } from './json-records.ts';
import { isBlank, lineEnds } from './lines.ts';

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const SPACE = 0x20;
const OPEN_OBJECT = 0x7b;
const NEWLINE_BYTES = Buffer.from('\n');
const ARRAY_START = Buffer.from('[');
const ARRAY_END = Buffer.from(']');
const COMMA = 0x2c;
const LEAST_CHUNK_BYTES = 16 * 1024;
/** how much of a too long record is kept */
const KEPT_BYTES = 64 * 1024;

/** The unpacked bytes of a body or file, in order. */
export type Chunks = Iterable<Buffer> | AsyncIterable<Buffer>;

/** A part of a body that a format's parser can read alone. */
export interface Piece {
  bytes: Buffer;
  /** lines of the body before this piece; added to line numbers of the piece */
  linesBefore: number;
  /** the piece is the beginning of a too long record */
  isTooLong?: true;
}

export interface PieceSizes {
  /** about how many bytes of lines or members make a piece */
  piece: number;
  /** the longest record; a body up to this size that is no array is one piece */
  record: number;
}

const PIECE_SIZES: PieceSizes = { piece: 16 * 1024, record: 1024 * 1024 };

/** A body that is one small chunk, so it needs no cutting; undefined for any other. */
export function onePiece(chunks: Chunks, sizes: PieceSizes = PIECE_SIZES): Piece | undefined {
  const [bytes, ...others] = Array.isArray(chunks) ? (chunks as Buffer[]) : [];
  const isOne = bytes && others.length === 0 && bytes.length > 0 && bytes.length <= sizes.piece;
  return isOne ? { bytes, linesBefore: 0 } : undefined;
}

/**
 * Cuts a body into pieces in one pass. An array is cut between members, any other body between
 * lines. A small body that is no array is not cut, because it may be one record. So a body of any
 * size needs the same memory.
 */
export async function* readPieces(
  chunks: Chunks,
  sizes: PieceSizes = PIECE_SIZES,
): AsyncGenerator<Piece> {
  const source = evenly(chunks);
  let parts: Buffer[] = [];
  let length = 0;
  let lines = 0;
  let form: Buffer | undefined;
  let cutter: LineCutter | ArrayCutter | undefined;
  while (!cutter) {
    const { value, done } = await source.next();
    if (done) {
      if (length > 0) yield { bytes: joined(parts), linesBefore: lines };
      return;
    }
    parts.push(value);
    length += value.length;
    if (!form && !isBlank(value)) form = value;
    if (length <= sizes.piece) continue;
    if (form && isArray(form)) cutter = new ArrayCutter(sizes, lines);
    else if (form && length > sizes.record) cutter = new LineCutter(joined(parts), sizes, lines);
    else if (length > sizes.record) {
      for (const part of parts) lines += lineEnds(part);
      parts = [];
      length = 0;
    }
  }
  for (const part of parts) yield* cutter.pieces(part);
  for await (const chunk of source) yield* cutter.pieces(chunk);
  yield* cutter.rest();
}

/** Joins tiny chunks, because later steps would copy them again and again. */
async function* evenly(chunks: Chunks): AsyncGenerator<Buffer, undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length < LEAST_CHUNK_BYTES) continue;
    yield joined(parts);
    parts = [];
    length = 0;
  }
  if (length > 0) yield joined(parts);
  return undefined;
}

function joined(parts: Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}

/** Bytes that wait for the end of their piece. */
class Pending {
  bytes: Buffer = Buffer.alloc(0);
  /** line ends before them */
  lines: number;
  /** the beginning of a too long record was yielded, and its rest is skipped */
  #passesOver = false;

  constructor(lines: number) {
    this.lines = lines;
  }

  /** @returns whether bytes wait now */
  add(chunk: Buffer): boolean {
    const newline = this.#passesOver ? chunk.indexOf(NEWLINE) : 0;
    if (newline === -1) return false;
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    if (this.#passesOver) this.drop(newline + 1);
    this.#passesOver = false;
    return true;
  }

  drop(length: number): void {
    this.lines += lineEnds(this.bytes, 0, length);
    this.bytes = this.bytes.subarray(length);
  }

  /** @returns the beginning of a too long record; its rest, up to a line end, is skipped */
  giveUp(): Piece {
    const bytes = this.bytes.subarray(0, KEPT_BYTES);
    this.bytes = Buffer.alloc(0);
    this.#passesOver = true;
    return { bytes, linesBefore: this.lines, isTooLong: true };
  }
}

/** Cuts between lines; every piece of a CSV repeats its header. */
class LineCutter {
  #sizes: PieceSizes;
  #pending: Pending;
  #header: Buffer | undefined;
  #isCsv: boolean;
  #isFirst = true;

  constructor(head: Buffer, sizes: PieceSizes, lines: number) {
    this.#sizes = sizes;
    this.#pending = new Pending(lines);
    this.#header = csvHeader(head);
    this.#isCsv = head[0] !== OPEN_OBJECT;
  }

  *pieces(chunk: Buffer): Generator<Piece> {
    const pending = this.#pending;
    if (!pending.add(chunk)) return;
    while (pending.bytes.length >= this.#sizes.piece) {
      const end = this.#lineEnd(pending.bytes, this.#sizes.piece);
      if (end === -1) break;
      yield this.#piece(pending.bytes.subarray(0, end));
      pending.drop(end + 1);
    }
    if (pending.bytes.length <= this.#sizes.record) return;
    if (isBlank(pending.bytes)) pending.drop(pending.bytes.length);
    else yield pending.giveUp();
  }

  *rest(): Generator<Piece> {
    if (this.#pending.bytes.length > 0) yield this.#piece(this.#pending.bytes);
  }

  /** @param bytes whole lines; the last line end may be missing */
  #piece(bytes: Buffer): Piece {
    const { lines } = this.#pending;
    const header = this.#isFirst ? undefined : this.#header;
    this.#isFirst = false;
    if (!header) return { bytes, linesBefore: lines };
    return { bytes: Buffer.concat([header, NEWLINE_BYTES, bytes]), linesBefore: lines - 1 };
  }

  /** The end of a piece. In CSV, no quoted field may continue on the next line. */
  #lineEnd(bytes: Buffer, size: number): number {
    const last = bytes.lastIndexOf(NEWLINE, size - 1);
    if (last === -1) return bytes.indexOf(NEWLINE, size);
    if (!this.#isCsv) return last;
    let unquoted = -1;
    let quotes = 0;
    for (let at = 0; at <= last; at++) {
      if (bytes[at] === QUOTE) quotes++;
      else if (bytes[at] === NEWLINE && quotes % 2 === 0) unquoted = at;
    }
    return unquoted >= size / 2 ? unquoted : last;
  }
}

/** Cuts between the members of arrays. Every piece is an array. */
class ArrayCutter {
  #sizes: PieceSizes;
  #pending: Pending;
  #scanner = new MemberScanner();
  /** how many pending bytes were scanned */
  #scanned = 0;
  /** position of the last comma between members, 0 where there is none */
  #comma = 0;

  constructor(sizes: PieceSizes, lines: number) {
    this.#sizes = sizes;
    this.#pending = new Pending(lines);
  }

  *pieces(chunk: Buffer): Generator<Piece> {
    const pending = this.#pending;
    if (!pending.add(chunk)) return;
    for (;;) {
      const found = this.#scanner.next(pending.bytes, this.#scanned);
      if (found === -1) break;
      this.#scanned = found + 1;
      if (pending.bytes[found] === COMMA && found < this.#sizes.piece) this.#comma = found;
      else yield* this.#take(found);
    }
    this.#scanned = pending.bytes.length;
    if (pending.bytes.length <= this.#sizes.record) return;
    if (this.#comma > 0) yield* this.#take(this.#comma);
    if (pending.bytes.length <= this.#sizes.record) return;
    // No member is so long, so a quote or bracket is missing. The next line may be a good member.
    const line = pending.bytes.lastIndexOf(NEWLINE);
    if (line === -1) yield pending.giveUp();
    else {
      yield { bytes: pending.bytes.subarray(0, line), linesBefore: pending.lines };
      pending.drop(line + 1);
    }
    this.#scanner.resume();
    this.#scanned = 0;
  }

  *rest(): Generator<Piece> {
    if (this.#comma > 0) yield* this.#take(this.#comma);
    const { bytes } = this.#pending;
    if (isBlank(bytes)) return;
    this.#pending.drop(bytes.findIndex((byte) => byte > SPACE));
    yield { bytes: this.#pending.bytes, linesBefore: this.#pending.lines };
  }

  /** Yields the bytes before a position, and skips the byte at the position. */
  *#take(end: number): Generator<Piece> {
    const { bytes, lines } = this.#pending;
    const members = bytes.subarray(0, end);
    if (!isBlank(members)) {
      yield { bytes: Buffer.concat([ARRAY_START, members, ARRAY_END]), linesBefore: lines };
    }
    this.#pending.drop(end + 1);
    this.#scanned = Math.max(0, this.#scanned - end - 1);
    this.#comma = 0;
  }
}
