import type { Database, Queryable } from '../../db/database.ts';
import type { Language } from '../../language.ts';
import { replacePassword } from '../access/replace-password.ts';
import type { CredentialTools } from '../access/tools.ts';
import { addressKey } from '../email-address.ts';
import { recordEvent } from '../event.ts';
import { type AddressedMessage, queueMessage } from '../mail/message.ts';
import { creditPromotion } from './promotion.ts';
import { issueToken, mayMailToken, redeemToken, type TokenState } from './token.ts';

/** Queues the mail whose link verifies an address; older links are voided. */
export async function sendVerification(
  tx: Queryable,
  { keyring, queue, now }: CredentialTools,
  account: { username: number; name: string; email: string; language: Language | null },
): Promise<void> {
  const { username, name, email, language } = account;
  if (!(await mayMailToken(tx, email, now))) return;
  const token = await issueToken(tx, { keyring, now }, username, 'verification');
  const message = { kind: 'verification', username, token } as const;
  await queueMessage(tx, queue, { to: email, name, language, message });
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
    const verified = await tx.query(
      `UPDATE account SET verified_at = $2, updated_at = $2
       WHERE username = $1 AND verified_at IS NULL RETURNING username`,
      [result.username, now],
    );
    if (passwordHash !== undefined && (await isPasswordUnset(tx, result.username))) {
      const { username } = result;
      await replacePassword(tx, keyring, { username, hash: passwordHash, now });
    }
    const promotion = await creditPromotion(tx, result.username, now);
    if (verified.length > 0) {
      const data = { verifiedAt: now, promotion };
      await recordEvent(tx, { type: 'account.verified', account: result.username, data }, now);
    }
    return result;
  });
}
