import type { Database } from '../db/database.ts';
import type { Decimal } from './money.ts';

/** An account whose cash is not what its ledger and its calls say. */
export interface Imbalance {
  account: number;
  cash: Decimal;
  expected: Decimal;
}

export interface Reconciliation {
  accounts: number;
  calls: number;
  imbalances: Imbalance[];
}

/**
 * Proves the books: for each billing account, cash = sum of its ledger − sum of what its calls
 * took. A call that was priced again took its first price; the ledger has the difference. One statement, and so one snapshot, also while calls come in.
 */
export async function reconcile(db: Database): Promise<Reconciliation> {
  const [row] = await db.query<Reconciliation>(
    `WITH ledger AS (
       SELECT account, sum(amount) AS amount FROM ledger_entry GROUP BY account
     ), calls AS (
       SELECT billing_account AS account, count(*) AS calls,
         coalesce(sum(amount) FILTER (WHERE debited), 0) AS amount
       FROM call GROUP BY billing_account
     ), rated AS (
       SELECT billing_account AS account, sum(amount_after - amount_before) AS amount
       FROM call_rating WHERE applied GROUP BY billing_account
     ), books AS (
       SELECT account, coalesce(b.cash, 0) AS cash, coalesce(c.calls, 0) AS calls,
         coalesce(l.amount, 0) - coalesce(c.amount, 0) + coalesce(r.amount, 0) AS expected
       FROM balance b FULL JOIN ledger l USING (account) FULL JOIN calls c USING (account)
         FULL JOIN rated r USING (account)
     )
     SELECT count(*)::int AS accounts, coalesce(sum(calls), 0)::bigint AS calls,
       coalesce(json_agg(json_build_object('account', account, 'cash', cash::text,
         'expected', expected::text) ORDER BY account) FILTER (WHERE cash <> expected), '[]')
         AS imbalances
     FROM books`,
  );
  return row ?? { accounts: 0, calls: 0, imbalances: [] };
}
