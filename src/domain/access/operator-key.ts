import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { recordEvent } from '../event.ts';
import type { Decimal } from '../money.ts';
import { invalidField, Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { newSecret, OPERATOR_KEY, randomText, tailOf } from './key-text.ts';
import { ACCOUNT_SCOPES, type Scope } from './operator-scope.ts';

const ID_LENGTH = 16;

/** The settings of a key for the operators' API. */
export interface KeySettings {
  name: string;
  scopes: Scope[];
  /** CIDRs from which it may be used; none: from anywhere */
  networks: string[];
  /** billing accounts that it may use, with their sub-accounts; none: all accounts */
  accounts: number[];
  /** the most money of one entry, and of all entries of a day in UTC; null: any amount */
  entryLimit: Decimal | null;
  dayLimit: Decimal | null;
  /** null: it does not expire */
  expiresAt: Date | null;
}

export interface OperatorKey extends KeySettings {
  id: string;
  /** last characters of its secret */
  tail: string;
  createdBy: string;
  createdAt: Date;
  revokedAt: Date | null;
  /** the previous secret is accepted until then */
  previousExpiresAt: Date | null;
  /** noted at most once a minute */
  lastUsedAt: Date | null;
  lastAddress: string | null;
}

/** A key with its secret, which is shown only once. */
export interface IssuedKey {
  key: OperatorKey;
  secret: string;
}

interface KeyTools {
  keyring: Keyring;
  now: Date;
}

interface KnownKey {
  id: string;
  /** gets the key before the change; if it throws, nothing is changed */
  check?: (key: OperatorKey) => void;
}

let state = 0;

/** A number that changes with each change of a key that this process makes. */
export const stateOfKeys = () => state;

function changeState(tx: Queryable): void {
  tx.afterCommit?.(() => {
    state++;
  });
}

/** SQL of the columns of a key's row, which `keyOf` reads. */
export const COLUMNS = `id, name, scopes, networks, accounts::text[] AS accounts,
  entry_limit::text AS "entryLimit", day_limit::text AS "dayLimit", expires_at AS "expiresAt", tail,
  created_by AS "createdBy", created_at AS "createdAt", revoked_at AS "revokedAt",
  previous_expires_at AS "previousExpiresAt", last_used_at AS "lastUsedAt",
  last_address AS "lastAddress"`;

export type Row = Omit<OperatorKey, 'accounts'> & { accounts: string[] };

/** A key as its row has it. */
export const keyOf = ({ accounts, ...row }: Row): OperatorKey => ({
  ...row,
  accounts: accounts.map(Number),
});

/**
 * Makes a key for one of the operator's systems.
 * @throws Refusal 'field invalid' for a scope that a key restricted to accounts cannot have, or for
 *   accounts that are not billing accounts
 */
export async function createOperatorKey(
  db: Database,
  actor: Actor,
  { keyring, now }: KeyTools,
  settings: KeySettings,
): Promise<IssuedKey> {
  const id = `key_${randomText(ID_LENGTH)}`;
  const secret = newSecret(OPERATOR_KEY);
  return db.transaction(async (tx) => {
    await requireConsistent(tx, settings);
    const [row] = await tx.query<Row>(
      `INSERT INTO operator_key (id, name, scopes, networks, accounts, entry_limit, day_limit,
         expires_at, digest, tail, created_by, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ${COLUMNS}`,
      [
        id,
        settings.name,
        settings.scopes,
        settings.networks,
        settings.accounts,
        settings.entryLimit,
        settings.dayLimit,
        settings.expiresAt,
        keyring.digest(secret),
        tailOf(secret),
        actor.who,
        now,
      ],
    );
    await audit(tx, actor, { action: 'operator key created', detail: { id, ...settings } }, now);
    const key = keyOf(row as Row);
    await recordEvent(tx, { type: 'key.created', data: announced(key) }, now);
    return { key, secret };
  });
}

/** @throws Refusal 'field invalid' */
async function requireConsistent(
  tx: Queryable,
  { scopes, accounts }: Pick<KeySettings, 'scopes' | 'accounts'>,
): Promise<void> {
  if (accounts.length === 0) return;
  const wide = scopes.filter((scope) => !ACCOUNT_SCOPES.has(scope));
  if (wide.length > 0) {
    throw invalidField('scopes', `A key for some accounts cannot have ${wide.join(', ')}`);
  }
  const found = await tx.query<{ username: number }>(
    'SELECT username FROM account WHERE username = ANY ($1) AND master_account = username',
    [accounts],
  );
  const known = new Set(found.map(({ username }) => username));
  const unknown = accounts.filter((account) => !known.has(account));
  if (unknown.length > 0) {
    throw invalidField('accounts', `There is no billing account ${unknown.join(', ')}`);
  }
}

/** All keys, newest first, with revoked ones. */
export async function listOperatorKeys(
  db: Queryable,
  page: { before?: [Date, string] | undefined; limit?: number } = {},
): Promise<OperatorKey[]> {
  const rows = await db.query<Row>(
    `SELECT ${COLUMNS} FROM operator_key
     WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
     ORDER BY created_at DESC, id DESC LIMIT $3`,
    [page.before?.[0] ?? null, page.before?.[1] ?? null, page.limit ?? null],
  );
  return rows.map(keyOf);
}

/** @throws Refusal 'not found' */
export async function findOperatorKey(db: Queryable, id: string): Promise<OperatorKey> {
  const [row] = await db.query<Row>(`SELECT ${COLUMNS} FROM operator_key WHERE id = $1`, [id]);
  if (!row) throw unknownKey(id);
  return keyOf(row);
}

interface KeyChange {
  id: string;
  changes: Partial<KeySettings>;
  /** gets the key before and after the change, while its row is locked */
  check?: (before: OperatorKey, after: OperatorKey) => void;
}

/**
 * Changes the given settings of a key.
 * @throws Refusal 'not found', also for a revoked key; 'field invalid'; errors of `check`
 */
export function changeOperatorKey(
  db: Database,
  actor: Actor,
  { id, changes, check }: KeyChange,
  now: Date,
): Promise<OperatorKey> {
  return db.transaction(async (tx) => {
    const before = await lockKey(tx, id);
    const after = { ...before, ...changes };
    check?.(before, after);
    await requireConsistent(tx, after);
    const detail = differences(settingsOf(before), settingsOf(after));
    if (Object.keys(detail).length === 0) return before;
    await tx.query(
      `UPDATE operator_key SET name = $2, scopes = $3, networks = $4, accounts = $5,
         entry_limit = $6, day_limit = $7, expires_at = $8, announced_days = NULL WHERE id = $1`,
      [
        id,
        after.name,
        after.scopes,
        after.networks,
        after.accounts,
        after.entryLimit,
        after.dayLimit,
        after.expiresAt,
      ],
    );
    changeState(tx);
    await audit(tx, actor, { action: 'operator key changed', detail: { id, ...detail } }, now);
    return findOperatorKey(tx, id);
  });
}

function settingsOf(key: OperatorKey): KeySettings {
  const { name, scopes, networks, accounts, entryLimit, dayLimit, expiresAt } = key;
  return { name, scopes, networks, accounts, entryLimit, dayLimit, expiresAt };
}

/**
 * Gives a key a new secret. The previous secret is accepted for some more hours; older ones are
 * refused.
 * @throws Refusal 'not found', also for a revoked key; errors of `check`
 */
export function rotateOperatorKey(
  db: Database,
  actor: Actor,
  { keyring, now }: KeyTools,
  { id, overlapHours, check }: KnownKey & { overlapHours: number },
): Promise<IssuedKey> {
  const secret = newSecret(OPERATOR_KEY);
  return db.transaction(async (tx) => {
    const before = await lockKey(tx, id);
    check?.(before);
    await tx.query(
      `UPDATE operator_key SET
         previous_digest = CASE WHEN $4 > 0 THEN digest END,
         previous_expires_at = CASE WHEN $4 > 0 THEN $5::timestamptz + make_interval(hours => $4) END,
         digest = $2, tail = $3 WHERE id = $1`,
      [id, keyring.digest(secret), tailOf(secret), overlapHours, now],
    );
    changeState(tx);
    await audit(tx, actor, { action: 'operator key rotated', detail: { id, overlapHours } }, now);
    const key = await findOperatorKey(tx, id);
    await recordEvent(tx, { type: 'key.rotated', data: announced(key) }, now);
    return { key, secret };
  });
}

/** Revokes a key. @returns false if it was revoked before. @throws Refusal 'not found' */
export function revokeOperatorKey(
  db: Database,
  actor: Actor,
  { id, check }: KnownKey,
  now: Date,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const key = await findOperatorKey(tx, id);
    check?.(key);
    const revoked = await tx.query(
      `UPDATE operator_key SET revoked_at = $2, previous_digest = NULL, previous_expires_at = NULL
       WHERE id = $1 AND revoked_at IS NULL RETURNING id`,
      [id, now],
    );
    if (revoked.length === 0) return false;
    changeState(tx);
    const detail = { id, name: key.name };
    await audit(tx, actor, { action: 'operator key revoked', detail }, now);
    await recordEvent(tx, { type: 'key.revoked', data: announced(key) }, now);
    return true;
  });
}

/** A key as its events show it. */
const announced = ({ id, name, scopes, expiresAt }: OperatorKey) => ({
  ...{ key: id, name, scopes, expiresAt },
});

async function lockKey(tx: Queryable, id: string): Promise<OperatorKey> {
  const [row] = await tx.query<Row>(
    `SELECT ${COLUMNS} FROM operator_key WHERE id = $1 AND revoked_at IS NULL FOR UPDATE`,
    [id],
  );
  if (!row) throw unknownKey(id);
  return keyOf(row);
}

const unknownKey = (id: string) => new Refusal('not found', `there is no operator key ${id}`);
