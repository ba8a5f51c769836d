import type { Queryable } from '../../db/database.ts';
import { recordEvent } from '../event.ts';
import type { Decimal } from '../money.ts';

/** the most imbalances that an event shows */
const MOST_REPORTED = 20;

/** The sums of a billing account's books. */
export interface AccountBooks {
  account: number;
  cash: Decimal;
  /** sum of its ledger */
  ledger: Decimal;
  /** sum of the cost of its calls */
  calls: Decimal;
  /** the value that cash must have: ledger − calls */
  expected: Decimal;
  /** money held for calls in progress, by the balance */
  held: Decimal;
  /** the value that held must have: the sum of its holds */
  holds: Decimal;
  /** the counted number of calls in progress of its accounts */
  inProgress: number;
  /** the value that inProgress must have: the number of its holds */
  heldCalls: number;
}

export interface Reconciliation {
  /** billing accounts */
  accounts: number;
  calls: number;
  /** accounts with a wrong sum */
  imbalances: AccountBooks[];
}

// call_retired has the cost of the calls of retired months.
const KEPT = "started_at >= coalesce((SELECT kept_from FROM call_retention), '-infinity')";

// Everything that changes a balance, one SELECT for each source. Columns: account, sum of the
// ledger, cost of calls, number of calls, sum of holds, number of holds, counted calls in progress.
// If $1 is not NULL, only for that account.
const MOVEMENTS = [
  `SELECT account, sum(amount) AS ledger, 0 AS calls, 0 AS count, 0 AS holds, 0 AS held_calls,
     0 AS in_progress
   FROM ledger_entry WHERE $1::bigint IS NULL OR account = $1 GROUP BY account`,
  `SELECT billing_account, 0, coalesce(sum(amount) FILTER (WHERE debited), 0), count(*), 0, 0, 0
   FROM call WHERE ${KEPT} AND ($1::bigint IS NULL OR billing_account = $1)
   GROUP BY billing_account`,
  `SELECT billing_account, 0, sum(amount), sum(calls), 0, 0, 0
   FROM call_retired WHERE $1::bigint IS NULL OR billing_account = $1 GROUP BY billing_account`,
  // A rerated call debited its first price; the ledger has the difference.
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
 * Proves the books of each billing account: cash = sum of its ledger − cost of its calls, held =
 * sum of its holds, and calls in progress = number of its holds. It is one statement, so one
 * snapshot, and works while calls come in.
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

/** The sums of all balances, and of the ledger. */
export async function bookTotals(db: Queryable): Promise<{ cash: Decimal; ledger: Decimal }> {
  const [row] = await db.query<{ cash: Decimal; ledger: Decimal }>(
    `SELECT (SELECT coalesce(sum(cash), 0)::text FROM balance) AS cash,
       (SELECT coalesce(sum(amount), 0)::text FROM ledger_entry) AS ledger`,
  );
  return row ?? { cash: '0', ledger: '0' };
}

/** Records the event of a reconciliation that found wrong sums. */
export async function reportImbalances(
  db: Queryable,
  imbalances: AccountBooks[],
  now: Date,
): Promise<void> {
  if (imbalances.length === 0) return;
  const shown = imbalances.slice(0, MOST_REPORTED);
  const data = {
    imbalances: shown.map(({ account, ...sums }) => ({ account: String(account), ...sums })),
    count: imbalances.length,
  };
  await recordEvent(db, { type: 'books.imbalance', data }, now);
}

/**
 * The books of billing accounts, ordered by account.
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
