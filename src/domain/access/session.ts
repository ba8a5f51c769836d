import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import type { Language } from '../../language.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { Caller } from './caller.ts';

const ID_BYTES = 32;
// A program may sign in thousands of times, and a page with all of them would hold others up.
const MOST_LISTED = 100;
const ID_PATTERN = /^[A-Za-z0-9_-]{43}$/;
const LONGEST_AGENT = 300;
const SEEN_EVERY_MS = 60_000;

/** How long a session lives after its last use, and after its start. */
export interface SessionLife {
  idleSeconds: number;
  absoluteSeconds: number;
}

/** A signed-in user, with the data of the account that pages need. */
export interface Session extends Caller {
  /** identifies the session in the account's list of sessions; not a secret */
  handle: number;
  name: string;
  email: string;
  timeZone: string;
  /** null: the browser's language */
  language: Language | null;
  verified: boolean;
  /** whether sign-in needs a code */
  secondFactor: boolean;
}

export interface ListedSession {
  handle: number;
  address: string;
  userAgent: string;
  createdAt: Date;
  lastSeenAt: Date;
}

/** A random secret of 256 bits for a session cookie. */
export function randomId(): string {
  return randomBytes(ID_BYTES).toString('base64url');
}

/** @returns the session's id; the database stores only its digest */
export async function startSession(
  db: Queryable,
  keyring: Keyring,
  session: { username: number; address: string; userAgent: string; now: Date },
): Promise<string> {
  const id = randomId();
  const { username, address, userAgent, now } = session;
  await db.query(
    `WITH started AS (
       INSERT INTO session (digest, account, address, user_agent, created_at, last_seen_at)
       VALUES ($1, $2, $3, $4, $5, $5)
     )
     UPDATE account SET last_seen_at = $5 WHERE username = $2 AND role <> 'customer'`,
    [keyring.digest(id), username, address, userAgent.slice(0, LONGEST_AGENT), now],
  );
  return id;
}

/**
 * The session of an id, unless it has expired. Its use is noted at most once a minute.
 * @param id the value that the client sent
 */
export async function findSession(
  db: Database,
  keyring: Keyring,
  id: string,
  seen: { now: Date; address: string; life: SessionLife },
): Promise<Session | undefined> {
  if (!ID_PATTERN.test(id)) return undefined;
  const { now, address, life } = seen;
  const digest = keyring.digest(id);
  const [row] = await db.read<Session & { lastSeenAt: Date }>(
    'find-session',
    `SELECT s.handle, s.last_seen_at AS "lastSeenAt", a.username, a.role,
       a.master_account AS "billingAccount", a.name, a.email, a.time_zone AS "timeZone",
       a.language, a.verified_at IS NOT NULL AS verified,
       EXISTS (SELECT FROM second_factor f
         WHERE f.account = a.username AND f.confirmed_at IS NOT NULL) AS "secondFactor"
     FROM session s JOIN account a ON a.username = s.account AND a.closed_at IS NULL
     WHERE s.digest = $1 AND s.last_seen_at > $2::timestamptz - make_interval(secs => $3)
       AND s.created_at > $2::timestamptz - make_interval(secs => $4)`,
    [digest, now, life.idleSeconds, life.absoluteSeconds],
  );
  if (!row) return undefined;
  const { lastSeenAt, ...session } = row;
  if (now.getTime() - lastSeenAt.getTime() > SEEN_EVERY_MS) {
    await db.query(
      `WITH seen AS (
         UPDATE session SET last_seen_at = greatest(last_seen_at, $2), address = $3
         WHERE digest = $1 RETURNING account
       )
       UPDATE account SET last_seen_at = greatest(last_seen_at, $2)
       FROM seen WHERE username = seen.account AND role <> 'customer'`,
      [digest, now, address],
    );
  }
  return session;
}

/** An account's current sessions, at most a hundred, the most recently used first. */
export function listSessions(
  db: Queryable,
  username: number,
  now: Date,
  life: SessionLife,
): Promise<ListedSession[]> {
  return db.query<ListedSession>(
    `SELECT handle, address, user_agent AS "userAgent", created_at AS "createdAt",
       last_seen_at AS "lastSeenAt"
     FROM session
     WHERE account = $1 AND last_seen_at > $2::timestamptz - make_interval(secs => $3)
       AND created_at > $2::timestamptz - make_interval(secs => $4)
     ORDER BY last_seen_at DESC, handle DESC LIMIT $5`,
    [username, now, life.idleSeconds, life.absoluteSeconds, MOST_LISTED],
  );
}

/** Ends the session of an id, if there is one. @param id the value that the client sent */
export async function endSession(db: Queryable, keyring: Keyring, id: string): Promise<void> {
  await db.query('DELETE FROM session WHERE digest = $1', [keyring.digest(id)]);
}

/** Ends one of an account's sessions. @returns false if the account has no such session */
export async function endListedSession(
  db: Queryable,
  username: number,
  handle: number,
): Promise<boolean> {
  const rows = await db.query(
    'DELETE FROM session WHERE account = $1 AND handle = $2 RETURNING handle',
    [username, handle],
  );
  return rows.length > 0;
}

/** Ends an account's sessions. @param except the handle of a session that does not end */
export async function endSessions(db: Queryable, username: number, except?: number): Promise<void> {
  await db.query('DELETE FROM session WHERE account = $1 AND handle IS DISTINCT FROM $2', [
    username,
    except ?? null,
  ]);
}

/** Deletes expired sessions. */
export async function deleteOldSessions(
  db: Queryable,
  now: Date,
  life: SessionLife,
): Promise<void> {
  await db.query(
    `DELETE FROM session WHERE last_seen_at < $1::timestamptz - make_interval(secs => $2)
       OR created_at < $1::timestamptz - make_interval(secs => $3)`,
    [now, life.idleSeconds, life.absoluteSeconds],
  );
}
