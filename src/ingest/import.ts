import type { Readable } from 'node:stream';
import type { Database } from '../db/database.ts';
import type { RefusedRecord } from '../domain/calls/call-refused.ts';
import type { Feed } from '../domain/calls/feed.ts';
import { type PieceSizes, readPieces } from './pieces.ts';
import type { Origin, ParsedRecord } from './record.ts';
import { PARSERS, type TakenIn, takeInRecords } from './take-in.ts';

const BATCH = 1_000;

/** A file, or standard input. */
export interface ImportSource {
  /** as a record set aside names it */
  name: string;
  open: () => Readable;
}

export interface ImportCounts extends Omit<TakenIn, 'warningsDue'> {
  /** read to their end */
  files: number;
  failures: { name: string; problem: string }[];
}

export interface ImportOptions {
  now: Date;
  retentionMonths: number;
  sizes?: PieceSizes;
  /** told of what was set aside, as it happens */
  onRefused?: (refused: RefusedRecord[]) => void;
}

/**
 * Takes in the records of files, a batch after the other, each file in pieces. Interrupted, or done
 * again, it doubles nothing. A file that cannot be read to its end does not stop the others.
 */
export async function importCalls(
  db: Database,
  feed: Feed,
  sources: ImportSource[],
  { now, retentionMonths, sizes, onRefused }: ImportOptions,
): Promise<ImportCounts> {
  const counts = { stored: 0, duplicates: 0, unbilled: 0, refused: 0, files: 0 };
  const failures: ImportCounts['failures'] = [];
  let batch: ParsedRecord[] = [];
  const flush = async () => {
    const taken = await takeInRecords(db, feed, batch, { now, retentionMonths });
    batch = [];
    counts.stored += taken.stored;
    counts.duplicates += taken.duplicates;
    counts.unbilled += taken.unbilled;
    counts.refused += taken.refused;
    if (taken.refusals.length > 0) onRefused?.(taken.refusals);
  };
  for (const source of sources) {
    for await (const record of recordsOf(source, feed, sizes, failures)) {
      batch.push(record);
      if (batch.length >= BATCH) await flush();
    }
  }
  await flush();
  counts.files = sources.length - failures.length;
  return { ...counts, failures };
}

/** The records of a file, until its end or until it cannot be read on. */
async function* recordsOf(
  { name, open }: ImportSource,
  feed: Feed,
  sizes: PieceSizes | undefined,
  failures: ImportCounts['failures'],
): AsyncGenerator<ParsedRecord> {
  const pieces = readPieces(open(), sizes);
  for (;;) {
    let next: Awaited<ReturnType<typeof pieces.next>>;
    try {
      next = await pieces.next();
    } catch (error) {
      failures.push({ name, problem: (error as Error).message });
      return;
    }
    if (next.done) return;
    const { bytes, linesBefore } = next.value;
    for (const record of PARSERS[feed.format](bytes, feed)) {
      yield record.kind === 'unbilled leg'
        ? record
        : { ...record, origin: placed(record.origin, name, linesBefore) };
    }
  }
}

function placed(origin: Origin, name: string, linesBefore: number): Origin {
  const line = () => linesBefore + origin.line();
  return { ...origin, line, place: () => `${name}, line ${line()}` };
}
