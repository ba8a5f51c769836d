import type { Database, Queryable } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import { hashPassword } from '../access/password.ts';
import { replacePassword } from '../access/replace-password.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { addressKey } from '../email-address.ts';
import { changedBy, recordEvent } from '../event.ts';
import { notifyAccount, occurrence, queueMessage } from '../mail/message.ts';
import { lockOpenAccount } from '../open-account.ts';
import { addressNotFound } from '../refusal.ts';
import { accountsOfAddress } from './address-accounts.ts';
import { inspectToken, issueToken, mayMailToken, redeemToken, type TokenState } from './token.ts';

export const RECOVERY_QUEUE = 'send-recovery';

/**
 * Asks for the recovery mail of an address. A job checks whether the address has an account, so
 * known and unknown addresses get the same answer in the same time.
 */
export async function requestRecovery(db: Queryable, queue: Queue, email: string): Promise<void> {
  await queue.send(db, RECOVERY_QUEUE, { email }, { key: addressKey(email) });
}

/** @throws Refusal 'not found' if no open account has the address */
export async function requireKnownAddress(db: Database, email: string): Promise<void> {
  if ((await accountsOfAddress(db, email)).length === 0) throw addressNotFound();
}

/**
 * Mails an open account's owner a link to choose a password, on behalf of staff.
 * @returns false if the address has got as many mails as it may within an hour
 * @throws Refusal 'not found'
 */
export function mailRecovery(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  username: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const { email, name, language } = await lockOpenAccount(tx, username);
    if (!(await mayMailToken(tx, email, now))) return false;
    const token = await issueToken(tx, { keyring, now }, username, 'recovery');
    const message = { kind: 'recovery' as const, links: [{ username, token }] };
    await queueMessage(tx, queue, { to: email, name, language, message });
    await audit(tx, actor, { action: 'recovery mailed', account: username }, now);
    return true;
  });
}

/** Queues one mail with a recovery link for each open account of the address. */
export async function sendRecovery(
  db: Database,
  { keyring, queue, now }: CredentialTools,
  email: string,
): Promise<void> {
  await db.transaction(async (tx) => {
    if (!(await mayMailToken(tx, email, now))) return;
    const accounts = await accountsOfAddress(tx, email);
    const [first] = accounts;
    if (!first) return;
    const links: { username: number; token: string }[] = [];
    for (const { username } of accounts) {
      const token = await issueToken(tx, { keyring, now }, username, 'recovery');
      links.push({ username, token });
    }
    await queueMessage(tx, queue, {
      to: first.email,
      name: first.name,
      language: first.language,
      message: { kind: 'recovery', links },
    });
  });
}

/**
 * Redeems a recovery token: sets a new password and key, and queues a mail to the customer.
 * @param input.password has passed `passwordProblem`
 */
export async function resetPassword(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  { token, password }: { token: string; password: string },
): Promise<TokenState> {
  const before = await inspectToken(db, { keyring, now }, token, 'recovery');
  if (before.state !== 'good') return before;
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    const result = await redeemToken(tx, { keyring, now }, token, 'recovery');
    if (result.state !== 'good') return result;
    const { username } = result;
    await replacePassword(tx, keyring, { username, hash: passwordHash, now });
    await audit(tx, actor, { action: 'password reset', account: username }, now);
    const data = { by: changedBy(actor) };
    await recordEvent(tx, { type: 'account.password_changed', account: username, data }, now);
    const message = { kind: 'password changed', username, ...occurrence(actor, now) } as const;
    await notifyAccount(tx, queue, username, message);
    return result;
  });
}
