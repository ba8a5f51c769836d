import type { Database, Queryable } from '../../db/database.ts';
import { IS_ANSWERED } from './call-outcome.ts';

const HOURS_AT_ONCE = 12;
// An account with this many new calls in ten minutes counts as busy before its page is opened.
const BUSY_ARRIVALS = 100;

/**
 * SQL: sums of calls, as rows (account, at, calls, answered, seconds, amount, debited). A row sums
 * calls that started in the same quarter of an hour. `amount` is what the calls show now; `debited`
 * is what they took from the balance. A rerated call took its first price; the ledger has the rest.
 * Complete hours are read from call_sum, all others from the calls. `IS TRUE` makes PostgreSQL use
 * a hash table of hours. A join would compare each hour with each while statistics are missing.
 * @param billing SQL of the billing account
 * @param account SQL of one account; if it is NULL, all accounts that `billing` pays for
 * @param from SQL of the first moment
 * @param to SQL of the first moment after the range; both begin a quarter of an hour
 */
export function callSums(billing: string, account: string, from: string, to: string): string {
  return `WITH done AS (
      SELECT hour, hour + interval '1 hour' AS hour_end FROM call_sum_hour
      WHERE billing_account = ${billing} AND complete
        AND hour > ${from} - interval '1 hour' AND hour < ${to}
    ), gap AS MATERIALIZED (
      SELECT since, until FROM (
        SELECT lag(hour_end, 1, ${from}) OVER (ORDER BY hour) AS since, hour AS until FROM done
        UNION ALL
        SELECT coalesce(max(hour_end), ${from}), ${to} FROM done) AS gaps
      WHERE since < until
    )
    SELECT account, quarter AS at, calls, answered, billed_seconds AS seconds, amount, debited
    FROM call_sum WHERE ${ofAccounts(billing, account)}
      AND quarter >= ${from} AND quarter < ${to}
      AND (date_trunc('hour', quarter, 'UTC') IN (SELECT hour FROM done)) IS TRUE
    UNION ALL
    SELECT c.* FROM gap, LATERAL (${singleCalls(billing, account, 'since', 'until')}) AS c`;
}

/** SQL: the same columns, with one row for each call and each corrected price. */
function singleCalls(billing: string, account: string, from: string, to: string): string {
  const these = `${ofAccounts(billing, account)}
      AND started_at >= ${from} AND started_at < ${to}`;
  return `SELECT account, started_at AS at, 1 AS calls, ${IS_ANSWERED}::int AS answered,
      billed_seconds AS seconds, coalesce(amount, 0) AS amount,
      CASE WHEN debited THEN coalesce(amount, 0) ELSE 0 END AS debited
    FROM call WHERE ${these}
    UNION ALL
    SELECT account, started_at, 0, 0, 0, 0, amount_before - amount_after
    FROM call_rating WHERE applied AND ${these}`;
}

// The accounts are listed, so the index on account and start can be used.
const ofAccounts = (billing: string, account: string) => `billing_account = ${billing}
      AND account = ANY (ARRAY(SELECT username FROM account a
        WHERE a.master_account = ${billing} AND a.username = coalesce(${account}, a.username)))`;

/** From now on all calls of a billing account are summed, earlier ones too. */
export async function markBusy(db: Queryable, account: number): Promise<void> {
  await db.query('INSERT INTO busy_account (account) VALUES ($1) ON CONFLICT DO NOTHING', [
    account,
  ]);
}

/**
 * SQL parts for a statement that stores or changes calls: they mark the changed hours as not
 * complete. The job that sums an hour locks its row, so a concurrent call reopens the hour after
 * the job.
 * @param changed rows with billing_account and started_at
 */
export const reopenHours = (changed: string) => `
late AS (
  SELECT DISTINCT billing_account, date_trunc('hour', started_at, 'UTC') AS hour FROM ${changed}
), reopened AS (
  UPDATE call_sum_hour h SET complete = false
  WHERE billing_account = ANY (ARRAY(SELECT billing_account FROM late))
    AND hour = ANY (ARRAY(SELECT hour FROM late))
    AND ((billing_account, hour) IN (SELECT billing_account, hour FROM late)) IS TRUE
)`;

/**
 * Sums the past, not complete hours of busy accounts; runs every ten minutes. One run announces an
 * hour. A later run sums it, after every statement from before the announcement has ended. Each
 * later statement that stores a call of that hour sees its row and reopens it.
 */
export async function sumCalls(db: Database, now: Date): Promise<void> {
  await db.query(
    `INSERT INTO busy_account (account)
     SELECT billing_account FROM call
     WHERE received_at > $1::timestamptz - interval '10 minutes' AND received_at <= $1
     GROUP BY 1 HAVING count(*) >= ${BUSY_ARRIVALS} ON CONFLICT DO NOTHING`,
    [now],
  );
  const busy = await db.query<{ account: number }>('SELECT account FROM busy_account ORDER BY 1');
  for (const { account } of busy) {
    await announceHours(db, account, now);
    while (await sumNextHours(db, account, now));
  }
}

async function announceHours(db: Queryable, account: number, now: Date): Promise<void> {
  await db.query(
    `INSERT INTO call_sum_hour (billing_account, hour, announced_at)
     SELECT $1, hour, $2
     FROM (
       SELECT min(c.first) AS first FROM account a, LATERAL (
         SELECT min(started_at) AS first FROM call
         WHERE billing_account = $1 AND account = a.username) c
       WHERE a.master_account = $1
     ) AS calls, generate_series(date_trunc('hour', first, 'UTC'),
       $2::timestamptz - interval '2 hours', interval '1 hour') hour
     WHERE NOT EXISTS (SELECT FROM call_sum_hour h WHERE h.billing_account = $1 AND h.hour = hour.hour)
     ON CONFLICT DO NOTHING`,
    [account, now],
  );
}

/** @returns whether there was anything to sum */
function sumNextHours(db: Database, account: number, now: Date): Promise<boolean> {
  return db.transaction(async (tx) => {
    // Transaction ids from another server mean nothing here: the database may be a copy.
    const held = await tx.query<{ hour: Date }>(
      `SELECT hour FROM call_sum_hour
       WHERE billing_account = $1 AND NOT complete
         AND announced_at <= $2::timestamptz - interval '10 minutes'
         AND (announced_by < pg_snapshot_xmin(pg_current_snapshot())
           OR announced_by > pg_snapshot_xmax(pg_current_snapshot()))
       ORDER BY hour LIMIT ${HOURS_AT_ONCE} FOR UPDATE`,
      [account, now],
    );
    if (held.length === 0) return false;
    const hours = held.map(({ hour }) => hour);
    await tx.query(
      `DELETE FROM call_sum USING unnest($2::timestamptz[]) hour
       WHERE billing_account = $1 AND quarter >= hour AND quarter < hour + interval '1 hour'`,
      [account, hours],
    );
    await tx.query(
      `INSERT INTO call_sum (billing_account, quarter, account, calls, answered, billed_seconds,
         amount, debited)
       SELECT $1, date_bin('15 minutes', at, 'epoch'), account, sum(calls), sum(answered),
         sum(seconds), sum(amount), sum(debited)
       FROM unnest($2::timestamptz[]) hour, LATERAL (
         ${singleCalls('$1', 'NULL', 'hour', "hour + interval '1 hour'")}) AS c
       GROUP BY 2, 3`,
      [account, hours],
    );
    await tx.query(
      `UPDATE call_sum_hour SET complete = true
       WHERE billing_account = $1 AND hour = ANY ($2::timestamptz[])`,
      [account, hours],
    );
    return true;
  });
}
