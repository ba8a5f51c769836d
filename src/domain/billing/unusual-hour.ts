import type { Database, Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import { callSums } from '../calls/call-sums.ts';
import { notifyAdministrators } from '../mail/message.ts';
import type { Decimal } from '../money.ts';

const TIMES = 5;
const WEEKS = 4;
// An hour is still looked at in the first run after its end.
const LATE = "interval '10 minutes'";

/**
 * Tells the administrators of accounts whose calls in an hour cost a lot, and five times their usual
 * hour: once a day for each account. An hour is one of the clock, and counts the calls that were
 * stored in it, because fraud is noticed by when it happens.
 * @param least what such an hour costs at least
 */
export async function tellOfUnusualHours(
  db: Database,
  queue: Queue,
  least: Decimal,
  now: Date,
): Promise<void> {
  await db.query(
    `WITH candidate AS (${CANDIDATES}), usual AS (
       SELECT c.account, coalesce(round(sum(h.debited) / nullif(count(DISTINCT h.hour), 0), 6), 0) AS amount
       FROM candidate c LEFT JOIN LATERAL (
         SELECT date_trunc('hour', at, 'UTC') AS hour, debited
         FROM (${callSums('c.account', 'NULL', 'c.since', 'c.until')}) s) h ON true
       WHERE c.reckoned_at IS NULL OR c.reckoned_at < $1::timestamptz - interval '1 day'
       GROUP BY c.account
     )
     INSERT INTO usual_hour (account, amount, reckoned_at) SELECT account, amount, $1 FROM usual
     ON CONFLICT (account) DO UPDATE SET amount = excluded.amount, reckoned_at = $1`,
    [now, least],
  );
  await db.transaction((tx) => tell(tx, queue, least, now));
}

// Accounts whose present hour, or the one that has just ended, costs that much.
const CANDIDATES = `SELECT b.account, b.spent_hour, b.spent_in_hour, u.amount, u.reckoned_at, u.told_at,
    b.spent_hour - interval '${WEEKS} weeks' AS since, b.spent_hour AS until
  FROM balance b LEFT JOIN usual_hour u ON u.account = b.account
  WHERE b.spent_in_hour >= $2 AND b.spent_in_hour > 0 AND b.spent_hour > $1::timestamptz - interval '1 hour' - ${LATE}`;

async function tell(tx: Queryable, queue: Queue, least: Decimal, now: Date): Promise<void> {
  const unusual = await tx.query<{
    username: number;
    hour: Date;
    spent: Decimal;
    usual: Decimal;
  }>(
    `UPDATE usual_hour u SET told_at = $1 FROM (${CANDIDATES}) c
     WHERE u.account = c.account AND c.spent_in_hour >= ${TIMES} * c.amount
       AND (c.told_at IS NULL OR c.told_at <= $1::timestamptz - interval '1 day')
     RETURNING u.account AS username, c.spent_hour AS hour, c.spent_in_hour::text AS spent,
       c.amount::text AS usual`,
    [now, least],
  );
  for (const { hour, ...of } of unusual) {
    await notifyAdministrators(tx, queue, {
      kind: 'unusual hour',
      hour: hour.toISOString(),
      ...of,
    });
  }
}
