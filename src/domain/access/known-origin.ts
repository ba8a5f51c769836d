import type { Database, Queryable } from '../../db/database.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { CredentialTools } from './tools.ts';

const DEVICE_DAYS = 400;
// Providers reassign addresses after some time.
const ADDRESS_DAYS = 30;

/** The origin of an attempt, for which failures are counted. */
export interface Origin {
  /** an IPv4 address, or an IPv6 /64 */
  address: string;
  /** the /48 of an IPv6 address */
  network: string | undefined;
}

/** Notes that an account signed in with this browser. @param device the browser's secret */
export async function rememberDevice(
  db: Queryable,
  { keyring, now }: Pick<CredentialTools, 'keyring' | 'now'>,
  username: number,
  device: string,
): Promise<void> {
  await db.query(
    `INSERT INTO known_device (account, digest, last_used_at) VALUES ($1, $2, $3)
     ON CONFLICT (account, digest) DO UPDATE SET last_used_at = excluded.last_used_at`,
    [username, keyring.digest(device), now],
  );
}

/** Notes that an account's right password was given from an address. */
export async function rememberAddress(
  db: Queryable,
  { keyring, now }: Pick<CredentialTools, 'keyring' | 'now'>,
  username: number,
  from: Origin,
): Promise<void> {
  await db.query(
    `INSERT INTO known_address AS k (account, digest, last_used_at) VALUES ($1, $2, $3)
     ON CONFLICT (account, digest) DO UPDATE SET last_used_at = excluded.last_used_at
     WHERE k.last_used_at < excluded.last_used_at - interval '1 day'`,
    [username, addressDigest(keyring, from), now],
  );
}

/** Whether an account's right password was recently given from an address. */
export async function isKnownAddress(
  db: Database,
  keyring: Keyring,
  username: number,
  from: Origin,
): Promise<boolean> {
  const rows = await db.read(
    'known-address',
    'SELECT 1 FROM known_address WHERE account = $1 AND digest = $2',
    [username, addressDigest(keyring, from)],
  );
  return rows.length > 0;
}

/** The digest under which an address is stored. */
export function addressDigest(keyring: Keyring, { address }: Origin): Buffer {
  return keyring.digest(`address ${address}`);
}

/** Deletes browsers that were unused for 400 days and addresses that were unused for 30 days. */
export async function deleteOldOrigins(db: Queryable, now: Date): Promise<void> {
  for (const [table, days] of [
    ['known_device', DEVICE_DAYS],
    ['known_address', ADDRESS_DAYS],
  ] as const) {
    await db.query(
      `DELETE FROM ${table} WHERE last_used_at < $1::timestamptz - make_interval(days => $2)`,
      [now, days],
    );
  }
}
