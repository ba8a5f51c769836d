import type { Queryable } from '../../db/database.ts';
import { type DayRange, dayEdges } from '../day.ts';
import type { Decimal } from '../money.ts';
import { IS_ANSWERED } from './call-outcome.ts';
import { callSums, markBusy } from './call-sums.ts';

/** The accounts whose calls count. */
export interface UsageScope {
  billingAccount: number;
  /** only this account's calls; undefined: those of all accounts of the billing account */
  account?: number | undefined;
}

export interface Usage {
  calls: number;
  answered: number;
  billedSeconds: number;
  /** money with six places, as the calls show them now */
  amount: Decimal;
}

/** The unit of time by which calls are summed. */
export type UsageUnit = 'hour' | 'day' | 'month';

/** The calls that started in an hour, a day or a month. */
export interface UsageStep extends Usage {
  start: Date;
}

interface BusyDestination extends Usage {
  called: string;
}

export interface BusyDestinations {
  /** most calls first */
  destinations: BusyDestination[];
  /** how many calls were read: the newest ones of the range */
  calls: number;
}

// Reading more would slow the page down and tell little more.
const NEWEST_CALLS = 10_000;

// Rows are compared, because only the primary key has their order. With equal signs PostgreSQL may
// sort all calls of the range to find the newest.
const KEY = '(billing_account, account, started_at)';

// Up to here, adding calls up is fast enough for a page.
const BUSY_CALLS = 20_000;

// A range may begin and end within a month.
const MONTH_EDGES = `SELECT array_agg(day AT TIME ZONE $5 ORDER BY day) AS edges
  FROM (
    SELECT $3::timestamp AS day UNION SELECT $4::timestamp + interval '1 day' UNION
    SELECT generate_series(date_trunc('month', $3::timestamp) + interval '1 month', $4::timestamp,
      interval '1 month')
  ) days`;

const HOUR_EDGES = `SELECT array_agg(hour ORDER BY hour) AS edges
  FROM generate_series($3::timestamp AT TIME ZONE $5,
    ($4::timestamp + interval '1 day') AT TIME ZONE $5, interval '1 hour') hour`;

const EDGES: Record<UsageUnit, string> = {
  hour: HOUR_EDGES,
  day: dayEdges('$3', '$4', '$5'),
  month: MONTH_EDGES,
};

/**
 * Calls and their cost by hour, day or month in a time zone. Every step of the range has a row,
 * also without calls. A day has 23 or 25 hours when clocks change. The calls of a busy account are
 * summed from now on, so the next request is fast.
 */
export async function usageBy(
  db: Queryable,
  unit: UsageUnit,
  scope: UsageScope,
  range: DayRange,
): Promise<UsageStep[]> {
  const steps = await db.query<UsageStep>(
    `WITH edge AS (${EDGES[unit]}), sums AS (
       SELECT width_bucket(at, edges) AS step, sum(calls) AS calls, sum(answered) AS answered,
         sum(seconds) AS seconds, sum(amount) AS amount
       FROM edge, LATERAL (${callSums('$1', '$2', 'edges[1]', 'edges[cardinality(edges)]')}) c
       GROUP BY step
     )
     SELECT edges[n] AS start, coalesce(calls, 0)::bigint AS calls,
       coalesce(answered, 0)::bigint AS answered, coalesce(seconds, 0)::bigint AS "billedSeconds",
       round(coalesce(amount, 0), 6)::text AS amount
     FROM edge, generate_series(1, cardinality(edges) - 1) n LEFT JOIN sums ON step = n
     ORDER BY n`,
    [scope.billingAccount, scope.account ?? null, range.from, range.to, range.timeZone],
  );
  const calls = steps.reduce((sum, step) => sum + step.calls, 0);
  if (calls > BUSY_CALLS) await markBusy(db, scope.billingAccount);
  return steps;
}

/** Where the newest calls of a range went, by called number. */
export async function busiestDestinations(
  db: Queryable,
  scope: UsageScope,
  range: DayRange,
  limit: number,
): Promise<BusyDestinations> {
  const rows = await db.query<BusyDestination & { looked_at: number }>(
    `WITH edge AS (
       SELECT $3::timestamp AT TIME ZONE $5 AS first,
         ($4::timestamp + interval '1 day') AT TIME ZONE $5 AS last
     ), newest AS (
       SELECT c.* FROM account a, edge, LATERAL (
         SELECT started_at, called, talk_microseconds, outcome, billed_seconds, amount FROM call
         WHERE ${KEY} >= ($1, a.username, first) AND ${KEY} < ($1, a.username, last)
           AND started_at >= first AND started_at < last
         ORDER BY billing_account DESC, account DESC, started_at DESC LIMIT ${NEWEST_CALLS}) c
       WHERE a.master_account = $1 AND a.username = coalesce($2, a.username)
       ORDER BY c.started_at DESC LIMIT ${NEWEST_CALLS}
     )
     SELECT called, count(*) AS calls, count(*) FILTER (WHERE ${IS_ANSWERED}) AS answered,
       sum(billed_seconds) AS "billedSeconds", round(coalesce(sum(amount), 0), 6)::text AS amount,
       (sum(count(*)) OVER ())::bigint AS looked_at
     FROM newest GROUP BY called ORDER BY calls DESC, sum(billed_seconds) DESC, called LIMIT $6`,
    [scope.billingAccount, scope.account ?? null, range.from, range.to, range.timeZone, limit],
  );
  return {
    destinations: rows.map(({ looked_at: _, ...destination }) => destination),
    calls: rows[0]?.looked_at ?? 0,
  };
}
