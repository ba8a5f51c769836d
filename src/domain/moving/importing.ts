import type { Database } from '../../db/database.ts';
import { audit } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import {
  digestOf,
  FileFault,
  type FileHead,
  type OnChunk,
  type OpenFile,
  readFileRows,
} from './file-rows.ts';
import {
  failed,
  type ImportKind,
  type ImportOptions,
  type ImportTools,
  type ReadRow,
} from './import-kind.ts';
import { KINDS } from './import-kinds.ts';
import {
  countsOf,
  findRun,
  hasEnded,
  type ImportCounts,
  type ImportRun,
  remarksOf,
  requireOpen,
} from './import-run.ts';
import { RowMapper, readMapping, shippedMapping } from './mapping.ts';
import { notUnderstood } from './price-rows.ts';
import { type Reading, RowReading } from './read-row.ts';
import { forgetNames, RowNames } from './row-names.ts';
import { type Batch, keyOf, type OnCredentials, writeBatch } from './write-rows.ts';

const BATCH = 500;
const CHECKED_EVERY_MS = 500;

export interface Importing {
  tools: Omit<ImportTools, 'options' | 'names' | 'wantsCredentials'>;
  /** @param done rows of the file; total is known after the first reading */
  onProgress?: (done: number, total: number, failed: number) => void;
  /** is called while the file is read; it may throw to end that */
  onReading?: () => void;
  onCredentials?: OnCredentials;
}

export interface ImportResult {
  run: ImportRun;
  counts: ImportCounts;
}

/** What the first reading of a file found. */
interface FirstReading {
  rows: number;
  /** rows that are faulty, also because of other rows */
  faulty: number;
  /** the passes that have rows */
  passes: Set<number>;
  remarks: string[];
}

/**
 * Imports a file, or goes on with it. The whole file is checked before anything is written. Then
 * groups of rows are written, each with its results and the position in one transaction. So it may
 * be killed at any moment and called again. A dry run does the same, and rolls each group back.
 * @throws Refusal 'conflict' for another file, while another process imports it, or once it is
 *   discarded
 */
export async function importFile(
  { tools, onProgress, onReading, onCredentials }: Importing,
  id: string,
  open: OpenFile,
): Promise<ImportResult> {
  const { db } = tools;
  let run = await findRun(db, id);
  if (run.status === 'finished') return { run, counts: await countsOf(db, id) };
  await requireOpen(db, id);
  const { options } = run;
  const kind = KINDS[run.kind];
  const mapping = options.ownMapping
    ? readMapping(options.ownMapping)
    : shippedMapping(options.mapping);
  const mapper = new RowMapper(mapping, run.kind, options);
  const reading = new RowReading(kind, mapper, { options, currency: tools.currency });
  const onChunk = checks(db, id, onReading);
  const digest = await digestOf(open, onChunk);
  // A discarded import has lost its file's parts, so what was read of them is not the file.
  await requireOpen(db, id);
  await requireSameFile(db, run, digest);
  const names = new RowNames(db, tools.keyring, id);
  const first = await firstReading(kind, { open, mapper, reading, run, names, onChunk });
  await requireOpen(db, id);
  await db.query('UPDATE import_run SET rows = $2, remarks = $3 WHERE id = $1', [
    id,
    first.rows,
    JSON.stringify(first.remarks),
  ]);
  const wantsCredentials = onCredentials !== undefined;
  const all: ImportTools = { ...tools, options, names, wantsCredentials };
  const writes = !options.allOrNothing || first.faulty === 0;
  const before = await countsOf(db, id);
  let failures = before.failed;
  let seen = Object.values(before).reduce((sum, count) => sum + count, 0);
  for (const pass of first.passes) {
    if (run.pass > pass) continue;
    const after = run.pass === pass ? run.line : 0;
    let found: Reading[] = [];
    const flush = async (line: number) => {
      const batch = await batchOf(all, kind, found, writes);
      await kind.prepare?.(all, batch.rows);
      const { results, sums } = await writeBatch(
        all,
        { kind, run, batch, pass, line },
        onCredentials,
      );
      run = { ...run, pass, line, sums };
      failures += results.filter(({ status }) => status === 'failed').length;
      seen += found.length;
      onProgress?.(seen, first.rows, failures);
      found = [];
    };
    let last = after;
    for await (const fileRow of readFileRows(open, options.encoding, undefined, onChunk)) {
      if (fileRow.line <= after) continue;
      const read = reading.read(fileRow);
      const passOfRow = 'row' in read ? (kind.passOf?.(read.row) ?? 1) : 1;
      if (passOfRow !== pass) continue;
      last = fileRow.line;
      found.push(read);
      if (found.length === BATCH) await flush(last);
    }
    if (found.length > 0) await flush(last);
  }
  return finish(all, run);
}

/** Finds out now and then whether an import still goes on. */
function checks(db: Database, id: string, onReading: () => void = () => undefined): OnChunk {
  let checkedMs = performance.now();
  return async () => {
    if (performance.now() - checkedMs < CHECKED_EVERY_MS) return;
    onReading();
    await requireOpen(db, id);
    checkedMs = performance.now();
  };
}

/** The rows of a group that are written, and the results of the others. */
async function batchOf(
  { db, names, options }: ImportTools,
  kind: ImportKind,
  found: Reading[],
  writes: boolean,
): Promise<Batch> {
  const rows = found.flatMap((read) => ('row' in read ? [read.row] : []));
  const firstLines = await names.firstLines(
    db,
    rows.flatMap((row) => namesOf(kind, row, options)),
  );
  const batch: Batch = { rows: [], results: [] };
  for (const read of found) {
    if ('skipped' in read) {
      const { line, key, skipped } = read;
      batch.results.push({ line, key, status: 'skipped', errors: [{ detail: skipped }] });
    } else if ('faults' in read) {
      const { line, key, faults } = read;
      batch.results.push({ line, key, status: 'failed', errors: faults });
    } else {
      const { row } = read;
      const why =
        doubleOf(kind, row, firstLines) ??
        (writes ? undefined : 'not tried: other rows are faulty, and it is all or nothing');
      if (why === undefined) batch.rows.push(row);
      else batch.results.push(failed(row, keyOf(kind, row), why));
    }
  }
  return batch;
}

/** All that no other row of the file may be called as well. */
function namesOf(kind: ImportKind, row: ReadRow, { acceptWeakSip }: ImportOptions): string[] {
  const shared = acceptWeakSip ? undefined : kind.sharedOf?.(row);
  return [...kind.keysOf(row), ...(shared === undefined ? [] : [sharedName(shared)])];
}

const sharedName = (shared: string) => `shared ${shared}`;

/** What an earlier row has as well; undefined: nothing. */
function doubleOf(
  kind: ImportKind,
  row: ReadRow,
  firstLines: Map<string, number>,
): string | undefined {
  const earlier = (name: string) => {
    const line = firstLines.get(name);
    return line !== undefined && line < row.line ? line : undefined;
  };
  const shared = kind.sharedOf && earlier(sharedName(kind.sharedOf(row)));
  if (shared !== undefined) return `line ${shared} has the same secret; --accept-weak-sip takes it`;
  const key = kind.keysOf(row).findLast((name) => earlier(name) !== undefined);
  return key && `line ${earlier(key)} has the ${key}, too`;
}

async function requireSameFile(db: Database, run: ImportRun, digest: string): Promise<void> {
  if (run.digest === null) {
    await db.query('UPDATE import_run SET digest = $2 WHERE id = $1', [run.id, digest]);
  } else if (run.digest !== digest) {
    throw new Refusal('conflict', `the file is another one than at the start of ${run.id}`);
  }
}

async function firstReading(
  kind: ImportKind,
  given: {
    open: OpenFile;
    mapper: RowMapper;
    reading: RowReading;
    run: ImportRun;
    names: RowNames;
    onChunk: OnChunk;
  },
): Promise<FirstReading> {
  const { open, mapper, reading, run, names, onChunk } = given;
  const found: FirstReading = { rows: 0, faulty: 0, passes: new Set([1]), remarks: [] };
  const onHead = ({ titles }: FileHead) => {
    const { unknown, money } = mapper.unknownOf(titles);
    if (money.length > 0) {
      throw new FileFault(notUnderstood(money));
    }
    if (unknown.length > 0)
      found.remarks.push(`columns that are not imported: ${unknown.join(', ')}`);
  };
  try {
    for await (const fileRow of readFileRows(open, run.options.encoding, onHead, onChunk)) {
      found.rows++;
      const read = reading.read(fileRow);
      if ('faults' in read) found.faulty++;
      if (!('row' in read)) continue;
      found.passes.add(kind.passOf?.(read.row) ?? 1);
      const { line } = read.row;
      const own = namesOf(kind, read.row, run.options).map((name) => ({ name, line }));
      found.faulty += await names.note(own);
    }
    found.faulty += await names.flush();
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new Refusal('malformed', `the file cannot be imported: ${error.message}`);
  }
  return found;
}

async function finish({ db, actor, now }: ImportTools, run: ImportRun): Promise<ImportResult> {
  const counts = await countsOf(db, run.id);
  const remarks = await remarksOf(db, run.id);
  await db.transaction(async (tx) => {
    const ended = await tx.query(
      `UPDATE import_run SET status = 'finished', finished_at = $2, remarks = remarks || $3::jsonb
       WHERE id = $1 AND status = 'open' RETURNING id`,
      [run.id, now, JSON.stringify(remarks)],
    );
    if (ended.length === 0) throw hasEnded(run.id);
    await forgetNames(tx, run.id);
    const { kind, options, sums } = run;
    const detail = { import: run.id, kind, dryRun: options.dryRun, ...counts, sums };
    const action = options.dryRun ? 'dry run finished' : 'import finished';
    await audit(tx, actor, { action, detail }, now);
  });
  return { run: await findRun(db, run.id), counts };
}
