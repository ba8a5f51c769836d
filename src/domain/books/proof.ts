import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';

/** What the books of a billing account say. */
export interface AccountBooks {
  account: number;
  cash: Decimal;
  /** sum of its ledger */
  ledger: Decimal;
  /** sum of what its calls took */
  calls: Decimal;
  /** what cash must be: ledger − calls */
  expected: Decimal;
  /** what the balance says is held for calls in progress */
  held: Decimal;
  /** what held must be: the sum of its holds */
  holds: Decimal;
  /** how many calls in progress its accounts have been counted */
  inProgress: number;
  /** what inProgress must be: the number of its holds */
  heldCalls: number;
}

export interface Reconciliation {
  /** billing accounts */
  accounts: number;
  calls: number;
  /** accounts of which a sum is not what it must be */
  imbalances: AccountBooks[];
}

// What calls took in months that are retired is in call_retired.
const KEPT = "started_at >= coalesce((SELECT kept_from FROM call_retention), '-infinity')";

// All that moves a balance, one SELECT for each source: account, what the ledger has, what calls
// took, how many calls that were, what is held, for how many calls, and how many are counted. Where $1 is not NULL, of that account only.
const MOVEMENTS = [
  `SELECT account, sum(amount) AS ledger, 0 AS calls, 0 AS count, 0 AS holds, 0 AS held_calls,
     0 AS in_progress
   FROM ledger_entry WHERE $1::bigint IS NULL OR account = $1 GROUP BY account`,
  `SELECT billing_account, 0, coalesce(sum(amount) FILTER (WHERE debited), 0), count(*), 0, 0, 0
   FROM call WHERE ${KEPT} AND ($1::bigint IS NULL OR billing_account = $1)
   GROUP BY billing_account`,
  `SELECT billing_account, 0, sum(amount), sum(calls), 0, 0, 0
   FROM call_retired WHERE $1::bigint IS NULL OR billing_account = $1 GROUP BY billing_account`,
  // A call that was priced again took its first price; the ledger has the difference.
  `SELECT billing_account, 0, sum(amount_before - amount_after), 0, 0, 0, 0
   FROM call_rating WHERE applied AND ${KEPT} AND ($1::bigint IS NULL OR billing_account = $1)
   GROUP BY billing_account`,
  `SELECT billing_account, 0, 0, 0, sum(amount), count(*), 0
   FROM hold WHERE $1::bigint IS NULL OR billing_account = $1 GROUP BY billing_account`,
  `SELECT billing_account, 0, 0, 0, 0, 0, sum(calls)
   FROM calls_in_progress WHERE $1::bigint IS NULL OR billing_account = $1
   GROUP BY billing_account`,
];

/**
 * Proves the books: for each billing account, cash = sum of its ledger − sum of what its calls
 * took, what is held = sum of its holds, and its calls in progress are as many as its holds. One statement, and so one snapshot, also while calls come in.
 * @param account only this billing account
 */
export async function reconcile(db: Queryable, account?: number): Promise<Reconciliation> {
  const [row] = await db.query<Reconciliation>(
    `WITH books AS (${BOOKS})
     SELECT count(*)::int AS accounts, coalesce(sum(count), 0)::bigint AS calls,
       coalesce(json_agg(json_build_object('account', account, 'cash', cash::text,
         'ledger', ledger::text, 'calls', calls::text, 'expected', (ledger - calls)::text,
         'held', held::text, 'holds', holds::text, 'inProgress', in_progress,
         'heldCalls', held_calls)
         ORDER BY account) FILTER (WHERE cash <> ledger - calls
           OR held <> holds OR in_progress <> held_calls), '[]') AS imbalances
     FROM books`,
    [account ?? null],
  );
  return row ?? { accounts: 0, calls: 0, imbalances: [] };
}

/**
 * The books of billing accounts, by account.
 * @param page.after the last account already seen
 */
export function listBooks(
  db: Queryable,
  { account, after, limit }: { account?: number | undefined; after: number; limit: number },
): Promise<AccountBooks[]> {
  return db.query<AccountBooks>(
    `SELECT account, cash::text, ledger::text, calls::text, (ledger - calls)::text AS expected,
       held::text, holds::text, in_progress::int AS "inProgress", held_calls::int AS "heldCalls"
     FROM (${BOOKS}) AS books WHERE account > $2 ORDER BY account LIMIT $3`,
    [account ?? null, after, limit],
  );
}

const BOOKS = `
  SELECT account, round(coalesce(b.cash, 0), 6) AS cash, round(coalesce(m.ledger, 0), 6) AS ledger,
    round(coalesce(m.calls, 0), 6) AS calls, coalesce(m.count, 0) AS count,
    round(coalesce(b.held, 0), 6) AS held, round(coalesce(m.holds, 0), 6) AS holds,
    coalesce(m.in_progress, 0) AS in_progress, coalesce(m.held_calls, 0) AS held_calls
  FROM (SELECT * FROM balance WHERE $1::bigint IS NULL OR account = $1) b
  FULL JOIN (
    SELECT account, sum(ledger) AS ledger, sum(calls) AS calls, sum(count) AS count,
      sum(holds) AS holds, sum(held_calls) AS held_calls, sum(in_progress) AS in_progress
    FROM (${MOVEMENTS.join('\n    UNION ALL\n    ')}) AS movement GROUP BY account) m
  USING (account)`;
