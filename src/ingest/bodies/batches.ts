import { setImmediate } from 'node:timers/promises';
import { type Chunks, type Piece, type PieceSizes, readPieces } from './pieces.ts';

// Each debits an account once, so that larger ones take less for a call; but what is done for all
// calls of one before it is sent keeps others waiting.
const BATCH_RECORDS = 2_000;
// Records may hold on to the bytes that they were read from.
const BATCH_BYTES = 2 * 1024 * 1024;
const SLICE_MS = 5;
// A slice ends within a chunk's work of its time.
const CHUNK_BYTES = 64 * 1024;
const MOST_RECORDS = 500_000;
// What is damaged takes longest to read, and a body that holds little else is no delivery.
const MOST_DAMAGED = 10_000;

/** A body holds more records than are read at once, or too many damaged ones; it says which. */
export class TooManyRecords extends Error {}

export interface BatchOptions<Result> {
  sizes?: PieceSizes | undefined;
  /** tells good records from damaged ones, of which no more are read than a delivery may hold; left out, all are */
  isGood?: ((record: Result) => boolean) | undefined;
}

/**
 * Reads what a body holds, a batch after the other. Between slices of some milliseconds others are
 * answered, and of all bodies one is read at a time.
 * @param read the records of a piece; undefined where the next one is still looked for
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
  for await (const piece of readPieces(inSlices(chunks, slice), sizes)) {
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

/** Bytes in chunks that are small, with a pause between them where it is due. */
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

let turns: Promise<unknown> = Promise.resolve();

/** Some milliseconds of work, before everything else that is due is done. */
class Slice {
  #end = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() > this.#end;
  }

  /** Waits for a turn, one body after the other. */
  async next(): Promise<void> {
    turns = turns.then(() => setImmediate());
    await turns;
    this.#end = performance.now() + SLICE_MS;
  }
}
