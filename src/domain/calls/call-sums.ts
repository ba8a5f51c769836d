import type { Database, Queryable } from '../../db/database.ts';

const HOURS_AT_ONCE = 12;
// An account that so many calls of arrive in ten minutes is busy before anyone looks at its page.
const BUSY_ARRIVALS = 100;

/**
 * SQL: what calls add up to, as rows (account, at, calls, answered, seconds, amount, debited) that
 * hold calls which started in the same quarter of an hour. `amount` is what calls show now,
 * `debited` what they took from the balance: a call that was priced again took its first price,
 * the rest is in the ledger. Hours that call_sum has are taken from there, all others from the
 * calls. `IS TRUE` has PostgreSQL look hours up in a hash table; as a join, hours that its
 * statistics do not know yet would each be compared with each.
 * @param billing SQL of the account that pays
 * @param account SQL of the account whose calls are meant; where it is NULL, all that it pays for
 * @param from SQL of the first moment, `to` of the one after the last; both begin a quarter of an
 *   hour
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

/** SQL: the same rows, one for each call and for each price that was corrected. */
function singleCalls(billing: string, account: string, from: string, to: string): string {
  const these = `${ofAccounts(billing, account)}
      AND started_at >= ${from} AND started_at < ${to}`;
  return `SELECT account, started_at AS at, 1 AS calls, (talk_microseconds > 0)::int AS answered,
      billed_seconds AS seconds, coalesce(amount, 0) AS amount,
      CASE WHEN debited THEN coalesce(amount, 0) ELSE 0 END AS debited
    FROM call WHERE ${these}
    UNION ALL
    SELECT account, started_at, 0, 0, 0, 0, amount_before - amount_after
    FROM call_rating WHERE applied AND ${these}`;
}

// The accounts are named so that the index on account and start can be used.
const ofAccounts = (billing: string, account: string) => `billing_account = ${billing}
      AND account = ANY (ARRAY(SELECT username FROM account a
        WHERE a.master_account = ${billing} AND a.username = coalesce(${account}, a.username)))`;

/** Has the calls of a billing account summed from now on, those before, too. */
export async function markBusy(db: Queryable, account: number): Promise<void> {
  await db.query('INSERT INTO busy_account (account) VALUES ($1) ON CONFLICT DO NOTHING', [
    account,
  ]);
}

/**
 * SQL of the parts of a statement that stores or changes calls: hours that call_sum has and that
 * it changes are no longer complete. Whoever sums an hour holds its row meanwhile, so a call that
 * comes then reopens the hour afterwards.
 * @param changed rows with billing_account and started_at
 */
export const reopenHours = (changed: string) => `
late AS (
  SELECT DISTINCT billing_account, date_trunc('hour', started_at, 'UTC') AS hour FROM ${changed}
), reopened AS (
  UPDATE call_sum_hour h SET complete = false
  WHERE billing_account = ANY (ARRAY(SELECT billing_account FROM late))
    AND hour = ANY (ARRAY(SELECT hour FROM late))
    AND EXISTS (SELECT FROM late l
      WHERE l.billing_account = h.billing_account AND l.hour = h.hour)
)`;

/**
 * Sums the hours of busy accounts that are over and not complete; run every ten minutes. An hour is announced first and
 * summed by a later run, ten minutes on, once every statement has ended that may have begun before:
 * from then on whoever stores a call of that hour sees its row and reopens it.
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
    // Ids of another server, from which the database was copied, tell nothing.
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
