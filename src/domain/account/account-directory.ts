import type { Queryable } from '../../db/database.ts';
import { isLimitReached, spentToday } from '../books/day-limit.ts';
import type { Decimal } from '../money.ts';
import { unknownAccount } from '../refusal.ts';
import type { Role } from '../role.ts';
import { type AccountSettings, SETTINGS_SQL } from './account-setting.ts';

export interface AccountSummary {
  username: number;
  name: string;
  email: string;
  masterAccount: number;
  role: Role;
  /** its balance; null: another account pays */
  cash: Decimal | null;
  enabled: boolean;
  /** whether the balance of the account that pays is used up */
  suspended: boolean;
  closedAt: Date | null;
}

export interface MonthlyService {
  description: string;
  /** money a month */
  monthly: Decimal;
  addedAt: Date;
}

export interface AssignedNumber {
  number: string;
  /** money a month */
  monthly: Decimal;
  addedAt: Date;
}

/**
 * An account with its settings; `cash` and the settings of the balance are its billing account's.
 */
export interface AccountDetails extends Omit<AccountSummary, 'cash'>, AccountSettings {
  cash: Decimal;
  createdAt: Date;
  verifiedAt: Date | null;
  services: MonthlyService[];
  numbers: AssignedNumber[];
  /** what calls took from the billing account today, in its time zone */
  spentToday: Decimal;
  /** whether that reached the daily limit, so calls that cost anything are refused */
  limitReached: boolean;
  /** number of open accounts that this one pays for, without itself */
  subAccounts: number;
}

const COMMON = `a.username, a.name, a.email, a.master_account AS "masterAccount", a.role, a.enabled,
  b.suspended, a.closed_at AS "closedAt"`;

/** SQL of a summary, of `account a` and its billing account's `balance b`. */
export const SUMMARY = `${COMMON},
  CASE WHEN a.master_account = a.username THEN b.cash::text END AS cash`;

/** All details of an account, open or closed. @throws Refusal 'not found' */
export async function describeAccount(db: Queryable, username: number): Promise<AccountDetails> {
  const [account] = await db.query<Omit<AccountDetails, 'services' | 'numbers'>>(
    `SELECT ${COMMON}, b.cash::text, ${SETTINGS_SQL},
       ${spentToday('now()')}::text AS "spentToday", ${isLimitReached('now()')} AS "limitReached",
       a.created_at AS "createdAt", a.verified_at AS "verifiedAt",
       (SELECT count(*)::int FROM account s
        WHERE s.master_account = a.username AND s.username <> a.username
          AND s.closed_at IS NULL) AS "subAccounts"
     FROM account a JOIN balance b ON b.account = a.master_account
     WHERE a.username = $1`,
    [username],
  );
  if (!account) throw unknownAccount(username);
  const services = await currentServices(db, username);
  return { ...account, services, numbers: await currentNumbers(db, username) };
}

/** The first open sub-accounts of an account, by username. */
export function listSubAccounts(
  db: Queryable,
  billingAccount: number,
  limit: number,
): Promise<AccountSummary[]> {
  return db.query<AccountSummary>(
    `SELECT ${SUMMARY} FROM account a JOIN balance b ON b.account = a.master_account
     WHERE a.master_account = $1 AND a.username <> $1 AND a.closed_at IS NULL
     ORDER BY a.username LIMIT $2`,
    [billingAccount, limit],
  );
}

/** An account's own services, in the order they were added. @throws Refusal 'not found' */
export async function listServices(db: Queryable, username: number): Promise<MonthlyService[]> {
  await requireAccount(db, username);
  return currentServices(db, username);
}

/** An account's own numbers. @throws Refusal 'not found' */
export async function listNumbers(db: Queryable, username: number): Promise<AssignedNumber[]> {
  await requireAccount(db, username);
  return currentNumbers(db, username);
}

/** Accounts that an account pays for, itself first, with closed ones, which may have calls. */
export function paidAccounts(
  db: Queryable,
  billingAccount: number,
): Promise<{ username: number; name: string }[]> {
  return db.query(
    `SELECT username, name FROM account WHERE master_account = $1
     ORDER BY username <> $1, closed_at IS NOT NULL, name, username LIMIT 500`,
    [billingAccount],
  );
}

/** The account that has a number now. */
export async function ownerOfNumber(db: Queryable, number: string): Promise<number | undefined> {
  const [row] = await db.query<{ account: number }>(
    'SELECT account FROM number WHERE number = $1 AND removed_at IS NULL',
    [number],
  );
  return row?.account;
}

function currentServices(db: Queryable, username: number): Promise<MonthlyService[]> {
  return db.query<MonthlyService>(
    `SELECT description, monthly::text, added_at AS "addedAt" FROM service
     WHERE account = $1 AND removed_at IS NULL ORDER BY id`,
    [username],
  );
}

function currentNumbers(db: Queryable, username: number): Promise<AssignedNumber[]> {
  return db.query<AssignedNumber>(
    `SELECT number, monthly::text, added_at AS "addedAt" FROM number
     WHERE account = $1 AND removed_at IS NULL ORDER BY number`,
    [username],
  );
}

async function requireAccount(db: Queryable, username: number): Promise<void> {
  const rows = await db.query('SELECT 1 FROM account WHERE username = $1', [username]);
  if (rows.length === 0) throw unknownAccount(username);
}
