import type { Database } from '../../db/database.ts';
import { rotateKey } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { replacePassword } from '../access/replace-password.ts';
import { endSessions } from '../access/session.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { changedBy, recordEvent } from '../event.ts';
import { notifyAccount, occurrence } from '../mail/message.ts';
import { lockOpenAccount } from '../open-account.ts';
import {
  findSipSecret,
  issueSipSecret,
  replaceSecret,
  type SipCredentials,
  type SipTools,
} from '../sip/sip-secret.ts';

/**
 * Gives an open account a new API key. The old key is refused from then on, and the owner gets a
 * mail.
 * @returns the new key
 * @throws Refusal 'not found'
 */
export function renewKey(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  username: number,
): Promise<string> {
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await audit(tx, actor, { action: 'key renewed', account: username }, now);
    const data = { by: changedBy(actor) };
    await recordEvent(tx, { type: 'account.key_changed', account: username, data }, now);
    const message = { kind: 'key changed', username, ...occurrence(actor, now) } as const;
    await notifyAccount(tx, queue, username, message);
    return rotateKey(tx, keyring, username);
  });
}

/**
 * Gives an open account a generated password and a new API key. Recovery links mailed before are
 * voided, because an intruder who has one could take the account over again. The owner gets a mail.
 * @throws Refusal 'not found'
 */
export async function renewPassword(
  db: Database,
  actor: Actor,
  tools: CredentialTools,
  username: number,
): Promise<{ password: string; apikey: string }> {
  const password = generatePassword();
  const change = { username, password, action: 'password renewed' } as const;
  return { password, apikey: await setPassword(db, actor, tools, change) };
}

/**
 * Sets the password that the owner of an open account chose, and makes a new API key. Sessions end,
 * recovery links mailed before are voided, and the owner gets a mail.
 * @param input.password has passed `passwordProblem`
 * @throws Refusal 'not found'
 */
export async function changePassword(
  db: Database,
  actor: Actor,
  tools: CredentialTools,
  input: { username: number; password: string },
): Promise<void> {
  await setPassword(db, actor, tools, { ...input, action: 'password changed' });
}

/** @returns the new key */
async function setPassword(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  change: {
    username: number;
    password: string;
    action: 'password renewed' | 'password changed';
  },
): Promise<string> {
  const { username, password, action } = change;
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await tx.query(
      `UPDATE token SET voided_at = $2
       WHERE account = $1 AND purpose = 'recovery' AND used_at IS NULL AND voided_at IS NULL`,
      [username, now],
    );
    await audit(tx, actor, { action, account: username }, now);
    const data = { by: changedBy(actor) };
    await recordEvent(tx, { type: 'account.password_changed', account: username, data }, now);
    const message = { kind: 'password changed', username, ...occurrence(actor, now) } as const;
    await notifyAccount(tx, queue, username, message);
    return replacePassword(tx, keyring, { username, hash: passwordHash, now });
  });
}

/**
 * The SIP credentials of an account's phones. An account without a SIP secret gets one now.
 * @throws Refusal 'not found' if there is no such open account
 */
export async function sipSecret(
  db: Database,
  tools: SipTools,
  username: number,
  now: Date,
): Promise<SipCredentials> {
  const found = await findSipSecret(db, tools, username);
  if (found) return found;
  await db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await issueSipSecret(tx, tools, username, now);
  });
  return sipSecret(db, tools, username, now);
}

/**
 * Gives an open account a new SIP secret. Phones with the old one are refused from then on.
 * @param change.secret left out: a random one
 * @param change.user the user of its phones, if it changes
 * @throws Refusal 'not found'; 'conflict' if phones of another account have this user
 */
export async function replaceSipSecret(
  db: Database,
  actor: Actor,
  { sip, queue, now }: { sip: SipTools } & Pick<CredentialTools, 'queue' | 'now'>,
  username: number,
  change: { secret?: string | undefined; user?: string | undefined } = {},
): Promise<SipCredentials> {
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await issueSipSecret(tx, sip, username, now);
    const { user } = change;
    const detail = user === undefined ? {} : { sipUser: user };
    await audit(tx, actor, { action: 'sip secret renewed', account: username, detail }, now);
    const data = { by: changedBy(actor) };
    await recordEvent(tx, { type: 'account.sip_secret_changed', account: username, data }, now);
    const message = { kind: 'sip secret changed', username, ...occurrence(actor, now) } as const;
    await notifyAccount(tx, queue, username, message);
    return replaceSecret(tx, sip, { username, ...change }, now);
  });
}

/**
 * As `sipSecret`, for another system; the audit trail records that it was read.
 * @throws Refusal 'not found' if there is no such open account
 */
export async function readSipSecret(
  db: Database,
  actor: Actor,
  tools: SipTools,
  username: number,
  now: Date,
): Promise<SipCredentials & { changedAt: Date }> {
  const found = await sipSecret(db, tools, username, now);
  await audit(db, actor, { action: 'sip secret read', account: username }, now);
  const [row] = await db.query<{ changedAt: Date }>(
    'SELECT changed_at AS "changedAt" FROM sip_secret WHERE account = $1',
    [username],
  );
  return { ...found, changedAt: row?.changedAt ?? now };
}

/** Ends all sessions of an open account. @throws Refusal 'not found' */
export async function endAllSessions(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await endSessions(tx, username);
    await audit(tx, actor, { action: 'sessions ended', account: username }, now);
  });
}
