import type { Database, Queryable } from '../../db/database.ts';
import { keyOf } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { type Actor, audit } from '../audit.ts';
import { shareAddress } from '../email-address.ts';
import { LOCKS } from '../locks.ts';
import type { Decimal } from '../money.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { insertWithFreeUsername } from './new-account.ts';

export interface AdministratorCredentials {
  username: number;
  password: string;
  apikey: string;
}

interface Tools {
  keyring: Keyring;
  now: Date;
  /** dollars per minute, should the administrator make calls */
  rate: Decimal;
  sipRealm: string;
}

/** Creates an administrator with a generated password. */
export async function createAdministrator(
  db: Database,
  actor: Actor,
  tools: Tools,
  input: { name: string; email: string },
): Promise<AdministratorCredentials> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction((tx) => insert(tx, actor, tools, input, { password, passwordHash }));
}

/**
 * Creates the administrator of a new installation.
 * @param keep puts the credentials where they outlast this process, before they are in force
 * @returns undefined where there is one already
 */
export async function createFirstAdministrator(
  db: Database,
  actor: Actor,
  tools: Tools,
  input: { name: string; email: string },
  keep: (credentials: AdministratorCredentials) => Promise<void>,
): Promise<AdministratorCredentials | undefined> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.firstAdministrator]);
    const existing = await tx.query("SELECT 1 FROM account WHERE role = 'administrator' LIMIT 1");
    if (existing.length > 0) return undefined;
    const credentials = await insert(tx, actor, tools, input, { password, passwordHash });
    await keep(credentials);
    return credentials;
  });
}

async function insert(
  tx: Queryable,
  actor: Actor,
  { keyring, now, rate, sipRealm }: Tools,
  { name, email }: { name: string; email: string },
  { password, passwordHash }: { password: string; passwordHash: string },
): Promise<AdministratorCredentials> {
  await shareAddress(tx, email);
  const fields = { name, email, role: 'administrator', rate, sipRealm, now } as const;
  const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
  const detail = { name, email };
  await audit(tx, actor, { action: 'administrator created', account: username, detail }, now);
  return { username, password, apikey: await keyOf(tx, keyring, username) };
}
