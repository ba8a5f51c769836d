import type { Readable } from 'node:stream';
import type { Database } from '../db/database.ts';
import type { Feed } from '../domain/calls/feed.ts';
import type { RejectedRecord } from '../domain/calls/rejected-record.ts';
import { readBatches } from './bodies/batches.ts';
import type { PieceSizes } from './bodies/pieces.ts';
import { unpacked } from './bodies/unpack.ts';
import type { ParsedRecord } from './record.ts';
import { addTakenIn, nothingTakenIn, readerOf, type TakenIn, takeInRecords } from './take-in.ts';

const BATCH = 1_000;

/** A file, or standard input. */
export interface ImportSource {
  /** the name in rejected records */
  name: string;
  open: () => Readable;
}

export interface ImportCounts extends Omit<TakenIn, 'warningsDue'> {
  /** files that were read to their end */
  files: number;
  failures: { name: string; problem: string }[];
}

export interface ImportOptions {
  now: Date;
  retentionMonths: number;
  emergencyNumbers: ReadonlySet<string>;
  sizes?: PieceSizes;
  /** is called when records are rejected */
  onRejected?: (rejected: RejectedRecord[]) => void;
}

/**
 * Takes in the records of files in batches, each file in pieces. It may be interrupted or repeated:
 * no call is stored twice. A file that cannot be read to its end does not stop the others.
 */
export async function importCalls(
  db: Database,
  feed: Feed,
  sources: ImportSource[],
  { sizes, ...options }: ImportOptions,
): Promise<ImportCounts> {
  const total = nothingTakenIn();
  const failures: ImportCounts['failures'] = [];
  let batch: ParsedRecord[] = [];
  const flush = async () => {
    addTakenIn(total, await takeInRecords(db, feed, batch, options));
    batch = [];
  };
  for (const source of sources) {
    for await (const records of recordsOf(source, feed, sizes, failures)) {
      batch = batch.concat(records);
      if (batch.length >= BATCH) await flush();
    }
  }
  await flush();
  const { warningsDue: _, ...counts } = total;
  return { ...counts, files: sources.length - failures.length, failures };
}

/** The records of a file, until its end or a read error. */
async function* recordsOf(
  { name, open }: ImportSource,
  feed: Feed,
  sizes: PieceSizes | undefined,
  failures: ImportCounts['failures'],
): AsyncGenerator<ParsedRecord[]> {
  const read = readerOf(feed, undefined, (line) => `${name}, line ${line}`);
  const batches = readBatches(unpacked(open()), read, { sizes });
  for (;;) {
    let next: Awaited<ReturnType<typeof batches.next>>;
    try {
      next = await batches.next();
    } catch (error) {
      failures.push({ name, problem: (error as Error).message });
      return;
    }
    if (next.done) return;
    yield next.value;
  }
}
