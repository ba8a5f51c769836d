import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import type { AccountState } from './account-list.ts';

const open = (column: string, condition: string) =>
  `(SELECT count(*) FROM account WHERE closed_at IS NULL AND ${condition})::int AS "${column}"`;

// Each count reads a small index. A join of all accounts with all balances would take ten times as
// long, and an index on balances would slow down the storing of calls.
const COUNTS = {
  all: '(SELECT count(*) FROM account)::int AS "all"',
  closed: '(SELECT count(*) FROM account WHERE closed_at IS NOT NULL)::int AS closed',
  disabled: open('disabled', 'NOT enabled'),
  unverified: open('unverified', "verified_at IS NULL AND role = 'customer'"),
  suspended: `(SELECT count(*) FROM balance b JOIN account a ON a.master_account = b.account
     WHERE b.suspended AND a.closed_at IS NULL)::int AS suspended`,
  // Only the few balances below the highest threshold are compared with that of their account.
  'low balance': `(SELECT coalesce(sum((SELECT count(*) FROM account a
       WHERE a.username = b.account AND a.closed_at IS NULL AND b.cash < a.notify_threshold)), 0)
     FROM balance b WHERE b.cash < (SELECT max(notify_threshold) FROM account))::int
     AS "low balance"`,
};

/** How many accounts there are in each state, and in all. */
export async function countAccounts(db: Queryable): Promise<Record<AccountState | 'all', number>> {
  const [row] = await db.query<Record<Exclude<AccountState, 'open'> | 'all', number>>(
    `SELECT ${Object.values(COUNTS)}`,
  );
  if (!row) throw new Error('the query has one row');
  return { ...row, open: row.all - row.closed };
}

/** The totals on the operator's first page. */
export interface Totals {
  /** accounts that are open; of them: not verified, signed up since a time, suspended */
  accounts: number;
  unverified: number;
  signedUpToday: number;
  suspended: number;
  /** the sum of positive balances, and the sum that other accounts owe */
  credit: Decimal;
  debt: Decimal;
}

/** @param since the start of the day */
export async function accountTotals(db: Queryable, since: Date): Promise<Totals> {
  const [row] = await db.query<Totals & { all: number; closed: number }>(
    `SELECT ${[COUNTS.all, COUNTS.closed, COUNTS.unverified, COUNTS.suspended]},
       ${open('signedUpToday', 'created_at >= $1')}, sums.*
     FROM (SELECT coalesce(sum(cash) FILTER (WHERE cash > 0), 0)::text AS credit,
       coalesce(-sum(cash) FILTER (WHERE cash < 0), 0)::text AS debt FROM balance) sums`,
    [since],
  );
  if (!row) throw new Error('an aggregate gave no row');
  const { all, closed, ...totals } = row;
  return { ...totals, accounts: all - closed };
}
