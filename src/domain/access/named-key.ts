import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { lockOpenAccount } from '../open-account.ts';
import { Refusal, unauthorized } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { Caller } from './caller.ts';
import { isSecret, NAMED_KEY, newSecret, randomText, tailOf } from './key-text.ts';

const ID_LENGTH = 16;
const SEEN_EVERY_MS = 60_000;
/** How many named keys an account may have at once. */
export const MOST_NAMED_KEYS = 20;

export interface NamedKeySettings {
  name: string;
  /** CIDRs from which it may be used; none: from anywhere */
  networks: string[];
  /** null: it does not expire */
  expiresAt: Date | null;
}

/** A customer's key for reading. */
export interface NamedKey extends NamedKeySettings {
  id: string;
  /** last characters of its secret */
  tail: string;
  createdAt: Date;
  /** noted at most once a minute */
  lastUsedAt: Date | null;
  lastAddress: string | null;
}

/**
 * Makes a key for reading an account by the API.
 * @returns its secret, which is shown only once
 * @throws Refusal 'not found', 'conflict' if the account has the most keys that it may have
 */
export function createNamedKey(
  db: Database,
  actor: Actor,
  { keyring, now }: { keyring: Keyring; now: Date },
  username: number,
  { name, networks, expiresAt }: NamedKeySettings,
): Promise<string> {
  const id = randomText(ID_LENGTH);
  const secret = newSecret(NAMED_KEY);
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    const made = await tx.query(
      `INSERT INTO named_key (id, account, name, networks, digest, tail, created_at, expires_at)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8
       WHERE (SELECT count(*) FROM named_key WHERE account = $2 AND revoked_at IS NULL) < $9
       RETURNING id`,
      [
        ...[id, username, name, networks, keyring.digest(secret), tailOf(secret), now, expiresAt],
        MOST_NAMED_KEYS,
      ],
    );
    if (made.length === 0) {
      throw new Refusal('conflict', `an account has ${MOST_NAMED_KEYS} named keys at most`, {
        problem: { key: 'tooManyKeys', most: MOST_NAMED_KEYS },
      });
    }
    const detail = { id, name, networks, expiresAt };
    await audit(tx, actor, { action: 'named key created', account: username, detail }, now);
    return secret;
  });
}

/** The keys of an account that are not revoked, newest first; expired ones are among them. */
export function listNamedKeys(db: Queryable, username: number): Promise<NamedKey[]> {
  return db.query<NamedKey>(
    `SELECT id, name, networks, tail, created_at AS "createdAt", expires_at AS "expiresAt",
       last_used_at AS "lastUsedAt", last_address AS "lastAddress"
     FROM named_key WHERE account = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id`,
    [username],
  );
}

/** Revokes a key of an account. @returns false if the account has no such key */
export function revokeNamedKey(
  db: Database,
  actor: Actor,
  { username, id }: { username: number; id: string },
  now: Date,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [revoked] = await tx.query<{ name: string }>(
      `UPDATE named_key SET revoked_at = $3
       WHERE account = $1 AND id = $2 AND revoked_at IS NULL RETURNING name`,
      [username, id, now],
    );
    if (!revoked) return false;
    const detail = { id, name: revoked.name };
    await audit(tx, actor, { action: 'named key revoked', account: username, detail }, now);
    return true;
  });
}

/** Revokes all keys of an account. */
export async function revokeNamedKeys(tx: Queryable, username: number, now: Date): Promise<void> {
  await tx.query('UPDATE named_key SET revoked_at = $2 WHERE account = $1 AND revoked_at IS NULL', [
    username,
    now,
  ]);
}

/** Whether a presented key begins as a named key does; any type may be presented. */
export function isNamedKey(key: unknown): key is string {
  return typeof key === 'string' && key.startsWith(NAMED_KEY);
}

/** A named key that is valid, with its account. */
export interface ValidNamedKey extends Pick<NamedKey, 'id' | 'networks' | 'lastUsedAt'> {
  caller: Caller;
  /** of the account's API key, by which statements find the account */
  digest: Buffer;
}

/**
 * The named key of a secret that a client presents. A text without the form of a secret is refused
 * without a query.
 * @throws Refusal 'unauthorized', also for a key that is revoked or expired
 */
export async function authenticateNamedKey(
  db: Database,
  keyring: Keyring,
  secret: string,
  now: Date,
): Promise<ValidNamedKey> {
  if (!isSecret(NAMED_KEY, secret)) throw unauthorized();
  const row = await db.find<
    Omit<Caller, 'isReadOnly'> & Omit<ValidNamedKey, 'caller'> & Pick<NamedKey, 'expiresAt'>
  >(
    'named-key',
    `SELECT k.n, key.id, key.networks, key.expires_at AS "expiresAt",
       key.last_used_at AS "lastUsedAt", a.username, a.role, a.master_account AS "billingAccount",
       a.key_digest AS digest
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN named_key key ON key.digest = k.digest AND key.revoked_at IS NULL
       JOIN account a ON a.username = key.account AND a.closed_at IS NULL`,
    keyring.digest(secret),
  );
  if (!row || (row.expiresAt !== null && row.expiresAt <= now)) throw unauthorized();
  const { id, networks, lastUsedAt, digest, username, role, billingAccount } = row;
  const caller = { username, role, billingAccount, isReadOnly: true };
  return { id, networks, lastUsedAt, digest, caller };
}

/** Notes at most once a minute that a key was used. */
export async function noteNamedKey(
  db: Queryable,
  { id, lastUsedAt }: Pick<ValidNamedKey, 'id' | 'lastUsedAt'>,
  address: string,
  now: Date,
): Promise<void> {
  if (now.getTime() - (lastUsedAt?.getTime() ?? 0) < SEEN_EVERY_MS) return;
  await db.query(
    `UPDATE named_key SET last_used_at = greatest(last_used_at, $2), last_address = $3
     WHERE id = $1`,
    [id, now, address],
  );
}
