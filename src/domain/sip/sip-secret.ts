import { createHash, randomInt } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';

// No characters that look alike, because people type them into phones. 20 of 56 make 116 bits.
const ALPHABET = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LENGTH = 20;
const PAGE = 500;

export interface SipTools {
  keyring: Keyring;
  /** the realm of the SIP servers, which is part of every HA1 */
  realm: string;
}

/** The credentials for a phone's configuration. */
export interface SipCredentials {
  username: number;
  realm: string;
  secret: string;
}

interface Stored {
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
  const { realm, ha1, sealed, version } = await newSecret(tx, tools, username, 1);
  await tx.query(
    `INSERT INTO sip_secret (account, realm, ha1, sealed, version, changed_at)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account) DO NOTHING`,
    [username, realm, ha1, sealed, version, now],
  );
}

/** Replaces an account's secret; the account must have one. @returns the new secret */
export async function rotateSipSecret(
  tx: Queryable,
  tools: SipTools,
  username: number,
  now: Date,
): Promise<SipCredentials> {
  const [before] = await tx.query<{ version: number }>(
    'SELECT version FROM sip_secret WHERE account = $1 FOR UPDATE',
    [username],
  );
  const stored = await newSecret(tx, tools, username, (before?.version ?? 0) + 1);
  await tx.query(
    `UPDATE sip_secret SET realm = $2, ha1 = $3, sealed = $4, version = $5, changed_at = $6
     WHERE account = $1`,
    [username, stored.realm, stored.ha1, stored.sealed, stored.version, now],
  );
  return credentials(tx, tools, username, stored);
}

/** @returns undefined if the account is closed or has no SIP secret yet */
export async function findSipSecret(
  db: Queryable,
  tools: SipTools,
  username: number,
): Promise<SipCredentials | undefined> {
  const [stored] = await db.query<Pick<Stored, 'sealed' | 'version'>>(
    `SELECT s.sealed, s.version FROM sip_secret s JOIN account a ON a.username = s.account
     WHERE s.account = $1 AND a.closed_at IS NULL`,
    [username],
  );
  return stored && credentials(db, tools, username, stored);
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
    const stale = await tx.query<Pick<Stored, 'sealed' | 'version'> & { account: number }>(
      `SELECT account, sealed, version FROM sip_secret
       WHERE realm <> $1 ORDER BY account LIMIT ${PAGE} FOR UPDATE SKIP LOCKED`,
      [tools.realm],
    );
    const ha1s: string[] = [];
    for (const row of stale) {
      ha1s.push(ha1Of(tools, row.account, await openSecret(tx, tools, row.account, row)));
    }
    await tx.query(
      `UPDATE sip_secret s SET realm = $1, ha1 = n.ha1
       FROM unnest($2::bigint[], $3::text[]) AS n (account, ha1) WHERE s.account = n.account`,
      [tools.realm, stale.map(({ account }) => account), ha1s],
    );
    return stale.length;
  });
}

async function newSecret(
  tx: Queryable,
  tools: SipTools,
  username: number,
  version: number,
): Promise<Stored> {
  const secret = Array.from({ length: LENGTH }, () =>
    ALPHABET.charAt(randomInt(ALPHABET.length)),
  ).join('');
  return {
    realm: tools.realm,
    ha1: ha1Of(tools, username, secret),
    sealed: await tools.keyring.seal(tx, secret, sealContext(username, version)),
    version,
  };
}

async function credentials(
  db: Queryable,
  tools: SipTools,
  username: number,
  stored: Pick<Stored, 'sealed' | 'version'>,
): Promise<SipCredentials> {
  const secret = await openSecret(db, tools, username, stored);
  return { username, realm: tools.realm, secret };
}

function openSecret(
  db: Queryable,
  { keyring }: SipTools,
  username: number,
  { sealed, version }: Pick<Stored, 'sealed' | 'version'>,
): Promise<string> {
  return keyring.open(db, sealed, sealContext(username, version));
}

/** The hash that SIP digest authentication calls HA1 (RFC 3261, section 22.4, and RFC 2617). */
function ha1Of({ realm }: SipTools, username: number, secret: string): string {
  return createHash('md5').update(`${username}:${realm}:${secret}`).digest('hex');
}

function sealContext(username: number, version: number): string {
  return `sip secret of ${username}, version ${version}`;
}
