import { randomBytes } from 'node:crypto';
import type { Queryable } from '../../db/database.ts';
import type { CredentialTools } from '../access/tools.ts';
import { addressKey } from '../email-address.ts';
import type { Keyring } from '../sealing/keyring.ts';

export type TokenPurpose = 'verification' | 'recovery' | 'address before' | 'address after';

type TokenTools = Pick<CredentialTools, 'keyring' | 'now'>;

/** How long a token is valid. */
export const TOKEN_LIFE_SECONDS: Record<TokenPurpose, number> = {
  verification: 86_400,
  recovery: 1_800,
  'address before': 86_400,
  'address after': 86_400,
};

const TOKEN_BYTES = 32;
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{43}$/;
const MAILS_AN_HOUR = 3;
// Clocks of several processes may differ by this much. A token from further in the future was
// issued before the clock was set back, so it would live too long.
const AHEAD = "interval '5 minutes'";

/** The account that a token was issued for, or why the token is not valid. */
export type TokenState =
  | { state: 'good'; username: number }
  | { state: 'unknown' | 'expired' | 'used' | 'replaced' };

/**
 * Whether one more mail with a link may go to an address; the limit is three an hour. The address
 * is locked until the transaction ends, so concurrent requests are counted one after the other.
 */
export async function mayMailToken(tx: Queryable, email: string, now: Date): Promise<boolean> {
  await tx.query('SELECT 1 FROM email_address WHERE address_key = $1 FOR UPDATE', [
    addressKey(email),
  ]);
  const [sent] = await tx.query<{ mails: number }>(
    `SELECT count(DISTINCT (t.purpose, t.created_at))::int AS mails
     FROM token t JOIN account a ON a.username = t.account
     WHERE a.email_key = $1 AND t.created_at > $2::timestamptz - interval '1 hour'
       AND t.created_at < $2::timestamptz + interval '1 hour'`,
    [addressKey(email), now],
  );
  return (sent?.mails ?? 0) < MAILS_AN_HOUR;
}

/**
 * Issues a token of 256 random bits and voids the account's older ones of the same purpose.
 * @returns the token, sealed and in base64, for a queued mail
 */
export async function issueToken(
  tx: Queryable,
  { keyring, now }: TokenTools,
  username: number,
  purpose: TokenPurpose,
): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await tx.query(
    `UPDATE token SET voided_at = $3
     WHERE account = $1 AND purpose = $2 AND used_at IS NULL AND voided_at IS NULL`,
    [username, purpose, now],
  );
  await tx.query(
    `INSERT INTO token (digest, account, purpose, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $4::timestamptz + make_interval(secs => $5))`,
    [keyring.digest(token), username, purpose, now, TOKEN_LIFE_SECONDS[purpose]],
  );
  return (await keyring.seal(tx, token, sealContext(purpose))).toString('base64');
}

/** Voids all links that were mailed for an account. */
export async function voidTokens(tx: Queryable, username: number, now: Date): Promise<void> {
  await tx.query(
    'UPDATE token SET voided_at = $2 WHERE account = $1 AND used_at IS NULL AND voided_at IS NULL',
    [username, now],
  );
}

/** Opens the token of a queued mail. @param sealed in base64 */
export function openMailedToken(
  db: Queryable,
  keyring: Keyring,
  sealed: string,
  purpose: TokenPurpose,
): Promise<string> {
  return keyring.open(db, Buffer.from(sealed, 'base64'), sealContext(purpose));
}

/** Looks a token up and changes nothing, because mail scanners open links too. */
export async function inspectToken(
  db: Queryable,
  { keyring, now }: TokenTools,
  token: string,
  purpose: TokenPurpose,
): Promise<TokenState> {
  if (!TOKEN_PATTERN.test(token)) return { state: 'unknown' };
  const [row] = await db.query<{ username: number; used: boolean; voided: boolean; old: boolean }>(
    `SELECT t.account AS username, used_at IS NOT NULL AS used, voided_at IS NOT NULL AS voided,
       (expires_at <= $3 OR t.created_at > $3::timestamptz + ${AHEAD}) AS old
     FROM token t JOIN account a ON a.username = t.account AND a.closed_at IS NULL
     WHERE digest = $1 AND purpose = $2`,
    [keyring.digest(token), purpose, now],
  );
  if (!row) return { state: 'unknown' };
  if (row.used) return { state: 'used' };
  if (row.voided) return { state: 'replaced' };
  return row.old ? { state: 'expired' } : { state: 'good', username: row.username };
}

/** Uses a token up. Only one of concurrent attempts gets the account. */
export async function redeemToken(
  tx: Queryable,
  { keyring, now }: TokenTools,
  token: string,
  purpose: TokenPurpose,
): Promise<TokenState> {
  if (!TOKEN_PATTERN.test(token)) return { state: 'unknown' };
  const [row] = await tx.query<{ username: number }>(
    `UPDATE token t SET used_at = $3 FROM account a
     WHERE t.digest = $1 AND t.purpose = $2 AND t.used_at IS NULL AND t.voided_at IS NULL
       AND t.expires_at > $3 AND t.created_at <= $3::timestamptz + ${AHEAD}
       AND a.username = t.account AND a.closed_at IS NULL
     RETURNING t.account AS username`,
    [keyring.digest(token), purpose, now],
  );
  if (row) return { state: 'good', username: row.username };
  const state = await inspectToken(tx, { keyring, now }, token, purpose);
  return state.state === 'good' ? { state: 'used' } : state;
}

/** Deletes tokens a week after they expired. */
export async function deleteOldTokens(db: Queryable, now: Date): Promise<void> {
  await db.query("DELETE FROM token WHERE expires_at < $1::timestamptz - interval '7 days'", [now]);
}

function sealContext(purpose: TokenPurpose): string {
  return `mailed ${purpose} token`;
}
