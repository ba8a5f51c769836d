import type { Database, Queryable } from '../../db/database.ts';
import { type DayRange, dayEdges } from '../day.ts';
import { LOCKS, tryLock } from '../locks.ts';
import { IS_ANSWERED } from './call-outcome.ts';
import type { UsageStep } from './usage.ts';

const DAY_MS = 86_400_000;
// A record becomes visible a moment after its time of receipt, and clocks of machines differ.
const OVERLAP = "interval '5 minutes'";

/**
 * Recounts every hour with calls that arrived or were rerated since the last count. The arrivals
 * are read day by day, so a long first count can be interrupted.
 */
export async function countCallHours(db: Database, now: Date): Promise<void> {
  while (!(await countNext(db, now)));
}

/** @returns true if nothing is left to count, or another process counts */
async function countNext(db: Database, now: Date): Promise<boolean> {
  return db.transaction(async (tx) => {
    if (!(await tryLock(tx, LOCKS.callHours))) return true;
    const { since, until } = await nextPeriod(tx, now);
    for (const { hour } of await changedHours(tx, since, until)) await countHour(db, hour);
    await tx.query(
      `INSERT INTO call_hour_state (counted_until) VALUES ($1)
       ON CONFLICT (id) DO UPDATE SET counted_until = excluded.counted_until`,
      [until],
    );
    return until.getTime() >= now.getTime();
  });
}

/** The first period begins with the first account: no call can have arrived before. */
async function nextPeriod(tx: Queryable, now: Date): Promise<{ since: Date; until: Date }> {
  const [row] = await tx.query<{ since: Date | null }>(
    `SELECT coalesce((SELECT counted_until FROM call_hour_state),
       (SELECT min(created_at) FROM account)) AS since`,
  );
  const since = row?.since ?? now;
  return { since, until: new Date(Math.min(since.getTime() + DAY_MS, now.getTime())) };
}

function changedHours(tx: Queryable, since: Date, until: Date): Promise<{ hour: Date }[]> {
  return tx.query<{ hour: Date }>(
    `SELECT date_trunc('hour', started_at, 'UTC') AS hour FROM call
     WHERE received_at >= $1::timestamptz - ${OVERLAP} AND received_at <= $2
     UNION
     SELECT h.hour FROM rerating r JOIN call_hour h
       ON h.hour >= date_trunc('hour', r.from_at, 'UTC') AND h.hour < r.to_at
     WHERE r.finished_at >= $1::timestamptz - ${OVERLAP} AND r.finished_at <= $2
     ORDER BY hour`,
    [since, until],
  );
}

async function countHour(db: Queryable, hour: Date): Promise<void> {
  await db.query(
    `INSERT INTO call_hour (hour, calls, answered, billed_seconds, amount)
     SELECT $1, count(*), count(*) FILTER (WHERE ${IS_ANSWERED}),
       coalesce(sum(billed_seconds), 0), coalesce(sum(amount), 0)
     FROM call WHERE started_at >= $1 AND started_at < $1::timestamptz + interval '1 hour'
     ON CONFLICT (hour) DO UPDATE SET calls = excluded.calls, answered = excluded.answered,
       billed_seconds = excluded.billed_seconds, amount = excluded.amount`,
    [hour],
  );
}

/** All accounts' counted calls by day. Every day of the range has a row. */
export function callsByDay(db: Queryable, range: DayRange): Promise<UsageStep[]> {
  return db.query<UsageStep>(
    `WITH edge AS (${dayEdges('$1', '$2', '$3')}), sums AS (
       SELECT width_bucket(hour, edges) AS step, sum(calls) AS calls, sum(answered) AS answered,
         sum(billed_seconds) AS seconds, sum(amount) AS amount
       FROM edge JOIN call_hour ON hour >= edges[1] AND hour < edges[cardinality(edges)]
       GROUP BY step
     )
     SELECT edges[n] AS start, coalesce(calls, 0)::bigint AS calls,
       coalesce(answered, 0)::bigint AS answered, coalesce(seconds, 0)::bigint AS "billedSeconds",
       coalesce(amount, 0)::text AS amount
     FROM edge, generate_series(1, cardinality(edges) - 1) n LEFT JOIN sums ON step = n
     ORDER BY n`,
    [range.from, range.to, range.timeZone],
  );
}

/** All accounts' calls of two days, each until the same hour. */
export interface SameHours {
  /** the last full hour of the present day */
  until: Date;
  today: Pick<UsageStep, 'calls' | 'amount'>;
  weekAgo: Pick<UsageStep, 'calls' | 'amount'>;
}

/** The calls of today and of the same day a week ago, until the last full hour in a time zone. */
export async function sameHours(db: Queryable, now: Date, timeZone: string): Promise<SameHours> {
  const sums = (name: string, days: number) => `(SELECT json_build_object(
    'calls', coalesce(sum(calls), 0), 'amount', round(coalesce(sum(amount), 0), 6)::text)
    FROM call_hour, place WHERE hour >= (day - interval '${days} days') AT TIME ZONE $2
      AND hour < (upto - interval '${days} days') AT TIME ZONE $2) AS "${name}"`;
  const [row] = await db.query<SameHours>(
    `WITH place AS (
       SELECT date_trunc('day', $1::timestamptz AT TIME ZONE $2) AS day,
         date_trunc('hour', $1::timestamptz AT TIME ZONE $2) AS upto)
     SELECT upto AT TIME ZONE $2 AS until, ${sums('today', 0)}, ${sums('weekAgo', 7)} FROM place`,
    [now, timeZone],
  );
  if (!row) throw new Error('the query has one row');
  return row;
}
