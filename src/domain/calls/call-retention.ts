import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { monthsToArchive } from './call-archive.ts';
import {
  callsKeptFrom,
  holdPartitions,
  listPartitions,
  type Partition,
  REFUSE_CALLS,
  removePartition,
} from './call-partition.ts';
import { changeStateOfFeeds } from './feed.ts';

const RETENTION: Actor = { who: 'retention', from: 'server' };
// A statement for this many accounts is short, even in a month with hundreds of millions of calls.
const ACCOUNTS = 1_000;

/** The first moment whose calls are kept: a month's start, `retentionMonths` before this month. */
function firstKept(now: Date, retentionMonths: number): Date {
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - retentionMonths, 1));
}

/**
 * The first moment whose calls can be taken in. A retired month stays retired, even for a process
 * with a longer retention.
 * @param known the first moment whose calls are not retired; null: none are retired; left out: it
 *   is looked up
 */
export async function oldestTakenIn(
  db: Database,
  now: Date,
  retentionMonths: number,
  known?: Date | null,
): Promise<Date> {
  const first = firstKept(now, retentionMonths);
  const keptFrom = known === undefined ? await callsKeptFrom(db) : known;
  return keptFrom && keptFrom > first ? keptFrom : first;
}

/**
 * Retires the months beyond the retention. One transaction retires a month: it stores the sums that
 * the month's calls debited, and from then on the books count these sums. Then the partition is
 * dropped. The job may be killed at any moment: the next run does the rest. During a rerating no
 * month is retired.
 * @param archives true: a month is dropped only once it is in an archive
 */
export async function retireCalls(
  db: Database,
  now: Date,
  retentionMonths: number,
  archives = false,
): Promise<void> {
  if (await retireMonths(db, now, retentionMonths)) await dropRetired(db, archives);
}

/** Retires the months, and drops nothing. @returns false during a rerating */
export async function retireMonths(
  db: Database,
  now: Date,
  retentionMonths: number,
): Promise<boolean> {
  const first = firstKept(now, retentionMonths);
  for (const partition of await listPartitions(db)) {
    if (partition.to > first) break;
    if (!(await retireMonth(db, partition, now))) return false;
  }
  return true;
}

/** @returns false during a rerating */
function retireMonth(db: Database, partition: Partition, now: Date): Promise<boolean> {
  return db.transaction(async (tx) => {
    await holdPartitions(tx);
    const [retention] = await tx.query<{ done: boolean }>(
      'SELECT kept_from >= $1 AS done FROM call_retention',
      [partition.to],
    );
    if (retention?.done) return true;
    // No rerating can begin before this transaction ends; a later one skips the retired month.
    await tx.query('LOCK TABLE rerating IN SHARE MODE');
    const unfinished = await tx.query('SELECT 1 FROM rerating WHERE finished_at IS NULL');
    if (unfinished.length > 0) return false;
    // Waits until concurrent writers of calls have finished, and blocks new ones.
    await tx.query(`LOCK TABLE ${partition.table} IN SHARE MODE`);
    const totals = await noteTotals(tx, partition);
    await tx.query(
      `INSERT INTO call_retention (kept_from) VALUES ($1)
       ON CONFLICT (id) DO UPDATE SET kept_from = excluded.kept_from`,
      [partition.to],
    );
    changeStateOfFeeds(tx);
    await tx.query(`ALTER TABLE ${partition.table} ADD ${REFUSE_CALLS}`);
    if (totals.calls > 0) {
      const detail = { month: partition.month, ...totals };
      await audit(tx, RETENTION, { action: 'calls retired', detail }, now);
    }
    return true;
  });
}

/** Stores what the month's calls debited, for each billing account. */
async function noteTotals(tx: Queryable, { table, month, from, to }: Partition) {
  const totals = { accounts: 0, calls: 0 };
  for (let after = 0, more = true; more; ) {
    const [page] = await tx.query<{ accounts: number; calls: number; last: number }>(
      `WITH sums AS (
         SELECT billing_account, count(*) AS calls,
           coalesce(sum(amount) FILTER (WHERE debited), 0) AS amount
         FROM ${table} WHERE billing_account > $1
         GROUP BY billing_account ORDER BY billing_account LIMIT ${ACCOUNTS}
       ), noted AS (
         INSERT INTO call_retired (billing_account, month, calls, amount)
         SELECT billing_account, $2, calls,
           -- what was paid first; the ledger has the rest
           amount - coalesce((SELECT sum(r.amount_after - r.amount_before) FROM call_rating r
             WHERE r.billing_account = sums.billing_account AND r.applied
               AND r.started_at >= $3 AND r.started_at < $4), 0)
         FROM sums
       )
       SELECT count(*)::int AS accounts, coalesce(sum(calls), 0)::bigint AS calls,
         max(billing_account) AS last
       FROM sums`,
      [after, `${month}-01`, from, to],
    );
    totals.accounts += page?.accounts ?? 0;
    totals.calls += page?.calls ?? 0;
    more = page?.accounts === ACCOUNTS;
    after = page?.last ?? after;
  }
  return totals;
}

/** Drops the partitions that the books no longer count. */
async function dropRetired(db: Database, archives: boolean): Promise<void> {
  const [waiting] = archives ? await monthsToArchive(db) : [];
  // A later month waits too: an archive is written from the oldest month on.
  const keptFrom = waiting?.from ?? (await callsKeptFrom(db));
  if (!keptFrom) return;
  for (const partition of await listPartitions(db, 'with detached')) {
    if (partition.to > keptFrom) break;
    await removePartition(db, partition);
  }
  await db.query('DELETE FROM call_rating WHERE started_at < $1', [keptFrom]);
}
