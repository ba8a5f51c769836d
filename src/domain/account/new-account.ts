import { randomInt } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import type { Language } from '../../language.ts';
import { issueKey } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { addressKey, claimAddress, shareAddress } from '../email-address.ts';
import { recordEvent } from '../event.ts';
import type { Decimal } from '../money.ts';
import { creationFailed, invalidField } from '../refusal.ts';
import type { Role } from '../role.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { issueSipSecret } from '../sip/sip-secret.ts';
import { recordReservation, reservePromotion } from './promotion.ts';
import { sendVerification } from './verification.ts';

/** The limits of an account in its first 30 days, unless an operator sets others. */
export interface NewLimits {
  /** what its calls may take in a day; null: any amount */
  dayLimit: Decimal | null;
  /** its highest rate; null: any */
  maxRate: Decimal | null;
}

export const NO_LIMITS: NewLimits = { dayLimit: null, maxRate: null };

const UNTIL = "interval '30 days'";
/** The lowest username that is generated, and the first number after the highest. */
export const GENERATED_USERNAMES = [2_000_000_000, 10_000_000_000] as const;
const GENERATE_TRIES = 20;

export interface NewAccount {
  name: string;
  email: string;
  username: number;
  masterAccount: number;
  role: Role;
  /** money per minute */
  rate: Decimal;
  limits: NewLimits;
  /** the realm of the SIP servers that its phones register with */
  sipRealm: string;
  /** who created it, for its event; default: the operator */
  origin?: 'signup' | 'operator' | 'import';
  now: Date;
}

/** A new account in the only answer that shows its password. */
export interface CreatedAccount {
  name: string;
  username: number;
  password: string;
  email: string;
  masterAccount: number;
}

export interface SignupTools extends CredentialTools {
  rate: Decimal;
  limits: NewLimits;
  sipRealm: string;
}

/**
 * Signs a customer up. Username and password are generated, and the verification mail is queued in
 * the same transaction.
 * @param input.passwordUnset the password is not shown; the owner chooses one with the mailed link
 * @throws Refusal 'field invalid' for a promo that is not valid, 'conflict' if the e-mail address
 *   is in use
 */
export async function signUp(
  db: Database,
  { keyring, queue, now, rate, limits, sipRealm }: SignupTools,
  input: {
    name: string;
    email: string;
    promo?: string | undefined;
    passwordUnset?: boolean;
    language?: Language;
  },
): Promise<CreatedAccount> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    const promotion = input.promo ? await reservePromotion(tx, input.promo, now) : undefined;
    await claimAddress(tx, input.email);
    const { name, email, language = null } = input;
    const origin = 'signup';
    const fields = { name, email, role: 'customer', rate, limits, sipRealm, origin, now } as const;
    const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
    if (promotion) await recordReservation(tx, username, promotion, now);
    if (input.passwordUnset || language) {
      await tx.query('UPDATE account SET password_unset = $2, language = $3 WHERE username = $1', [
        username,
        input.passwordUnset ?? false,
        language,
      ]);
    }
    await sendVerification(tx, { keyring, queue, now }, { username, name, email, language });
    return { name, username, password, email, masterAccount: username };
  });
}

/**
 * Adds a sub-account, or an account that pays for itself, for an administrator.
 * @throws Refusal 'conflict' if the username is taken, 'field invalid' if the one that pays is not
 *   an open billing account
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

/** Makes sure that a billing account is open, and keeps it open until the transaction ends. */
export async function requireBillingAccount(tx: Queryable, username: number): Promise<void> {
  const rows = await tx.query(
    `SELECT 1 FROM account
     WHERE username = $1 AND master_account = username AND closed_at IS NULL FOR SHARE`,
    [username],
  );
  if (rows.length === 0) throw invalidField('masterAccount', 'Must be a billing account');
}

/**
 * @param fields without a billing account, the account pays for itself
 * @returns the generated username: ten digits, the first one from 2 to 9
 */
export async function insertWithFreeUsername(
  tx: Queryable,
  keyring: Keyring,
  fields: Omit<NewAccount, 'username' | 'masterAccount'> & { masterAccount?: number },
  passwordHash: string,
): Promise<number> {
  for (let attempt = 0; attempt < GENERATE_TRIES; attempt++) {
    const username = randomInt(...GENERATED_USERNAMES);
    const account = { masterAccount: username, ...fields, username };
    if (await insertAccount(tx, keyring, account, passwordHash)) return username;
  }
  throw creationFailed();
}

/** @returns false if the username is taken */
export async function insertAccount(
  tx: Queryable,
  keyring: Keyring,
  account: NewAccount,
  passwordHash: string,
): Promise<boolean> {
  const key = await issueKey(tx, keyring, account.username, 1);
  const rows = await tx.query(
    `INSERT INTO account (username, master_account, role, name, email, email_key, rate,
       created_at, updated_at, password_hash, key_digest, key_sealed, key_version, max_rate, max_rate_until)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13,
       CASE WHEN $13::numeric IS NOT NULL THEN $8::timestamptz + ${UNTIL} END)
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
      account.limits.maxRate,
    ],
  );
  if (rows.length === 0) return false;
  if (account.masterAccount === account.username) {
    await tx.query(
      `INSERT INTO balance (account, day_limit, day_limit_until)
       VALUES ($1, $2, CASE WHEN $2::numeric IS NOT NULL THEN $3::timestamptz + ${UNTIL} END)`,
      [account.username, account.limits.dayLimit, account.now],
    );
  }
  const sip = { keyring, realm: account.sipRealm };
  await issueSipSecret(tx, sip, account.username, account.now);
  const { username, name, email, masterAccount, origin = 'operator', now } = account;
  const data = { name, email, masterAccount: String(masterAccount), origin };
  await recordEvent(tx, { type: 'account.created', account: username, data }, now);
  return true;
}
