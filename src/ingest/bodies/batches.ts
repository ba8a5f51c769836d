import { setImmediate } from 'node:timers/promises';
import { type Chunks, type Piece, type PieceSizes, readPieces } from './pieces.ts';

// Each debits an account once, so that larger ones take less for a call; but one must be done well
// before it counts as unanswered.
const BATCH_RECORDS = 5_000;
// Records may hold on to the bytes that they were read from.
const BATCH_BYTES = 2 * 1024 * 1024;
const SLICE_MS = 10;

/** A body holds more records, or more that may be one, than are read at once. */
export class TooManyRecords extends Error {}

export interface BatchOptions {
  sizes?: PieceSizes | undefined;
  /** how many records are looked for; left out, all */
  most?: number;
}

/**
 * Reads what a body holds, a batch after the other. Between slices of some milliseconds others are
 * answered, and of all bodies one is read at a time.
 * @param read the records of a piece; undefined where the next one is still looked for
 * @throws TooManyRecords after the last batch that is within the limit
 */
export async function* readBatches<Result>(
  chunks: Chunks,
  read: (piece: Piece) => Iterable<Result | undefined>,
  { sizes, most = Number.POSITIVE_INFINITY }: BatchOptions = {},
): AsyncGenerator<Result[]> {
  let batch: Result[] = [];
  let bytes = 0;
  let looked = 0;
  let sliceEnd = performance.now() + SLICE_MS;
  for await (const piece of readPieces(chunks, sizes)) {
    for (const record of read(piece)) {
      if (++looked > most) {
        yield batch;
        throw new TooManyRecords();
      }
      if (record !== undefined) batch.push(record);
      if (performance.now() > sliceEnd) {
        await nextTurn();
        sliceEnd = performance.now() + SLICE_MS;
      }
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

let turns: Promise<unknown> = Promise.resolve();

/** Waits until everything else that is due was done, and one after the other. */
function nextTurn(): Promise<unknown> {
  turns = turns.then(() => setImmediate());
  return turns;
}
