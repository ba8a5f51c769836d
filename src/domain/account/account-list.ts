import type { Queryable } from '../../db/database.ts';
import { searchedNumber } from '../phone-number.ts';
import { type AccountSummary, SUMMARY } from './account-directory.ts';

// SQL conditions. The balance is that of the account that pays.
const STATES = {
  open: 'a.closed_at IS NULL',
  suspended: 'a.closed_at IS NULL AND b.suspended',
  'low balance': `a.closed_at IS NULL AND a.username = a.master_account
    AND b.cash < a.notify_threshold`,
  unverified: `a.closed_at IS NULL AND a.verified_at IS NULL AND a.role = 'customer'`,
  disabled: 'a.closed_at IS NULL AND NOT a.enabled',
  closed: 'a.closed_at IS NOT NULL',
} as const;

/** What an account list can be limited to; an account may have several of them. */
export type AccountState = keyof typeof STATES;
export const ACCOUNT_STATES = Object.keys(STATES) as AccountState[];

// The direction, and the value by which accounts are sorted; then the username decides.
const ORDERS = {
  username: ['ASC', 'a.username'],
  name: ['ASC', 'lower(a.name)'],
  balance: ['ASC', 'b.cash'],
  newest: ['DESC', 'a.created_at'],
} as const;

export type AccountOrder = keyof typeof ORDERS;
export const ACCOUNT_ORDERS = Object.keys(ORDERS) as AccountOrder[];

const ROWS = 'account a JOIN balance b ON b.account = a.master_account';

/**
 * Accounts in an order, with closed ones unless a state is named.
 * @param filter.search part of a name, e-mail address, username or phone number; case is ignored
 * @param page.after the username of the last account already seen
 */
export function listAccounts(
  db: Queryable,
  filter: { search?: string | undefined; state?: AccountState | undefined },
  page: { order?: AccountOrder; after?: number | undefined; limit: number },
): Promise<AccountSummary[]> {
  const { search = '', state } = filter;
  const { order = 'username', after = null, limit } = page;
  const [direction, key] = ORDERS[order];
  const beyond = direction === 'ASC' ? '>' : '<';
  return db.query<AccountSummary>(
    `SELECT ${SUMMARY} FROM ${ROWS}
     WHERE ${state ? STATES[state] : 'true'}
       AND ($1::bigint IS NULL OR (${key}, a.username) ${beyond} (
         (SELECT ${key} FROM ${ROWS} WHERE a.username = $1), $1))
       AND ($2 = '' OR position(lower($2) IN a.search_text) > 0
         OR $3 <> '' AND (position($3 IN a.search_text) > 0 OR a.username IN (
           SELECT account FROM number WHERE removed_at IS NULL AND position($3 IN number) > 0)))
     ORDER BY ${key} ${direction}, a.username ${direction} LIMIT $4`,
    [after, search, searchedNumber(search), limit],
  );
}
