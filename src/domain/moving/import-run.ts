import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';
import type { Fault, ImportOptions, RowStatus } from './import-kind.ts';
import type { ImportKindName } from './mapping.ts';
import { forgetNames } from './row-names.ts';

const KEPT_DAYS = 30;
const PAGE = 1_000;

/** An import: a file of one kind, and how far it is. */
export interface ImportRun {
  id: string;
  kind: ImportKindName;
  options: ImportOptions;
  file: string | null;
  digest: string | null;
  status: 'open' | 'finished' | 'discarded';
  pass: number;
  line: number;
  rows: number | null;
  sums: Record<string, { count: number; sum: Decimal }>;
  remarks: string[];
  createdBy: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

const COLUMNS = `id, kind, options, file, digest, status, pass, line, rows, sums, remarks,
  created_by AS "createdBy", created_at AS "createdAt", finished_at AS "finishedAt"`;

/** Begins an import. */
export async function createRun(
  db: Database,
  actor: Actor,
  run: Pick<ImportRun, 'kind' | 'options' | 'file' | 'createdBy'>,
  now: Date,
): Promise<ImportRun> {
  const id = `imp_${randomBytes(9).toString('hex')}`;
  const { kind, options, file, createdBy } = run;
  return db.transaction(async (tx) => {
    const [created] = await tx.query<ImportRun>(
      `INSERT INTO import_run (id, kind, options, file, actor, origin, created_by, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${COLUMNS}`,
      [id, kind, JSON.stringify(options), file, actor.who, actor.from, createdBy, now],
    );
    const detail = { import: id, kind, mapping: options.mapping, dryRun: options.dryRun };
    const action = options.dryRun ? 'dry run started' : 'import started';
    await audit(tx, actor, { action, detail }, now);
    return created as ImportRun;
  });
}

/** @param createdBy only a run of this operator key @throws Refusal 'not found' */
export async function findRun(db: Queryable, id: string, createdBy?: string): Promise<ImportRun> {
  const [run] = await db.query<ImportRun>(
    `SELECT ${COLUMNS} FROM import_run WHERE id = $1 AND ($2::text IS NULL OR created_by = $2)`,
    [id, createdBy ?? null],
  );
  if (!run) throw new Refusal('not found', `there is no import ${id}`);
  return run;
}

/** @throws Refusal 'conflict' once an import has ended */
export async function requireOpen(db: Queryable, id: string): Promise<void> {
  const { status } = await findRun(db, id);
  if (status !== 'open') throw hasEnded(id);
}

/** What is told of an import that has ended. */
export const hasEnded = (id: string) =>
  new Refusal('conflict', `the import ${id} has ended already`);

/** Imports, newest first. */
export function listRuns(
  db: Queryable,
  page: { limit: number; before?: unknown[] | undefined; createdBy?: string | undefined },
): Promise<(ImportRun & { place: string })[]> {
  const [at = null, id = null] = page.before ?? [];
  return db.query(
    `SELECT ${COLUMNS}, created_at::text AS place FROM import_run
     WHERE ($1::text IS NULL OR created_by = $1)
       AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::text))
     ORDER BY created_at DESC, id DESC LIMIT $4`,
    [page.createdBy ?? null, at, id, page.limit],
  );
}

export type ImportCounts = Record<RowStatus, number>;

/** How many rows had each outcome so far. */
export async function countsOf(db: Queryable, id: string): Promise<ImportCounts> {
  const [run] = await withCounts(db, [{ id }]);
  return (run as { counts: ImportCounts }).counts;
}

/** Imports with how many rows of each had each outcome so far. */
export async function withCounts<Run extends { id: string }>(
  db: Queryable,
  runs: Run[],
): Promise<(Run & { counts: ImportCounts })[]> {
  const rows = await db.query<{ run: string; status: RowStatus; count: number }>(
    `SELECT run, status, count(*)::int AS count FROM import_row WHERE run = ANY ($1)
     GROUP BY run, status`,
    [runs.map(({ id }) => id)],
  );
  const none = { created: 0, updated: 0, unchanged: 0, skipped: 0, failed: 0 };
  const counts = new Map(runs.map(({ id }) => [id, { ...none }]));
  for (const { run, status, count } of rows) (counts.get(run) ?? none)[status] = count;
  return runs.map((run) => ({ ...run, counts: counts.get(run.id) ?? none }));
}

/** What was left out of rows that did not fail, with the number of rows: nothing is dropped unseen. */
export async function remarksOf(db: Queryable, id: string): Promise<string[]> {
  const rows = await db.query<{ status: string; text: string; count: number }>(
    `SELECT status, concat_ws(': ', e ->> 'column', e ->> 'detail') AS text, count(*)::int AS count
     FROM import_row, jsonb_array_elements(errors) AS e
     WHERE run = $1 AND status <> 'failed' GROUP BY 1, 2 ORDER BY count(*) DESC, 2 LIMIT 50`,
    [id],
  );
  return rows.map(({ status, text, count }) => `${count} ${status}: ${text}`);
}

/** One line of a report. */
export interface ReportedRow {
  line: number;
  key: string;
  username: string | null;
  status: RowStatus;
  errors: Fault[];
}

/**
 * What became of each row, in the order of the file, as pages.
 * @param only rows with this outcome
 */
export async function* reportOf(
  db: Queryable,
  id: string,
  only?: RowStatus,
): AsyncGenerator<ReportedRow[]> {
  for (let after = 0; ; ) {
    const page = await db.query<ReportedRow>(
      `SELECT line, key, account::text AS username, status, errors FROM import_row
       WHERE run = $1 AND line > $2 AND ($3::text IS NULL OR status = $3) ORDER BY line LIMIT $4`,
      [id, after, only ?? null, PAGE],
    );
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.line ?? after;
  }
}

/** The report as NDJSON, with a last line that counts the rows. */
export async function* reportLines(
  db: Queryable,
  id: string,
  only?: RowStatus,
): AsyncGenerator<string> {
  for await (const rows of reportOf(db, id, only)) {
    yield rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  }
  yield `${JSON.stringify({ end: true, ...(await countsOf(db, id)) })}\n`;
}

/** Ends an import that will not go on. What was written stays; uploaded parts are deleted. */
export async function discardRun(db: Database, actor: Actor, id: string, now: Date): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query(
      `UPDATE import_run SET status = 'discarded', finished_at = $2
       WHERE id = $1 AND status = 'open' RETURNING id`,
      [id, now],
    );
    if (rows.length === 0) {
      await findRun(tx, id);
      throw hasEnded(id);
    }
    await tx.query('DELETE FROM import_part WHERE run = $1', [id]);
    await forgetNames(tx, id);
    await audit(tx, actor, { action: 'import discarded', detail: { import: id } }, now);
  });
}

/** Deletes reports of imports that ended 30 days ago, and parts of those that never went on. */
export async function deleteOldRuns(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `DELETE FROM import_run
     WHERE coalesce(finished_at, created_at) < $1::timestamptz - make_interval(days => $2)`,
    [now, KEPT_DAYS],
  );
}
