import type { Database, Queryable } from '../../db/database.ts';
import { keyOf } from '../access/api-key.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { endSessions, type SessionLife } from '../access/session.ts';
import { type Actor, audit } from '../audit.ts';
import { shareAddress } from '../email-address.ts';
import { LOCKS, takeLock } from '../locks.ts';
import type { Decimal } from '../money.ts';
import { type HeldAccount, lockOpenAccount } from '../open-account.ts';
import { Refusal } from '../refusal.ts';
import type { StaffRole } from '../role.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { insertWithFreeUsername, NO_LIMITS } from './new-account.ts';

export interface AdministratorCredentials {
  username: number;
  password: string;
  apikey: string;
}

interface Tools {
  keyring: Keyring;
  now: Date;
  /** money per minute, if the administrator makes calls */
  rate: Decimal;
  sipRealm: string;
}

/** Creates an account of the staff with a generated password. */
export async function createStaff(
  db: Database,
  actor: Actor,
  tools: Tools,
  input: { name: string; email: string; role: StaffRole },
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
  // Later starts neither wait for the lock nor compute a hash.
  if (await hasAdministrator(db)) return undefined;
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await takeLock(tx, LOCKS.administrators);
    if (await hasAdministrator(tx)) return undefined;
    const account = { ...input, role: 'administrator', password, passwordHash } as const;
    const credentials = await insert(tx, actor, tools, account);
    await keep(credentials);
    return credentials;
  });
}

async function hasAdministrator(db: Queryable): Promise<boolean> {
  const found = await db.query("SELECT 1 FROM account WHERE role = 'administrator' LIMIT 1");
  return found.length > 0;
}

/** A member of the staff. */
export interface ListedStaff {
  username: number;
  name: string;
  email: string;
  role: StaffRole;
  /** whether sign-in to the portal needs a code */
  secondFactor: boolean;
  /** how many browsers are signed in */
  sessions: number;
  /** when the portal was used last, to the minute; null: never */
  lastSeenAt: Date | null;
  createdAt: Date;
}

/** The staff's open accounts, by username. */
export function listStaff(db: Queryable, now: Date, life: SessionLife): Promise<ListedStaff[]> {
  return db.query<ListedStaff>(
    `SELECT username, name, email, role, created_at AS "createdAt", last_seen_at AS "lastSeenAt",
       (SELECT count(*)::int FROM session s WHERE s.account = username
         AND s.last_seen_at > $1::timestamptz - make_interval(secs => $2)
         AND s.created_at > $1::timestamptz - make_interval(secs => $3)) AS sessions,
       EXISTS (SELECT FROM second_factor f
         WHERE f.account = username AND f.confirmed_at IS NOT NULL) AS "secondFactor"
     FROM account WHERE role <> 'customer' AND closed_at IS NULL ORDER BY username`,
    [now, life.idleSeconds, life.absoluteSeconds],
  );
}

/**
 * Gives a member of the staff another role. Sessions that are open have it at once.
 * @throws Refusal 'not found' if it is not of the staff, 'conflict' for the last administrator
 */
export async function changeRole(
  db: Database,
  actor: Actor,
  username: number,
  role: StaffRole,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { role: before } = await lockStaff(tx, username);
    if (before === role) return;
    if (before === 'administrator') await requireAnotherAdministrator(tx, username);
    await tx.query('UPDATE account SET role = $2 WHERE username = $1', [username, role]);
    const detail = { role: { before, after: role } };
    await audit(tx, actor, { action: 'role changed', account: username, detail }, now);
  });
}

/**
 * Makes a member of the staff a customer. The account stays open; its sessions end.
 * @throws Refusal 'not found' if it is not of the staff, 'conflict' for the last administrator
 */
export async function removeFromStaff(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const { role } = await lockStaff(tx, username);
    if (role === 'administrator') await requireAnotherAdministrator(tx, username);
    await tx.query("UPDATE account SET role = 'customer' WHERE username = $1", [username]);
    await endSessions(tx, username);
    await audit(
      tx,
      actor,
      { action: 'administrator removed', account: username, detail: { role } },
      now,
    );
  });
}

async function lockStaff(tx: Queryable, username: number): Promise<HeldAccount> {
  const account = await lockOpenAccount(tx, username);
  if (account.role !== 'customer') return account;
  throw new Refusal('not found', `${username} is not of the staff`);
}

async function insert(
  tx: Queryable,
  actor: Actor,
  { keyring, now, rate, sipRealm }: Tools,
  account: {
    name: string;
    email: string;
    role: StaffRole;
    password: string;
    passwordHash: string;
  },
): Promise<AdministratorCredentials> {
  const { name, email, role, password, passwordHash } = account;
  await shareAddress(tx, email);
  const fields = { name, email, role, rate, limits: NO_LIMITS, sipRealm, now };
  const username = await insertWithFreeUsername(tx, keyring, fields, passwordHash);
  const detail = { name, email, role };
  await audit(tx, actor, { action: 'administrator created', account: username, detail }, now);
  return { username, password, apikey: await keyOf(tx, keyring, username) };
}
