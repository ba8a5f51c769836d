import type { Database, Queryable } from '../../db/database.ts';
import { isLimitReached, spentToday } from '../books/day-limit.ts';
import { addressKey } from '../email-address.ts';
import type { Decimal } from '../money.ts';
import { searchedNumber } from '../phone-number.ts';
import { unknownAccount } from '../refusal.ts';
import type { Role } from '../role.ts';
import { type AccountSettings, SETTINGS_SQL } from './account-setting.ts';

/** An account with its settings, for other systems, without its balance. */
export interface AccountRecord extends AccountSettings {
  username: number;
  masterAccount: number;
  role: Role;
  createdAt: Date;
  /** the last change of its settings; never before its creation */
  updatedAt: Date;
  verifiedAt: Date | null;
  closedAt: Date | null;
}

export interface AccountFilter {
  /** part of a name, e-mail address, username or phone number; case is ignored */
  search?: string | undefined;
  externalId?: string[] | undefined;
  email?: string[] | undefined;
  masterAccount?: number[] | undefined;
  priceList?: string[] | undefined;
  state?: 'open' | 'closed' | 'all' | undefined;
  enabled?: boolean | undefined;
  suspended?: boolean | undefined;
  verified?: boolean | undefined;
  role?: Role | undefined;
  updatedSince?: Date | undefined;
  /** only accounts that one of these billing accounts pays for */
  reach?: number[] | undefined;
}

const COLUMNS = `a.username, a.master_account AS "masterAccount", a.role,
  ${SETTINGS_SQL},
  a.created_at AS "createdAt", greatest(a.updated_at, a.created_at) AS "updatedAt",
  a.verified_at AS "verifiedAt", a.closed_at AS "closedAt"`;

const CONDITIONS: Record<keyof AccountFilter, (parameter: string) => string> = {
  search: (p) => `(position(lower(${p}::jsonb ->> 0) IN a.search_text) > 0
    OR position(${p}::jsonb ->> 1 IN a.username::text) > 0
    OR EXISTS (SELECT FROM number n WHERE n.account = a.username AND n.removed_at IS NULL
      AND position(${p}::jsonb ->> 1 IN n.number) > 0))`,
  externalId: (p) => `a.external_id = ANY (${p}::text[])`,
  email: (p) => `a.email_key = ANY (${p}::text[])`,
  masterAccount: (p) => `a.master_account = ANY (${p}::bigint[])`,
  priceList: (p) => `a.price_list = ANY (${p}::text[])`,
  state: (p) => `(${p} = 'all' OR (a.closed_at IS NULL) = (${p} = 'open'))`,
  enabled: (p) => `a.enabled = ${p}::boolean`,
  suspended: (p) => `b.suspended = ${p}::boolean`,
  verified: (p) => `(a.verified_at IS NOT NULL) = ${p}::boolean`,
  role: (p) => `a.role = ${p}`,
  updatedSince: (p) => `a.updated_at >= ${p}::timestamptz`,
  reach: (p) => `a.master_account = ANY (${p}::bigint[])`,
};

/**
 * Accounts that match a filter, ordered by username or by the time of their last change.
 * @param page.after username, or `place` and username, of the last account already seen
 * @returns each with `place`, the time of its last change to the microsecond
 */
export function searchAccounts(
  db: Queryable,
  filter: AccountFilter,
  page: {
    order: 'username' | 'updatedAt';
    after?: unknown[] | undefined;
    limit: number;
  },
): Promise<(AccountRecord & { place: string })[]> {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  const conditions = given.map(([name, value]) =>
    CONDITIONS[name as keyof AccountFilter](parameter(readFilter(name, value))),
  );
  const byTime = page.order === 'updatedAt';
  if (page.after) {
    const [first, second] = page.after;
    conditions.push(
      byTime
        ? `(a.updated_at, a.username) > (${parameter(first)}::timestamptz, ${parameter(second)}::bigint)`
        : `a.username > ${parameter(first)}::bigint`,
    );
  }
  const order = byTime ? 'a.updated_at, a.username' : 'a.username';
  return db.query<AccountRecord & { place: string }>(
    `SELECT ${COLUMNS}, a.updated_at::text AS place
     FROM account a JOIN balance b ON b.account = a.master_account
     WHERE ${['true', ...conditions].join(' AND ')}
     ORDER BY ${order} LIMIT ${parameter(page.limit)}`,
    values,
  );
}

function readFilter(name: string, value: unknown): unknown {
  if (name === 'search') return JSON.stringify([value, searchedNumber(String(value))]);
  return name === 'email' ? (value as string[]).map(addressKey) : value;
}

/** One account, open or closed. @throws Refusal 'not found' */
export async function findAccount(db: Queryable, username: number): Promise<AccountRecord> {
  const [account] = await db.query<AccountRecord>(
    `SELECT ${COLUMNS} FROM account a JOIN balance b ON b.account = a.master_account
     WHERE a.username = $1`,
    [username],
  );
  if (!account) throw unknownAccount(username);
  return account;
}

/** As `findAccount`, outside of transactions; requests at the same time share one statement. */
export async function readAccount(db: Database, username: number): Promise<AccountRecord> {
  const row = await db.find<AccountRecord & { n: number }>(
    'account-by-username',
    `SELECT i.n::int, ${COLUMNS}
     FROM unnest($1::bigint[]) WITH ORDINALITY AS i (username, n)
       JOIN account a ON a.username = i.username
       JOIN balance b ON b.account = a.master_account`,
    username,
  );
  if (!row) throw unknownAccount(username);
  const { n: _, ...account } = row;
  return account;
}

/** The billing account of an account, and whether it is closed. @returns undefined if there is none */
export async function billingAccountOf(
  db: Queryable,
  username: number,
): Promise<{ billingAccount: number; isClosed: boolean } | undefined> {
  const [row] = await db.query<{ billingAccount: number; isClosed: boolean }>(
    `SELECT master_account AS "billingAccount", closed_at IS NOT NULL AS "isClosed" FROM account
     WHERE username = $1`,
    [username],
  );
  return row;
}

/** The balance of a billing account. */
export interface BalanceRecord {
  account: number;
  cash: Decimal;
  /** for calls in progress */
  held: Decimal;
  /** null: a postpaid account without a limit */
  available: Decimal | null;
  billing: 'prepaid' | 'postpaid';
  creditLimit: Decimal | null;
  suspended: boolean;
  dayLimit: Decimal | null;
  /** what calls took today, in its time zone */
  spentToday: Decimal;
  limitReached: boolean;
}

/** For each of some accounts, by username: the balance of the account that pays for it. */
export async function balancesOf(
  db: Queryable,
  usernames: number[],
): Promise<Map<number, BalanceRecord>> {
  const rows = await db.query<BalanceRecord & { username: number }>(
    `SELECT a.username, b.account, b.cash::text, b.held::text, b.billing,
       b.credit_limit::text AS "creditLimit", b.suspended, b.day_limit::text AS "dayLimit",
       ${spentToday('now()')}::text AS "spentToday", ${isLimitReached('now()')} AS "limitReached",
       CASE b.billing WHEN 'prepaid' THEN b.cash - b.held
         ELSE b.cash - b.held + b.credit_limit END::text AS available
     FROM account a JOIN balance b ON b.account = a.master_account
     WHERE a.username = ANY ($1::bigint[])`,
    [usernames],
  );
  return new Map(rows.map(({ username, ...balance }) => [username, balance]));
}

/** The balance of the account that pays for an account. @throws Refusal 'not found' */
export async function balanceOf(db: Queryable, username: number): Promise<BalanceRecord> {
  const balance = (await balancesOf(db, [username])).get(username);
  if (!balance) throw unknownAccount(username);
  return balance;
}
