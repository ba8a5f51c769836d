import type { Queryable } from '../../db/database.ts';
import { StoreUnavailable, translate, violatedConstraint } from '../../db/errors.ts';
import { inOneTransaction } from '../../db/one-transaction.ts';
import { sumOf } from '../money.ts';
import { InvalidValue, wordProblem } from '../problem.ts';
import { PROBLEM_WORDS } from '../problem-words.ts';
import { Refusal } from '../refusal.ts';
import {
  failed,
  type ImportKind,
  type ImportTools,
  type NewCredentials,
  type ReadRow,
  type RowResult,
} from './import-kind.ts';
import type { ImportRun } from './import-run.ts';
import { accountConstraint } from './new-accounts.ts';

/** Ends the transaction of a dry run without its changes. */
class RolledBack extends Error {
  readonly results: RowResult[];

  constructor(results: RowResult[]) {
    super('a dry run');
    this.results = results;
  }
}

/** Gets the credentials of new accounts just before they are stored. */
export type OnCredentials = (credentials: NewCredentials[]) => Promise<void>;

/** Rows to write together. */
export interface Batch {
  rows: ReadRow[];
  /** of rows that are not written */
  results: RowResult[];
}

/** The name of a row in reports. */
export function keyOf(kind: ImportKind, row: ReadRow): string {
  return (kind.keysOf(row)[0] ?? '').replace(/^(external id|account|number) /, '');
}

/** A group of rows, and the position after it. */
interface Writing {
  kind: ImportKind;
  run: ImportRun;
  batch: Batch;
  pass: number;
  line: number;
}

interface Written {
  results: RowResult[];
  sums: ImportRun['sums'];
}

/**
 * Writes a group of rows with its results and the position, in one transaction. A dry run rolls the
 * rows back.
 * @throws Refusal 'conflict' if another process goes on with the import
 */
export async function writeBatch(
  tools: ImportTools,
  writing: Writing,
  onCredentials: OnCredentials | undefined,
): Promise<Written> {
  const { db, options } = tools;
  const { kind, batch } = writing;
  const nothing = () => Promise.resolve();
  try {
    return await inOneTransaction(db, nothing, async (joined) => {
      const written = await attempt({ ...tools, db: joined }, kind, batch.rows);
      const results = [...batch.results, ...written];
      if (options.dryRun) throw new RolledBack(results);
      const credentials = written.flatMap((one) => one.credentials ?? []);
      if (credentials.length > 0) await onCredentials?.(credentials);
      const sums = await joined.transaction((tx) => storeResults(tx, writing, results));
      return { results, sums };
    });
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error;
    const { results } = error;
    return { results, sums: await db.transaction((tx) => storeResults(tx, writing, results)) };
  }
}

/** Writes rows; if one cannot be written, the halves are tried for themselves. */
async function attempt(
  tools: ImportTools,
  kind: ImportKind,
  rows: ReadRow[],
): Promise<RowResult[]> {
  if (rows.length === 0) return [];
  try {
    return await tools.db.transaction(() => kind.write(tools, rows));
  } catch (error) {
    const detail = refusalText(error);
    const [row] = rows;
    if (rows.length === 1 && row) return [failed(row, keyOf(kind, row), detail)];
    const half = Math.ceil(rows.length / 2);
    return [
      ...(await attempt(tools, kind, rows.slice(0, half))),
      ...(await attempt(tools, kind, rows.slice(half))),
    ];
  }
}

/** Why a row is refused. @throws the error itself if it is not about a row */
function refusalText(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  if (error instanceof InvalidValue) return wordProblem(PROBLEM_WORDS, error.problem);
  const constraint = violatedConstraint(error);
  if (constraint === undefined || translate(error) instanceof StoreUnavailable) throw error;
  return accountConstraint(error) ?? `it violates ${constraint}`;
}

async function storeResults(
  tx: Queryable,
  { run, pass, line }: Writing,
  results: RowResult[],
): Promise<ImportRun['sums']> {
  const sums = { ...run.sums };
  for (const { sum } of results) {
    if (!sum) continue;
    const before = sums[sum.name] ?? { count: 0, sum: '0' };
    const total = sumOf([before.sum, sum.amount]);
    sums[sum.name] = { count: before.count + 1, sum: total };
  }
  const moved = await tx.query(
    `UPDATE import_run SET pass = $4, line = $5, sums = $6
     WHERE id = $1 AND status = 'open' AND pass = $2 AND line = $3 RETURNING id`,
    [run.id, run.pass, run.line, pass, line, JSON.stringify(sums)],
  );
  if (moved.length === 0) {
    throw new Refusal('conflict', `another process goes on with ${run.id}, or it has ended`);
  }
  const rows = results.map(({ key, account, status, errors, ...row }) => ({
    run: run.id,
    line: row.line,
    key: key.slice(0, 200),
    account,
    status,
    errors,
  }));
  await tx.query(
    `INSERT INTO import_row (run, line, key, account, status, errors)
     SELECT run, line, key, account, status, errors
     FROM jsonb_populate_recordset(NULL::import_row, $1)`,
    [JSON.stringify(rows)],
  );
  return sums;
}
