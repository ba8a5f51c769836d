/**
 * SQL: what calls add up to, as rows (account, at, calls, answered, seconds, amount, debited) that
 * hold calls which started at the same time. `amount` is what calls show now, `debited` what they
 * took from the balance: a call that was priced again took its first price, the rest is in the
 * ledger.
 * @param billing SQL of the account that pays
 * @param account SQL of the account whose calls are meant; where it is NULL, all that it pays for
 * @param from SQL of the first moment
 * @param to SQL of the moment after the last
 */
export function callSums(billing: string, account: string, from: string, to: string): string {
  const these = `billing_account = ${billing} AND started_at >= ${from} AND started_at < ${to}
      AND account = ANY (ARRAY(SELECT username FROM account a
        WHERE a.master_account = ${billing} AND a.username = coalesce(${account}, a.username)))`;
  return `SELECT account, started_at AS at, 1 AS calls, (talk_microseconds > 0)::int AS answered,
      billed_seconds AS seconds, coalesce(amount, 0) AS amount,
      CASE WHEN debited THEN coalesce(amount, 0) ELSE 0 END AS debited
    FROM call WHERE ${these}
    UNION ALL
    SELECT account, started_at, 0, 0, 0, 0, amount_before - amount_after
    FROM call_rating WHERE applied AND ${these}`;
}
