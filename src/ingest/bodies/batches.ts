import { Slice } from '../../domain/slice.ts';
import { type Chunks, onePiece, type Piece, type PieceSizes, readPieces } from './pieces.ts';

// A batch debits an account once, so larger batches cost less for each call. But preparing a batch
// blocks the event loop.
const BATCH_RECORDS = 2_000;
// Records may keep the bytes in memory from which they were read.
const BATCH_BYTES = 2 * 1024 * 1024;
// A body of this size is read in less than a slice, however damaged it is.
const SHORT = { piece: 1024, record: 1024 };
// A slice exceeds its time by the work of one chunk at most.
const CHUNK_BYTES = 64 * 1024;
const MOST_RECORDS = 500_000;
// Damaged records take longest to read, and a body with so many is no real delivery.
const MOST_DAMAGED = 10_000;

/** A body has too many records, or too many damaged ones; the message says which. */
export class TooManyRecords extends Error {}

export interface BatchOptions<Result> {
  sizes?: PieceSizes | undefined;
  /** whether a record is good, to limit good and damaged records; left out: no limits */
  isGood?: ((record: Result) => boolean) | undefined;
}

/**
 * Reads a body's records in batches. After each slice of some milliseconds other requests get their
 * turn. Only one body is read at a time.
 * @param read yields the records of a piece; undefined while it looks for the next record
 * @throws TooManyRecords after the last batch that is within the limits
 */
export async function* readBatches<Result>(
  chunks: Chunks,
  read: (piece: Piece) => Iterable<Result | undefined>,
  { sizes, isGood }: BatchOptions<Result> = {},
): AsyncGenerator<Result[]> {
  let batch: Result[] = [];
  let bytes = 0;
  let good = 0;
  let damaged = 0;
  const slice = new Slice();
  const one = onePiece(chunks, sizes);
  for await (const piece of one ? [one] : readPieces(inSlices(chunks, slice), sizes)) {
    for (const record of read(piece)) {
      if (isGood) {
        if (record !== undefined && isGood(record)) good++;
        else damaged++;
        const problem = tooMany(good, damaged);
        if (problem) {
          yield batch;
          throw new TooManyRecords(problem);
        }
      }
      if (record !== undefined) batch.push(record);
      if (slice.isOver) await slice.next();
      if (batch.length < BATCH_RECORDS) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
    bytes += piece.bytes.length;
    if (bytes < BATCH_BYTES || batch.length === 0) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/**
 * The records of a short body, read at once: a generator takes longer than to read a single record.
 * @returns undefined for any other body
 */
export function readShort<Result>(
  chunks: Chunks,
  read: (piece: Piece) => Iterable<Result | undefined>,
): Result[] | undefined {
  const piece = onePiece(chunks, SHORT);
  if (!piece) return undefined;
  const records: Result[] = [];
  for (const record of read(piece)) if (record !== undefined) records.push(record);
  return records;
}

/** The bytes in small chunks, with a pause between them when a slice is over. */
async function* inSlices(chunks: Chunks, slice: Slice): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += CHUNK_BYTES) {
      yield chunk.subarray(at, at + CHUNK_BYTES);
      if (slice.isOver) await slice.next();
    }
  }
}

function tooMany(good: number, damaged: number): string | undefined {
  if (good + damaged > MOST_RECORDS) return `read no further than ${MOST_RECORDS} records`;
  if (damaged <= MOST_DAMAGED || damaged <= good) return undefined;
  return `read no further than ${good + damaged - 1} records, of which most are damaged`;
}
