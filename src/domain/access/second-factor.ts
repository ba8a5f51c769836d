import { randomInt } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { notifyAccount, occurrence } from '../mail/message.ts';
import { lockOpenAccount } from '../open-account.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';
import { endSessions } from './session.ts';
import { claimAttempt, forgetAttempts } from './sign-in.ts';
import type { CredentialTools } from './tools.ts';

const SECRET_BYTES = 20;
const PERIOD_SECONDS = 30;
// Clocks may differ by half a minute; RFC 6238, section 5.2, recommends at most that.
const WINDOW_STEPS = 1;
const FREE_FAILURES = 5;
const RECOVERY_CODES = 10;
// No characters that look alike. 10 of 31 make 49 bits; pauses after failures slow guessing down.
const CODE_ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const CODE_LENGTH = 10;

export const SEALED_SECOND_FACTORS: SealedColumn = {
  table: 'second_factor',
  id: 'account',
  column: 'sealed',
  version: 'version',
  context: sealContext,
  name: (username) => `account ${username}`,
};

export interface SecondFactorState {
  on: boolean;
  /** number of unused recovery codes */
  codesLeft: number;
}

/** Whether the portal asks an account for a code; an unconfirmed factor does not count. */
export async function secondFactorState(
  db: Queryable,
  username: number,
): Promise<SecondFactorState> {
  const [row] = await db.query<SecondFactorState>(
    `SELECT EXISTS (SELECT FROM second_factor WHERE account = $1 AND confirmed_at IS NOT NULL) AS on,
       (SELECT count(*)::int FROM recovery_code WHERE account = $1 AND used_at IS NULL)
         AS "codesLeft"`,
    [username],
  );
  return row ?? { on: false, codesLeft: 0 };
}

/**
 * Makes the secret for an authenticator. Codes are asked for only after `confirmSecondFactor`.
 * Another call replaces the secret.
 * @returns the secret in base32
 * @throws Refusal 'conflict' if a second factor is on
 */
export async function beginSecondFactor(
  db: Database,
  keyring: Keyring,
  username: number,
): Promise<string> {
  const secret = new Secret({ size: SECRET_BYTES }).base32;
  await db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    const [before] = await tx.query<{ version: number; on: boolean }>(
      `SELECT version, confirmed_at IS NOT NULL AS on FROM second_factor WHERE account = $1`,
      [username],
    );
    if (before?.on) throw new Refusal('conflict', 'there is a second factor already');
    const version = (before?.version ?? 0) + 1;
    await tx.query(
      `INSERT INTO second_factor (account, sealed, version) VALUES ($1, $2, $3)
       ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed, version = excluded.version`,
      [username, await keyring.seal(tx, secret, sealContext(username, version)), version],
    );
  });
  return secret;
}

/** The secret of a second factor that is not confirmed yet. @throws Refusal 'not found' */
export async function begunSecondFactor(
  db: Queryable,
  keyring: Keyring,
  username: number,
): Promise<string> {
  const stored = await findSecret(db, username);
  if (!stored || stored.on) throw new Refusal('not found', 'no second factor was begun');
  return keyring.open(db, stored.sealed, sealContext(username, stored.version));
}

/** The URL that authenticators read from a QR code. */
export function authenticatorUrl(issuer: string, username: number, secret: string): string {
  return totp(secret, issuer, String(username)).toString();
}

/**
 * Turns a second factor on with its first code. Other sessions end, and the owner gets a mail.
 * @param input.session the handle of the session that does not end
 * @returns recovery codes, which are shown only once; undefined if the code is wrong
 * @throws Refusal 'not found' if none was begun
 */
export async function confirmSecondFactor(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  input: { username: number; code: string; session: number },
): Promise<string[] | undefined> {
  const { username, code, session } = input;
  const step = codeStep(await begunSecondFactor(db, keyring, username), code, now);
  if (step === undefined) return undefined;
  return db.transaction(async (tx) => {
    await tx.query(
      'UPDATE second_factor SET confirmed_at = $2, last_step = $3 WHERE account = $1',
      [username, now, step],
    );
    await endSessions(tx, username, session);
    await announce(tx, actor, { queue, now }, { username, on: true });
    return renewRecoveryCodes(tx, keyring, username);
  });
}

/**
 * Checks a code of the authenticator or a recovery code. Each code is accepted only once, also in
 * concurrent attempts.
 */
export async function takeSecondFactor(
  db: Database,
  keyring: Keyring,
  { username, code, now }: { username: number; code: string; now: Date },
): Promise<boolean> {
  const plain = code.replace(/[\s-]/g, '').toLowerCase();
  if (!/^[0-9]{6}$/.test(plain))
    return takeRecoveryCode(db, keyring, { username, code: plain, now });
  const stored = await findSecret(db, username);
  if (!stored?.on) return false;
  const secret = await keyring.open(db, stored.sealed, sealContext(username, stored.version));
  const step = codeStep(secret, plain, now);
  if (step === undefined) return false;
  const taken = await db.query(
    'UPDATE second_factor SET last_step = $2 WHERE account = $1 AND last_step < $2 RETURNING account',
    [username, step],
  );
  return taken.length > 0;
}

/**
 * As `takeSecondFactor`, with pauses that grow after some wrong codes. They are counted for the
 * account as a whole, because a sender of codes already knows the password.
 * @throws Refusal 'rate limited'
 */
export async function checkSecondFactor(
  db: Database,
  keyring: Keyring,
  attempt: { username: number; code: string; now: Date },
): Promise<boolean> {
  const subject = keyring.digest(`second factor of ${attempt.username}`);
  await claimAttempt(db, subject, FREE_FAILURES, attempt.now);
  const isRight = await takeSecondFactor(db, keyring, attempt);
  if (isRight) await forgetAttempts(db, subject);
  return isRight;
}

/** Replaces the recovery codes. @returns the new ones, which are shown only once */
export async function newRecoveryCodes(
  db: Database,
  actor: Actor,
  { keyring, now }: Pick<CredentialTools, 'keyring' | 'now'>,
  username: number,
): Promise<string[]> {
  return db.transaction(async (tx) => {
    await audit(tx, actor, { action: 'recovery codes renewed', account: username }, now);
    return renewRecoveryCodes(tx, keyring, username);
  });
}

/** Turns the second factor off if it is on; the owner gets a mail. */
export async function removeSecondFactor(
  db: Database,
  actor: Actor,
  { queue, now }: Pick<CredentialTools, 'queue' | 'now'>,
  username: number,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.query('DELETE FROM recovery_code WHERE account = $1', [username]);
    const removed = await tx.query<{ on: boolean }>(
      `DELETE FROM second_factor WHERE account = $1 RETURNING confirmed_at IS NOT NULL AS on`,
      [username],
    );
    if (!removed[0]?.on) return false;
    await announce(tx, actor, { queue, now }, { username, on: false });
    return true;
  });
}

async function announce(
  tx: Queryable,
  actor: Actor,
  { queue, now }: Pick<CredentialTools, 'queue' | 'now'>,
  { username, on }: { username: number; on: boolean },
): Promise<void> {
  const action = on ? 'second factor on' : 'second factor off';
  await audit(tx, actor, { action, account: username }, now);
  const message = { kind: 'second factor', username, on, ...occurrence(actor, now) } as const;
  await notifyAccount(tx, queue, username, message);
}

async function renewRecoveryCodes(
  tx: Queryable,
  keyring: Keyring,
  username: number,
): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () =>
    Array.from({ length: CODE_LENGTH }, () =>
      CODE_ALPHABET.charAt(randomInt(CODE_ALPHABET.length)),
    ).join(''),
  );
  await tx.query('DELETE FROM recovery_code WHERE account = $1', [username]);
  await tx.query('INSERT INTO recovery_code (account, digest) SELECT $1, unnest($2::bytea[])', [
    username,
    codes.map((code) => recoveryDigest(keyring, username, code)),
  ]);
  return codes.map((code) => `${code.slice(0, 5)}-${code.slice(5)}`);
}

async function takeRecoveryCode(
  db: Queryable,
  keyring: Keyring,
  { username, code, now }: { username: number; code: string; now: Date },
): Promise<boolean> {
  const taken = await db.query(
    `UPDATE recovery_code SET used_at = $3
     WHERE account = $1 AND digest = $2 AND used_at IS NULL RETURNING account`,
    [username, recoveryDigest(keyring, username, code), now],
  );
  return taken.length > 0;
}

async function findSecret(db: Queryable, username: number) {
  const [stored] = await db.query<{ sealed: Buffer; version: number; on: boolean }>(
    `SELECT sealed, version, confirmed_at IS NOT NULL AS on FROM second_factor WHERE account = $1`,
    [username],
  );
  return stored;
}

/** The time step that a code belongs to. @returns undefined if the code is wrong */
function codeStep(secret: string, code: string, now: Date): number | undefined {
  const token = code.replace(/\s/g, '');
  if (!/^[0-9]{6}$/.test(token)) return undefined;
  const delta = totp(secret).validate({ token, timestamp: now.getTime(), window: WINDOW_STEPS });
  return delta === null ? undefined : Math.floor(now.getTime() / 1_000 / PERIOD_SECONDS) + delta;
}

function totp(secret: string, issuer = '', label = ''): TOTP {
  const settings = { algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS };
  return new TOTP({ ...settings, issuer, label, secret: Secret.fromBase32(secret) });
}

function recoveryDigest(keyring: Keyring, username: number, code: string): Buffer {
  return keyring.digest(`recovery code of ${username} ${code}`);
}

function sealContext(username: number, version: number): string {
  return `second factor of ${username}, version ${version}`;
}
