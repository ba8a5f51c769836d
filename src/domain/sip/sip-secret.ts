import { createHash, randomInt } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { isUsername } from '../account-name.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring, Sealer } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';

// No characters that look alike, because people type them into phones. 20 of 56 make 116 bits.
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LENGTH = 20;
const PAGE = 500;
export const USERNAME_OF_ANOTHER =
  'a SIP user of ten digits must be the username: give the account that username';

export interface SipTools {
  keyring: Keyring;
  /** the realm of the SIP servers, which is part of every HA1 */
  realm: string;
}

/** The credentials for a phone's configuration. */
export interface SipCredentials {
  username: number;
  /** the user of its phones: the username, or the name that they had on an earlier system */
  user: string;
  realm: string;
  secret: string;
}

/** A secret as the account's row stores it. */
export interface StoredSecret {
  user: string;
  realm: string;
  ha1: string;
  sealed: Buffer;
  version: number;
}

export const SEALED_SIP_SECRETS: SealedColumn = {
  table: 'sip_secret',
  id: 'account',
  column: 'sealed',
  version: 'version',
  context: sealContext,
  name: (username) => `account ${username}`,
};

/** Gives a new account its SIP secret, in the transaction that creates it. */
export async function issueSipSecret(
  tx: Queryable,
  tools: SipTools,
  username: number,
  now: Date,
): Promise<void> {
  const wanted = { username, user: String(username), secret: randomSecret(), version: 1 };
  const { user, realm, ha1, sealed, version } = await stored(tx, tools, wanted);
  await tx.query(
    `INSERT INTO sip_secret (account, sip_user, realm, ha1, sealed, version, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account) DO NOTHING`,
    [username, user, realm, ha1, sealed, version, now],
  );
}

/**
 * Replaces an account's secret, and the user of its phones; the account must have a secret.
 * @param input.secret left out: a random one
 * @param input.user in the form of `isSipUser`; left out: as before
 * @throws Refusal 'conflict' if phones of another account have this user, or it looks like a
 *   username
 */
export async function replaceSecret(
  tx: Queryable,
  tools: SipTools,
  input: { username: number; secret?: string | undefined; user?: string | undefined },
  now: Date,
): Promise<SipCredentials> {
  const { username, secret = randomSecret() } = input;
  const [before] = await tx.query<{ version: number; user: string }>(
    'SELECT version, sip_user AS "user" FROM sip_secret WHERE account = $1 FOR UPDATE',
    [username],
  );
  const { version = 0, user = String(username) } = before ?? {};
  const wanted = { username, user: input.user ?? user, secret, version: version + 1 };
  if (isUsernameOfAnother(wanted.user, username))
    throw new Refusal('conflict', USERNAME_OF_ANOTHER);
  const next = await stored(tx, tools, wanted);
  try {
    await tx.query(
      `UPDATE sip_secret SET sip_user = $2, realm = $3, ha1 = $4, sealed = $5, version = $6,
         changed_at = $7 WHERE account = $1`,
      [username, next.user, next.realm, next.ha1, next.sealed, next.version, now],
    );
  } catch (error) {
    if (violatedConstraint(error) !== 'sip_secret_user') throw error;
    throw new Refusal('conflict', `phones of another account have the SIP user ${next.user}`);
  }
  return { username, user: next.user, realm: tools.realm, secret };
}

/** Whether a SIP user has the form of a username that is not the account's. */
export function isUsernameOfAnother(user: string, username: number): boolean {
  return isUsername(user) && user !== String(username);
}

/** The user of an account's phones. */
export async function sipUserOf(db: Queryable, username: number): Promise<string> {
  const [row] = await db.query<{ user: string }>(
    'SELECT sip_user AS "user" FROM sip_secret WHERE account = $1',
    [username],
  );
  return row?.user ?? String(username);
}

/** @returns undefined if the account is closed or has no SIP secret yet */
export async function findSipSecret(
  db: Queryable,
  tools: SipTools,
  username: number,
): Promise<SipCredentials | undefined> {
  const [found] = await db.query<Pick<StoredSecret, 'user' | 'sealed' | 'version'>>(
    `SELECT s.sip_user AS "user", s.sealed, s.version FROM sip_secret s JOIN account a ON a.username = s.account
     WHERE s.account = $1 AND a.closed_at IS NULL`,
    [username],
  );
  if (!found) return undefined;
  const secret = await openSecret(db, tools, username, found);
  return { username, user: found.user, realm: tools.realm, secret };
}

/**
 * Gives a secret to open accounts that have none, and recomputes HA1s that were made for another
 * realm. It may be interrupted and started again, also by several processes at once.
 */
export async function completeSipSecrets(db: Database, tools: SipTools, now: Date): Promise<void> {
  for (;;) {
    const missing = await db.query<{ username: number }>(
      `SELECT username FROM account a WHERE closed_at IS NULL
       AND NOT EXISTS (SELECT FROM sip_secret s WHERE s.account = a.username) LIMIT ${PAGE}`,
    );
    await db.transaction(async (tx) => {
      for (const { username } of missing) await issueSipSecret(tx, tools, username, now);
    });
    if (missing.length < PAGE) break;
  }
  while ((await moveToRealm(db, tools)) === PAGE);
}

/** Recomputes HA1s; secrets stay, so a phone needs only the new realm. @returns how many it did */
function moveToRealm(db: Database, tools: SipTools): Promise<number> {
  return db.transaction(async (tx) => {
    const stale = await tx.query<
      Pick<StoredSecret, 'user' | 'sealed' | 'version'> & { account: number }
    >(
      `SELECT account, sip_user AS "user", sealed, version FROM sip_secret
       WHERE realm <> $1 ORDER BY account LIMIT ${PAGE} FOR UPDATE SKIP LOCKED`,
      [tools.realm],
    );
    const ha1s: string[] = [];
    for (const row of stale) {
      ha1s.push(ha1Of(tools, row.user, await openSecret(tx, tools, row.account, row)));
    }
    await tx.query(
      `UPDATE sip_secret s SET realm = $1, ha1 = n.ha1
       FROM unnest($2::bigint[], $3::text[]) AS n (account, ha1) WHERE s.account = n.account`,
      [tools.realm, stale.map(({ account }) => account), ha1s],
    );
    return stale.length;
  });
}

/** A new SIP secret. */
export function randomSecret(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

async function stored(
  tx: Queryable,
  { keyring, realm }: SipTools,
  secret: { username: number; user: string; secret: string; version: number },
): Promise<StoredSecret> {
  return sealedSecret(await keyring.sealer(tx), realm, secret);
}

/** A secret as the account's row stores it. */
export function sealedSecret(
  sealer: Sealer,
  realm: string,
  {
    username,
    user,
    secret,
    version,
  }: { username: number; user: string; secret: string; version: number },
): StoredSecret {
  const ha1 = ha1Of({ realm }, user, secret);
  return { user, realm, ha1, sealed: sealer.seal(secret, sealContext(username, version)), version };
}

function openSecret(
  db: Queryable,
  { keyring }: SipTools,
  username: number,
  { sealed, version }: Pick<StoredSecret, 'sealed' | 'version'>,
): Promise<string> {
  return keyring.open(db, sealed, sealContext(username, version));
}

/** The hash that SIP digest authentication calls HA1 (RFC 3261, section 22.4, and RFC 2617). */
function ha1Of({ realm }: Pick<SipTools, 'realm'>, user: string, secret: string): string {
  return createHash('md5').update(`${user}:${realm}:${secret}`).digest('hex');
}

function sealContext(username: number, version: number): string {
  return `sip secret of ${username}, version ${version}`;
}
