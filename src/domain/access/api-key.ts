import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { unauthorized, wrongCredentials } from '../refusal.ts';
import type { Keyring, Sealer } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';
import type { Caller } from './caller.ts';
import { checkPassword } from './check-password.ts';
import type { HourlyLimit } from './hourly-limit.ts';
import { isKnownAddress, type Origin, rememberAddress } from './known-origin.ts';

const KEY_PATTERN = /^[0-9a-f]{32}$/;

/** A new key as the account's row stores it. */
export interface StoredKey {
  digest: Buffer;
  sealed: Buffer;
  version: number;
}

export const SEALED_API_KEYS: SealedColumn = {
  table: 'account',
  id: 'username',
  column: 'key_sealed',
  version: 'key_version',
  context: sealContext,
  name: (username) => `account ${username}`,
};

/** @param version counts the keys of an account; the sealed key opens only with this version */
export async function issueKey(
  tx: Queryable,
  keyring: Keyring,
  username: number,
  version: number,
): Promise<StoredKey & { key: string }> {
  return sealedKey(await keyring.sealer(tx), keyring, username, version);
}

/** As `issueKey`, for many keys of one transaction. */
export function sealedKey(
  sealer: Sealer,
  keyring: Keyring,
  username: number,
  version: number,
): StoredKey & { key: string } {
  const key = randomBytes(16).toString('hex');
  const sealed = sealer.seal(key, sealContext(username, version));
  return { key, digest: keyring.digest(key), sealed, version };
}

/**
 * The digest under which a presented key is looked up.
 * @param key the value that the client sent as its key, of any type
 * @throws Refusal 'unauthorized' if it does not have the form of a key
 */
export function keyDigest(keyring: Keyring, key: unknown): Buffer {
  if (typeof key !== 'string' || !KEY_PATTERN.test(key)) throw unauthorized();
  return keyring.digest(key);
}

/** @throws Refusal 'unauthorized' if no open account has the key */
export async function authenticate(db: Database, keyring: Keyring, key: unknown): Promise<Caller> {
  const found = await db.find<Omit<Caller, 'isReadOnly'>>(
    'authenticate',
    `SELECT k.n, username, role, master_account AS "billingAccount"
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN account ON key_digest = k.digest AND closed_at IS NULL`,
    keyDigest(keyring, key),
  );
  if (!found) throw unauthorized();
  const { username, role, billingAccount } = found;
  return { username, role, billingAccount, isReadOnly: false };
}

/**
 * Checks an account's password and returns its current key. An unknown account and a wrong password
 * take the same work and get the same answer.
 * @throws Refusal 'unauthorized'
 */
export async function currentKey(
  db: Database,
  keyring: Keyring,
  username: number,
  password: string,
): Promise<string> {
  const [account] = await db.read<{
    username: number;
    phc: string;
    sealed: Buffer;
    version: number;
  }>(
    'current-key',
    `SELECT username, password_hash AS phc, key_sealed AS sealed, key_version AS version FROM account
     WHERE username = $1 AND closed_at IS NULL`,
    [username],
  );
  const matches = await checkPassword(db, account, password);
  if (!account || !matches) throw wrongCredentials();
  return keyring.open(db, account.sealed, sealContext(username, account.version));
}

/**
 * `currentKey` for clients. Wrong passwords are counted for the account, from all addresses
 * together. An address that recently gave the right password is counted separately, so strangers
 * cannot lock the owner out.
 * @throws Refusal 'unauthorized', 'rate limited'
 */
export async function keyForPassword(
  db: Database,
  keyring: Keyring,
  failures: HourlyLimit,
  attempt: { username: number; password: string; from: Origin; now: Date },
): Promise<string> {
  const { username, password, from, now } = attempt;
  const isKnown = await isKnownAddress(db, keyring, username, from);
  const subject = isKnown ? `${username} from ${from.address}` : String(username);
  const key = await failures.guard(subject, () => currentKey(db, keyring, username, password));
  await rememberAddress(db, { keyring, now }, username, from).catch((error) => {
    // The key is returned even while the database cannot write.
    if (!(error instanceof StoreUnavailable)) throw error;
  });
  return key;
}

/** The current key of an account that was just created. */
export async function keyOf(tx: Queryable, keyring: Keyring, username: number): Promise<string> {
  const [account] = await tx.query<{ sealed: Buffer; version: number }>(
    'SELECT key_sealed AS sealed, key_version AS version FROM account WHERE username = $1',
    [username],
  );
  if (!account) throw unauthorized();
  return keyring.open(tx, account.sealed, sealContext(username, account.version));
}

/** Replaces the key of an account. @returns the new key */
export async function rotateKey(
  tx: Queryable,
  keyring: Keyring,
  username: number,
): Promise<string> {
  const [account] = await tx.query<{ version: number }>(
    'SELECT key_version AS version FROM account WHERE username = $1 FOR UPDATE',
    [username],
  );
  if (!account) throw unauthorized();
  const { key, ...stored } = await issueKey(tx, keyring, username, account.version + 1);
  await tx.query(
    'UPDATE account SET key_digest = $2, key_sealed = $3, key_version = $4 WHERE username = $1',
    [username, stored.digest, stored.sealed, stored.version],
  );
  return key;
}

function sealContext(username: number, version: number): string {
  return `api key of ${username}, version ${version}`;
}
