import type { Database, Queryable } from '../../db/database.ts';
import type { Language } from '../../language.ts';
import { replacePassword } from '../access/replace-password.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { addressKey } from '../email-address.ts';
import { recordEvent } from '../event.ts';
import { type AddressedMessage, queueMessage } from '../mail/message.ts';
import { lockOpenAccount } from '../open-account.ts';
import { creditPromotion } from './promotion.ts';
import { issueToken, mayMailToken, redeemToken, type TokenState } from './token.ts';

/**
 * Queues the mail whose link verifies an address; older links are voided.
 * @returns false if the address has got as many mails as it may within an hour
 */
export async function sendVerification(
  tx: Queryable,
  { keyring, queue, now }: CredentialTools,
  account: { username: number; name: string; email: string; language: Language | null },
): Promise<boolean> {
  const { username, name, email, language } = account;
  if (!(await mayMailToken(tx, email, now))) return false;
  const token = await issueToken(tx, { keyring, now }, username, 'verification');
  const message = { kind: 'verification', username, token } as const;
  await queueMessage(tx, queue, { to: email, name, language, message });
  return true;
}

/**
 * Mails an open account's owner a link that verifies the address, on behalf of staff.
 * @returns false if nothing is mailed: the account is verified, or has got too many mails
 * @throws Refusal 'not found'
 */
export function mailVerification(
  db: Database,
  actor: Actor,
  tools: CredentialTools,
  username: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const account = await lockOpenAccount(tx, username);
    if (await isVerified(tx, username)) return false;
    await audit(tx, actor, { action: 'verification mailed', account: username }, tools.now);
    return sendVerification(tx, tools, account);
  });
}

async function isVerified(db: Queryable, username: number): Promise<boolean> {
  const rows = await db.query(
    'SELECT 1 FROM account WHERE username = $1 AND verified_at IS NOT NULL',
    [username],
  );
  return rows.length > 0;
}

/**
 * Verifies an open account on behalf of staff. The account gets the promotion that it reserved.
 * @returns false if it was verified before
 * @throws Refusal 'not found'
 */
export function verifyByStaff(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    if (!(await markVerified(tx, username, now))) return false;
    await audit(tx, actor, { action: 'account verified', account: username }, now);
    return true;
  });
}

/** Marks an account as verified. @returns false if it was before */
export async function markVerified(tx: Queryable, username: number, now: Date): Promise<boolean> {
  const verified = await tx.query(
    `UPDATE account SET verified_at = $2, updated_at = $2
     WHERE username = $1 AND verified_at IS NULL RETURNING username`,
    [username, now],
  );
  const promotion = await creditPromotion(tx, username, now);
  if (verified.length === 0) return false;
  const data = { verifiedAt: now, promotion };
  await recordEvent(tx, { type: 'account.verified', account: username, data }, now);
  return true;
}

/** Whether an account's owner has not chosen the password yet. */
export async function isPasswordUnset(db: Queryable, username: number): Promise<boolean> {
  const rows = await db.query('SELECT 1 FROM account WHERE username = $1 AND password_unset', [
    username,
  ]);
  return rows.length > 0;
}

/** The name in a queued mail, if an account of that name has verified the address. */
export async function verifiedName(
  db: Queryable,
  { to, name }: AddressedMessage,
): Promise<string | undefined> {
  const rows = await db.query(
    `SELECT 1 FROM account
     WHERE email_key = $1 AND name = $2 AND verified_at IS NOT NULL AND closed_at IS NULL LIMIT 1`,
    [addressKey(to), name],
  );
  return rows.length > 0 ? name : undefined;
}

/**
 * Redeems a verification token: the account is verified and gets the promotion that it reserved.
 * @param passwordHash hash of the password that the owner chose, if none was set before
 */
export async function verifyAccount(
  db: Database,
  { keyring, now }: Pick<CredentialTools, 'keyring' | 'now'>,
  token: string,
  passwordHash?: string,
): Promise<TokenState> {
  return db.transaction(async (tx) => {
    const result = await redeemToken(tx, { keyring, now }, token, 'verification');
    if (result.state !== 'good') return result;
    await markVerified(tx, result.username, now);
    if (passwordHash !== undefined && (await isPasswordUnset(tx, result.username))) {
      const { username } = result;
      await replacePassword(tx, keyring, { username, hash: passwordHash, now });
    }
    return result;
  });
}
