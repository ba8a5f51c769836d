import type { Database, Queryable } from '../../db/database.ts';
import { keyOf } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { endSessions } from '../access/session.ts';
import { type Actor, audit } from '../audit.ts';
import { shareAddress } from '../email-address.ts';
import { LOCKS } from '../locks.ts';
import type { Decimal } from '../money.ts';
import { lockOpenAccount } from '../open-account.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { insertWithFreeUsername } from './new-account.ts';

export interface AdministratorCredentials {
  username: number;
  password: string;
  apikey: string;
}

interface Tools {
  keyring: Keyring;
  now: Date;
  /** dollars per minute, if the administrator makes calls */
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
  return db.transaction((tx) => insert(tx, actor, tools, { ...input, password, passwordHash }));
}

/**
 * Creates the administrator of a new installation.
 * @param input.keep stores the credentials outside of this process, before they become valid
 * @returns undefined if there is one already
 */
export async function createFirstAdministrator(
  db: Database,
  actor: Actor,
  tools: Tools,
  {
    keep,
    ...input
  }: {
    name: string;
    email: string;
    keep: (credentials: AdministratorCredentials) => Promise<void>;
  },
): Promise<AdministratorCredentials | undefined> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [LOCKS.administrators]);
    const existing = await tx.query("SELECT 1 FROM account WHERE role = 'administrator' LIMIT 1");
    if (existing.length > 0) return undefined;
    const credentials = await insert(tx, actor, tools, { ...input, password, passwordHash });
    await keep(credentials);
    return credentials;
  });
}

export interface ListedAdministrator {
  username: number;
  name: string;
  email: string;
  /** whether sign-in to the portal needs a code */
  secondFactor: boolean;
  createdAt: Date;
}

/** The administrators with open accounts, by username. */
export function listAdministrators(db: Queryable): Promise<ListedAdministrator[]> {
  return db.query<ListedAdministrator>(
    `SELECT username, name, email, created_at AS "createdAt",
       EXISTS (SELECT FROM second_factor f
         WHERE f.account = username AND f.confirmed_at IS NOT NULL) AS "secondFactor"
     FROM account WHERE role = 'administrator' AND closed_at IS NULL ORDER BY username`,
  );
}

/**
 * Makes an administrator a customer. The account stays open; its sessions end.
 * @throws Refusal 'not found' if it is not an administrator, 'conflict' for the last one
 */
export async function removeAdministrator(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { role } = await lockOpenAccount(tx, username);
    if (role !== 'administrator') {
      throw new Refusal('not found', `${username} is no administrator`);
    }
    await requireAnotherAdministrator(tx, username);
    await tx.query("UPDATE account SET role = 'customer' WHERE username = $1", [username]);
    await endSessions(tx, username);
    await audit(tx, actor, { action: 'administrator removed', account: username }, now);
  });
}

async function insert(
  tx: Queryable,
  actor: Actor,
  { keyring, now, rate, sipRealm }: Tools,
  account: { name: string; email: string; password: string; passwordHash: string },
): Promise<AdministratorCredentials> {
  const { name, email, password, passwordHash } = account;
  await shareAddress(tx, email);
  const fields = { name, email, role: 'administrator', rate, sipRealm, now } as const;
  const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
  const detail = { name, email };
  await audit(tx, actor, { action: 'administrator created', account: username, detail }, now);
  return { username, password, apikey: await keyOf(tx, keyring, username) };
}
