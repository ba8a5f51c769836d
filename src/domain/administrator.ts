import type { Database, Queryable } from '../db/database.ts';
import { insertWithFreeUsername } from './account.ts';
import { currentKey } from './api-key.ts';
import { type Actor, audit } from './audit.ts';
import { shareAddress } from './email-address.ts';
import type { Keyring } from './keyring.ts';
import type { Decimal } from './money.ts';
import { generatePassword, hashPassword } from './password.ts';

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

// Any number that nothing else locks on: it lets one of several first starts make the administrator.
const FIRST_ADMINISTRATOR_LOCK = 4_592_086_960;

/** Creates an administrator with a generated password. */
export async function createAdministrator(
  db: Database,
  actor: Actor,
  tools: Tools,
  input: { name: string; email: string },
): Promise<AdministratorCredentials> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  const username = await db.transaction((tx) => insert(tx, actor, tools, input, passwordHash));
  return withKey(db, tools, username, password);
}

/** Creates the administrator of a new installation. @returns undefined where there is one already */
export async function createFirstAdministrator(
  db: Database,
  actor: Actor,
  tools: Tools,
  input: { name: string; email: string },
): Promise<AdministratorCredentials | undefined> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  const username = await db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [FIRST_ADMINISTRATOR_LOCK]);
    const existing = await tx.query("SELECT 1 FROM account WHERE role = 'administrator' LIMIT 1");
    return existing.length > 0 ? undefined : insert(tx, actor, tools, input, passwordHash);
  });
  return username === undefined ? undefined : withKey(db, tools, username, password);
}

async function insert(
  tx: Queryable,
  actor: Actor,
  { keyring, now, rate, sipRealm }: Tools,
  { name, email }: { name: string; email: string },
  passwordHash: string,
): Promise<number> {
  await shareAddress(tx, email);
  const fields = { name, email, role: 'administrator', rate, sipRealm, now } as const;
  const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
  const detail = { name, email };
  await audit(tx, actor, { action: 'administrator created', account: username, detail }, now);
  return username;
}

async function withKey(
  db: Database,
  { keyring }: Tools,
  username: number,
  password: string,
): Promise<AdministratorCredentials> {
  return { username, password, apikey: await currentKey(db, keyring, username, password) };
}
