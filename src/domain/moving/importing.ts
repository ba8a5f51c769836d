import type { Database } from '../../db/database.ts';
import { audit } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import { digestOf, FileFault, type FileHead, type OpenFile, readFileRows } from './file-rows.ts';
import { type Fault, failed, type ImportKind, type ImportTools } from './import-kind.ts';
import { KINDS } from './import-kinds.ts';
import { countsOf, findRun, type ImportCounts, type ImportRun, remarksOf } from './import-run.ts';
import { RowMapper, readMapping, shippedMapping } from './mapping.ts';
import { notUnderstood } from './price-rows.ts';
import { RowReading } from './read-row.ts';
import { type Batch, keyOf, type OnCredentials, writeBatch } from './write-rows.ts';

const BATCH = 500;

export interface Importing {
  tools: Omit<ImportTools, 'options' | 'keys' | 'wantsCredentials'>;
  /** @param done rows of the file; total is known after the first reading */
  onProgress?: (done: number, total: number, failed: number) => void;
  onCredentials?: OnCredentials;
}

export interface ImportResult {
  run: ImportRun;
  counts: ImportCounts;
}

/** What the first reading of a file found. */
interface FirstReading {
  rows: number;
  /** lines that are faulty because of other lines, and why */
  doubled: Map<number, Fault>;
  keys: Map<string, number>;
  faulty: number;
  /** the passes that have rows */
  passes: Set<number>;
  remarks: string[];
}

/**
 * Imports a file, or goes on with it. The whole file is checked before anything is written. Then
 * groups of rows are written, each with its results and the position in one transaction. So it may
 * be killed at any moment and called again. A dry run does the same, and rolls each group back.
 * @throws Refusal 'conflict' for another file, or while another process imports it
 */
export async function importFile(
  { tools, onProgress, onCredentials }: Importing,
  id: string,
  open: OpenFile,
): Promise<ImportResult> {
  const { db } = tools;
  let run = await findRun(db, id);
  if (run.status !== 'open') return { run, counts: await countsOf(db, id) };
  const { options } = run;
  const kind = KINDS[run.kind];
  const mapping = options.ownMapping
    ? readMapping(options.ownMapping)
    : shippedMapping(options.mapping);
  const mapper = new RowMapper(mapping, run.kind, options);
  const reading = new RowReading(kind, mapper, { options, currency: tools.currency });
  await requireSameFile(db, run, await digestOf(open));
  const first = await firstReading(kind, { open, mapper, reading, run });
  await db.query('UPDATE import_run SET rows = $2, remarks = $3 WHERE id = $1', [
    id,
    first.rows,
    JSON.stringify(first.remarks),
  ]);
  const wantsCredentials = onCredentials !== undefined;
  const all: ImportTools = { ...tools, options, keys: first.keys, wantsCredentials };
  const writes = !options.allOrNothing || first.faulty === 0;
  const before = await countsOf(db, id);
  let failures = before.failed;
  let seen = Object.values(before).reduce((sum, count) => sum + count, 0);
  for (const pass of first.passes) {
    if (run.pass > pass) continue;
    const after = run.pass === pass ? run.line : 0;
    let batch: Batch = { rows: [], results: [] };
    const flush = async (line: number) => {
      await kind.prepare?.(all, batch.rows);
      const { results, sums } = await writeBatch(
        all,
        { kind, run, batch, pass, line },
        onCredentials,
      );
      run = { ...run, pass, line, sums };
      failures += results.filter(({ status }) => status === 'failed').length;
      seen += batch.rows.length + batch.results.length;
      onProgress?.(seen, first.rows, failures);
      batch = { rows: [], results: [] };
    };
    let last = after;
    for await (const fileRow of readFileRows(open, options.encoding)) {
      if (fileRow.line <= after) continue;
      const found = reading.read(fileRow);
      const passOfRow = 'row' in found ? (kind.passOf?.(found.row) ?? 1) : 1;
      if (passOfRow !== pass) continue;
      last = fileRow.line;
      addTo(batch, kind, found, { doubled: first.doubled.get(last), writes });
      if (batch.rows.length + batch.results.length >= BATCH) await flush(last);
    }
    if (batch.rows.length + batch.results.length > 0) await flush(last);
  }
  return finish(all, run);
}

function addTo(
  { rows, results }: Batch,
  kind: ImportKind,
  found: ReturnType<RowReading['read']>,
  { doubled, writes }: { doubled: Fault | undefined; writes: boolean },
): void {
  if ('skipped' in found) {
    const { line, key, skipped } = found;
    results.push({ line, key, status: 'skipped', errors: [{ detail: skipped }] });
  } else if ('faults' in found) {
    results.push({ line: found.line, key: found.key, status: 'failed', errors: found.faults });
  } else if (doubled || !writes) {
    const key = keyOf(kind, found.row);
    const detail = doubled?.detail ?? 'not tried: other rows are faulty, and it is all or nothing';
    results.push(failed(found.row, key, detail, doubled?.column));
  } else rows.push(found.row);
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
  given: { open: OpenFile; mapper: RowMapper; reading: RowReading; run: ImportRun },
): Promise<FirstReading> {
  const { open, mapper, reading, run } = given;
  const found: FirstReading = {
    rows: 0,
    doubled: new Map(),
    keys: new Map(),
    faulty: 0,
    passes: new Set([1]),
    remarks: [],
  };
  const shared = new Map<string, number>();
  const onHead = ({ titles }: FileHead) => {
    const { unknown, money } = mapper.unknownOf(titles);
    if (money.length > 0) {
      throw new FileFault(notUnderstood(money));
    }
    if (unknown.length > 0)
      found.remarks.push(`columns that are not imported: ${unknown.join(', ')}`);
  };
  try {
    for await (const fileRow of readFileRows(open, run.options.encoding, onHead)) {
      found.rows++;
      const read = reading.read(fileRow);
      if ('faults' in read) found.faulty++;
      if (!('row' in read)) continue;
      found.passes.add(kind.passOf?.(read.row) ?? 1);
      for (const key of kind.keysOf(read.row)) {
        const earlier = found.keys.get(key);
        if (earlier === undefined) found.keys.set(key, read.row.line);
        else found.doubled.set(read.row.line, { detail: `line ${earlier} has the ${key}, too` });
      }
      const secret = run.options.acceptWeakSip ? undefined : kind.sharedOf?.(read.row);
      const sharedWith = secret === undefined ? undefined : shared.get(secret);
      if (secret !== undefined && sharedWith === undefined) shared.set(secret, read.row.line);
      if (sharedWith !== undefined) {
        const detail = `line ${sharedWith} has the same secret; --accept-weak-sip takes it`;
        found.doubled.set(read.row.line, { detail });
      }
    }
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new Refusal('malformed', `the file cannot be imported: ${error.message}`);
  }
  found.faulty += found.doubled.size;
  return found;
}

async function finish({ db, actor, now }: ImportTools, run: ImportRun): Promise<ImportResult> {
  const counts = await countsOf(db, run.id);
  const remarks = await remarksOf(db, run.id);
  await db.transaction(async (tx) => {
    await tx.query(
      `UPDATE import_run SET status = 'finished', finished_at = $2, remarks = remarks || $3::jsonb
       WHERE id = $1`,
      [run.id, now, JSON.stringify(remarks)],
    );
    const { kind, options, sums } = run;
    const detail = { import: run.id, kind, dryRun: options.dryRun, ...counts, sums };
    await audit(tx, actor, { action: 'import finished', detail }, now);
  });
  return { run: await findRun(db, run.id), counts };
}
