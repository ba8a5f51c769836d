import type { Queryable } from '../../db/database.ts';
import type { DayRange } from '../day.ts';
import type { Decimal } from '../money.ts';
import { callSums } from './call-sums.ts';

/** An account that another one pays for, with its limits and what it did in a range. */
export interface SubAccountUsage {
  username: number;
  name: string;
  enabled: boolean;
  /** calls at once; null: any number */
  maxCalls: number | null;
  /** highest price per minute; null: any */
  maxRate: Decimal | null;
  calls: number;
  /** money with six places */
  amount: Decimal;
}

/**
 * Open accounts that an account pays for, itself too, by username, with the calls of a range.
 * @param page.after the last username already seen
 */
export function usageOfSubAccounts(
  db: Queryable,
  billingAccount: number,
  range: DayRange,
  page: { after?: number | undefined; limit: number },
): Promise<SubAccountUsage[]> {
  return db.query<SubAccountUsage>(
    `WITH edge AS (
       SELECT $2::timestamp AT TIME ZONE $4 AS first,
         ($3::timestamp + interval '1 day') AT TIME ZONE $4 AS last
     ), sums AS (
       SELECT c.account, sum(c.calls) AS calls, sum(c.amount) AS amount
       FROM edge, LATERAL (${callSums('$1::bigint', 'NULL::bigint', 'first', 'last')}) c
       GROUP BY c.account
     )
     SELECT a.username, a.name, a.enabled, a.max_calls AS "maxCalls",
       a.max_rate::text AS "maxRate", coalesce(s.calls, 0)::bigint AS calls,
       round(coalesce(s.amount, 0), 6)::text AS amount
     FROM account a LEFT JOIN sums s ON s.account = a.username
     WHERE a.master_account = $1 AND a.closed_at IS NULL AND a.username > $5
     ORDER BY a.username LIMIT $6`,
    [billingAccount, range.from, range.to, range.timeZone, page.after ?? 0, page.limit],
  );
}
