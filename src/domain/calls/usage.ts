import type { Queryable } from '../../db/database.ts';
import { type DayRange, dayEdges } from '../day.ts';
import type { Decimal } from '../money.ts';
import { callSums, markBusy } from './call-sums.ts';

/** Whose calls are meant. */
export interface UsageScope {
  /** who pays */
  billingAccount: number;
  /** only this account's; undefined: those of all accounts billed to the one that pays */
  account?: number | undefined;
}

export interface Usage {
  calls: number;
  answered: number;
  billedSeconds: number;
  /** dollars with six places, as the calls show them now */
  amount: Decimal;
}

/** What calls are added up by. */
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
  /** the newest so many calls of the range were looked at */
  calls: number;
}

// Looking at more would take longer for a page than it tells.
const NEWEST_CALLS = 10_000;

// With fewer, adding them up takes no longer than a page may.
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
 * Calls and what they cost by hour, day or month of the time zone: every step of the range is there,
 * also one without calls, and a day is as long as its clocks make it. An account with many calls
 * has them summed from now on, so that the next time is quick.
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
         SELECT started_at, called, talk_microseconds, billed_seconds, amount FROM call
         WHERE billing_account = $1 AND account = a.username
           AND started_at >= first AND started_at < last
         ORDER BY started_at DESC LIMIT ${NEWEST_CALLS}) c
       WHERE a.master_account = $1 AND a.username = coalesce($2, a.username)
       ORDER BY c.started_at DESC LIMIT ${NEWEST_CALLS}
     )
     SELECT called, count(*) AS calls, count(*) FILTER (WHERE talk_microseconds > 0) AS answered,
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
