import { randomInt } from 'node:crypto';
import type { Database, Queryable } from '../db/database.ts';
import { violatedConstraint } from '../db/errors.ts';
import type { Queue } from '../db/queue.ts';
import { issueKey, keyDigest } from './api-key.ts';
import { type Actor, audit, differences } from './audit.ts';
import { type BillingChanges, changeBilling } from './billing.ts';
import { addressKey, claimAddress, releaseAddress, shareAddress } from './email-address.ts';
import type { Keyring } from './keyring.ts';
import { occurrence, queueMessage } from './message.ts';
import type { Decimal } from './money.ts';
import { generatePassword, hashPassword } from './password.ts';
import { recordReservation, reservePromotion } from './promotion.ts';
import { endRecurringCharges } from './recurring-charge.ts';
import { creationFailed, invalidField, Refusal, unauthorized } from './refusal.ts';
import { endSessions } from './session.ts';
import { issueSipSecret } from './sip-secret.ts';
import { voidTokens } from './token.ts';
import { sendVerification } from './verification.ts';

const LOWEST_GENERATED = 2_000_000_000;
const HIGHEST_USERNAME = 9_999_999_999;
const GENERATE_TRIES = 20;

export const USERNAME_REQUIREMENT = 'Must be a 10-digit number';

const LONGEST_NAME = 100;

/** One line that is not blank. */
export const NAME_PATTERN =
  '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$';

/** A name of an account: 1 to 100 characters in one line, not blank. */
export function isAccountName(text: string): boolean {
  return [...text].length <= LONGEST_NAME && new RegExp(NAME_PATTERN, 'u').test(text);
}

export interface NewAccount {
  name: string;
  email: string;
  username: number;
  masterAccount: number;
  role: 'customer' | 'administrator';
  /** dollars per minute */
  rate: Decimal;
  /** of the SIP servers that its phones register with */
  sipRealm: string;
  now: Date;
}

/** What the one answer that shows the password tells of a new account. */
export interface CreatedAccount {
  name: string;
  username: number;
  password: string;
  email: string;
  masterAccount: number;
}

export interface SignupTools {
  keyring: Keyring;
  queue: Queue;
  now: Date;
  rate: Decimal;
  sipRealm: string;
}

/**
 * A customer's own signup: username and password are generated, the verification mail is queued
 * in the same transaction.
 * @param input.passwordUnset nobody is shown the password; it is chosen with the mailed link
 * @throws Refusal 'field invalid' for a promo that is not valid, 'conflict' where the address is
 *   in use
 */
export async function signUp(
  db: Database,
  { keyring, queue, now, rate, sipRealm }: SignupTools,
  input: { name: string; email: string; promo?: string | undefined; passwordUnset?: boolean },
): Promise<CreatedAccount> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    const promotion = input.promo ? await reservePromotion(tx, input.promo, now) : undefined;
    await claimAddress(tx, input.email);
    const { name, email } = input;
    const fields = { name, email, role: 'customer', rate, sipRealm, now } as const;
    const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
    if (promotion) await recordReservation(tx, username, promotion, now);
    if (input.passwordUnset) {
      await tx.query('UPDATE account SET password_unset = true WHERE username = $1', [username]);
    }
    await sendVerification(tx, keyring, queue, { username, name, email, now });
    return { name, username, password, email, masterAccount: username };
  });
}

/**
 * A sub-account, or an account that pays for itself, put there by an administrator.
 * @throws Refusal 'conflict' where the username is taken, 'field invalid' where the master
 *   account is none
 */
export async function addAccount(
  db: Database,
  actor: Actor,
  keyring: Keyring,
  account: NewAccount,
): Promise<CreatedAccount> {
  const { name, username, email, masterAccount } = account;
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  await db.transaction(async (tx) => {
    await shareAddress(tx, email);
    if (masterAccount !== username) await requireBillingAccount(tx, masterAccount);
    if (!(await insertAccount(tx, keyring, account, passwordHash))) throw creationFailed();
    const detail = { name, email, masterAccount };
    await audit(tx, actor, { action: 'account added', account: username, detail }, account.now);
  });
  return { name, username, password, email, masterAccount };
}

/** Holds the billing account open until the transaction ends. */
async function requireBillingAccount(tx: Queryable, username: number): Promise<void> {
  const rows = await tx.query(
    `SELECT 1 FROM account
     WHERE username = $1 AND master_account = username AND closed_at IS NULL FOR SHARE`,
    [username],
  );
  if (rows.length === 0) throw invalidField('masterAccount', 'Must be a billing account');
}

/**
 * @param fields without a master account, the account pays for itself
 * @returns the generated username: ten digits, the first 2 to 9
 */
export async function insertWithFreeUsername(
  tx: Queryable,
  keyring: Keyring,
  fields: Omit<NewAccount, 'username' | 'masterAccount'> & { masterAccount?: number },
  passwordHash: string,
): Promise<number> {
  for (let attempt = 0; attempt < GENERATE_TRIES; attempt++) {
    const username = randomInt(LOWEST_GENERATED, HIGHEST_USERNAME + 1);
    const account = { masterAccount: username, ...fields, username };
    if (await insertAccount(tx, keyring, account, passwordHash)) return username;
  }
  throw creationFailed();
}

/** @returns false where the username is taken */
async function insertAccount(
  tx: Queryable,
  keyring: Keyring,
  account: NewAccount,
  passwordHash: string,
): Promise<boolean> {
  const key = await issueKey(tx, keyring, account.username, 1);
  const rows = await tx.query(
    `INSERT INTO account (username, master_account, role, name, email, email_key, rate,
       created_at, password_hash, key_digest, key_sealed, key_version)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT (username) DO NOTHING RETURNING username`,
    [
      account.username,
      account.masterAccount,
      account.role,
      account.name,
      account.email,
      addressKey(account.email),
      account.rate,
      account.now,
      passwordHash,
      key.digest,
      key.sealed,
      key.version,
    ],
  );
  if (rows.length === 0) return false;
  if (account.masterAccount === account.username) {
    await tx.query('INSERT INTO balance (account) VALUES ($1)', [account.username]);
  }
  const sip = { keyring, realm: account.sipRealm };
  await issueSipSecret(tx, sip, account.username, account.now);
  return true;
}

/**
 * The record of `info`, found by the key itself: one indexed read.
 * @returns JSON text, so that no amount passes through a binary float
 * @throws Refusal 'unauthorized' where no open account has the key
 */
export async function accountRecord(db: Database, keyring: Keyring, key: unknown): Promise<string> {
  const row = await db.find<{ record: string }>(
    'account-record',
    `SELECT k.n, json_build_object(
       'name', a.name,
       'rate', trim_scale(a.rate),
       'enabled', a.enabled AND NOT b.suspended,
       'notify_threshold', a.notify_threshold,
       'username', a.username::text,
       'caller_id', a.caller_id,
       'notify', a.notify,
       'email', a.email,
       'created', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
       'cash', trim_scale(b.cash))::text AS record
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN account a ON a.key_digest = k.digest AND a.closed_at IS NULL
       JOIN balance b ON b.account = a.master_account`,
    keyDigest(keyring, key),
  );
  if (!row) throw unauthorized();
  return row.record;
}

/** What is changed of an account; `billing` and `creditLimit` only of one that pays for itself. */
export interface AccountChanges extends BillingChanges {
  name?: string;
  email?: string;
  rate?: Decimal;
  incrementSeconds?: number;
  minimumSeconds?: number;
  callerId?: string;
  notify?: boolean;
  notifyThreshold?: number;
  timeZone?: string;
  enabled?: boolean;
  /** null: the list called `default`, where there is one */
  priceList?: string | null;
  /** calls at once; null: any number */
  maxCalls?: number | null;
}

const COLUMNS: Record<Exclude<keyof AccountChanges, keyof BillingChanges>, string> = {
  name: 'name',
  email: 'email',
  rate: 'rate',
  incrementSeconds: 'increment_seconds',
  minimumSeconds: 'minimum_seconds',
  callerId: 'caller_id',
  notify: 'notify',
  notifyThreshold: 'notify_threshold',
  timeZone: 'time_zone',
  enabled: 'enabled',
  priceList: 'price_list',
  maxCalls: 'max_calls',
};

/**
 * Changes what is given and leaves the rest. Of a new address both, the old and the new one, are
 * told by mail.
 * @throws Refusal 'not found', also for a price list that is none; 'conflict' for the billing of an
 *   account that another one pays for
 */
export async function changeAccount(
  db: Database,
  actor: Actor,
  queue: Queue,
  username: number,
  changes: AccountChanges,
  now: Date,
): Promise<void> {
  const given = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).filter(
    (name) => changes[name] !== undefined,
  );
  await db.transaction(async (tx) => {
    const values: unknown[] = given.map((name) => changes[name]);
    const assignments = given.map((name, index) => `${COLUMNS[name]} = $${index + 2}`);
    const account = await lockOpenAccount(tx, username);
    const before = await currentSettings(tx, username);
    if (changes.email !== undefined) {
      await changeAddress(tx, actor, queue, account, changes.email, now);
      values.push(addressKey(changes.email));
      assignments.push(`email_key = $${values.length + 1}`);
    }
    if (changes.billing !== undefined || changes.creditLimit !== undefined) {
      await changeBilling(tx, username, changes);
    }
    if (assignments.length > 0) await assign(tx, username, assignments, values);
    const detail = differences(before, await currentSettings(tx, username));
    await audit(tx, actor, { action: 'account changed', account: username, detail }, now);
  });
}

async function assign(
  tx: Queryable,
  username: number,
  assignments: string[],
  values: unknown[],
): Promise<void> {
  try {
    await tx.query(`UPDATE account SET ${assignments.join(', ')} WHERE username = $1`, [
      username,
      ...values,
    ]);
  } catch (error) {
    if (violatedConstraint(error) !== 'account_price_list') throw error;
    throw new Refusal('not found', 'there is no such price list');
  }
}

/** Counts the new address instead of the old one, tells both, and ends the links mailed before. */
async function changeAddress(
  tx: Queryable,
  actor: Actor,
  queue: Queue,
  { username, name, email: before, timeZone }: HeldAccount,
  after: string,
  now: Date,
): Promise<void> {
  await releaseAddress(tx, before);
  await shareAddress(tx, after);
  if (addressKey(before) === addressKey(after)) return;
  await voidTokens(tx, username, now);
  const change = { kind: 'address changed', username, before, after } as const;
  const message = { ...change, ...occurrence(actor, now) };
  for (const to of [before, after]) await queueMessage(tx, queue, { to, name, timeZone, message });
}

/** All that changeAccount may change, as the audit trail shows it. */
async function currentSettings(tx: Queryable, username: number): Promise<object> {
  const columns = Object.entries(COLUMNS).map(([name, column]) => `a.${column} AS "${name}"`);
  const [settings] = await tx.query(
    `SELECT ${columns.join(', ')}, b.billing, b.credit_limit AS "creditLimit"
     FROM account a JOIN balance b ON b.account = a.master_account WHERE a.username = $1`,
    [username],
  );
  return settings ?? {};
}

/**
 * Closes an account for good: its key and password are refused, its services and numbers end, its
 * books stay.
 * @throws Refusal 'not found', 'conflict' while other open accounts are billed to it
 */
export async function closeAccount(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const account = await lockOpenAccount(tx, username);
    const [dependent] = await tx.query<{ username: number }>(
      `SELECT username FROM account
       WHERE master_account = $1 AND username <> $1 AND closed_at IS NULL LIMIT 1`,
      [username],
    );
    if (dependent) {
      throw new Refusal(
        'conflict',
        `${dependent.username} is billed to ${username}; close it first`,
      );
    }
    await tx.query('UPDATE account SET closed_at = $2 WHERE username = $1', [username, now]);
    await voidTokens(tx, username, now);
    await endRecurringCharges(tx, username, now);
    await endSessions(tx, username);
    await releaseAddress(tx, account.email);
    await audit(tx, actor, { action: 'account closed', account: username }, now);
  });
}

interface HeldAccount {
  username: number;
  name: string;
  email: string;
  timeZone: string;
}

/** Holds an open account until the transaction ends. @throws Refusal 'not found' */
export async function lockOpenAccount(tx: Queryable, username: number): Promise<HeldAccount> {
  const [account] = await tx.query<HeldAccount>(
    'SELECT username, name, email, time_zone AS "timeZone" FROM account WHERE username = $1 AND closed_at IS NULL FOR UPDATE',
    [username],
  );
  if (!account) throw new Refusal('not found', `there is no open account ${username}`);
  return account;
}
