import type { Database, Queryable } from '../../db/database.ts';
import { isUsername } from '../account-name.ts';
import { addressKey } from '../email-address.ts';
import { rateLimited } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { checkPassword } from './check-password.ts';
import { addressDigest, type Origin } from './known-origin.ts';

// This many failures cause no pause; each further one doubles the pause, up to the longest.
const FREE_FAILURES = { account: 5, address: 20, network: 100 };
const LONGEST_PAUSE_SECONDS = 900;
const FORGET_HOURS = 24;

export interface SignInAttempt {
  /** a username, or an e-mail address that only one account has */
  login: string;
  password: string;
  from: Origin;
  /** the browser's secret, whether it signed in before or not */
  device: string;
  now: Date;
}

/** An account whose right password was given. */
export interface SignedIn {
  username: number;
  /** version of the key and password at that time */
  keyVersion: number;
}

/** Whether the account's key and password are the same as when it signed in. */
export async function isStillValid(
  db: Queryable,
  { username, keyVersion }: SignedIn,
): Promise<boolean> {
  const rows = await db.query(
    'SELECT 1 FROM account WHERE username = $1 AND key_version = $2 AND closed_at IS NULL',
    [username, keyVersion],
  );
  return rows.length > 0;
}

/** The result of a password check. */
export interface CheckedSignIn {
  /** the account of the login; undefined: no account, or several */
  account: number | undefined;
  /** set if the password was right */
  signedIn: SignedIn | undefined;
}

/**
 * Checks a password. An unknown login and a wrong password take the same work and get the same
 * answer. Failures are counted for the client's address, for its network, and for the login as it
 * was typed. Counts for the account would reveal which username and e-mail address belong together.
 * If the account signed in from the browser or address before, failures there are counted for that
 * browser or address only. So strangers cannot lock the owner out.
 * @throws Refusal 'rate limited'
 */
export async function checkSignIn(
  db: Database,
  keyring: Keyring,
  attempt: SignInAttempt,
): Promise<CheckedSignIn> {
  const { password, from, now } = attempt;
  const account = await findAccount(db, keyring, attempt);
  const login = keyring.digest(loginSubject(attempt, account));
  const origins = [keyring.digest(`sign-in address ${from.address}`)];
  await claimAttempt(db, origins[0] as Buffer, FREE_FAILURES.address, now);
  if (from.network) {
    const network = keyring.digest(`sign-in network ${from.network}`);
    await claimAttempt(db, network, FREE_FAILURES.network, now);
    origins.push(network);
  }
  await claimAttempt(db, login, FREE_FAILURES.account, now);
  const matches = await checkPassword(db, account, password);
  if (!account || !matches) return { account: account?.username, signedIn: undefined };
  await forgetAttempts(db, login);
  await db.query(
    `UPDATE sign_in_attempt SET failures = failures - 1, blocked_until = $2
     WHERE subject = ANY ($1)`,
    [origins, now],
  );
  const { username, keyVersion } = account;
  return { account: username, signedIn: { username, keyVersion } };
}

/**
 * Counts a failure before the attempt; the caller takes it back if the attempt succeeds. So
 * concurrent attempts are not counted as one.
 * @param free how many failures cause no pause
 * @throws Refusal 'rate limited' during the pause after earlier failures
 */
export async function claimAttempt(
  db: Database,
  subject: Buffer,
  free: number,
  now: Date,
): Promise<void> {
  const [row] = await db.query<{ claimed: boolean; wait: number }>(
    `WITH claimed AS (
       INSERT INTO sign_in_attempt AS s (subject, failures, last_at, blocked_until)
       VALUES ($1, 1, $2, $2)
       ON CONFLICT (subject) DO UPDATE SET
         failures = CASE WHEN s.last_at < $2::timestamptz - make_interval(hours => $5)
           THEN 1 ELSE s.failures + 1 END,
         last_at = $2,
         blocked_until = CASE WHEN s.failures + 1 <= $3
           OR s.last_at < $2::timestamptz - make_interval(hours => $5) THEN $2::timestamptz
           ELSE $2::timestamptz + make_interval(secs => least($4, 2 ^ least(s.failures - $3, 20)))
           END
       WHERE s.blocked_until <= $2
       RETURNING 1
     )
     SELECT EXISTS (SELECT FROM claimed) AS claimed, coalesce(ceil(extract(epoch FROM
       (SELECT blocked_until FROM sign_in_attempt WHERE subject = $1) - $2::timestamptz)), 0)::int
       AS wait`,
    [subject, now, free, LONGEST_PAUSE_SECONDS, FORGET_HOURS],
  );
  if (!row?.claimed) throw rateLimited(Math.max(1, row?.wait ?? 1));
}

/** Deletes all failures that were counted for a subject. */
export async function forgetAttempts(db: Queryable, subject: Buffer): Promise<void> {
  await db.query('DELETE FROM sign_in_attempt WHERE subject = $1', [subject]);
}

/** Deletes failures after a day. */
export async function deleteOldAttempts(db: Queryable, now: Date): Promise<void> {
  await db.query(
    'DELETE FROM sign_in_attempt WHERE last_at < $1::timestamptz - make_interval(hours => $2)',
    [now, FORGET_HOURS],
  );
}

interface FoundAccount {
  username: number;
  phc: string;
  keyVersion: number;
  knownDevice: boolean;
  knownAddress: boolean;
}

/** The open account of a username or e-mail address; none if several accounts share the address. */
async function findAccount(
  db: Database,
  keyring: Keyring,
  { login, device, from }: SignInAttempt,
): Promise<FoundAccount | undefined> {
  const username = isUsername(login) ? Number(login) : null;
  const rows = await db.query<FoundAccount>(
    `SELECT a.username, a.password_hash AS phc, a.key_version AS "keyVersion",
       d.account IS NOT NULL AS "knownDevice", k.account IS NOT NULL AS "knownAddress"
     FROM account a LEFT JOIN known_device d ON d.account = a.username AND d.digest = $3
       LEFT JOIN known_address k ON k.account = a.username AND k.digest = $4
     WHERE a.closed_at IS NULL AND (a.username = $1 OR a.email_key = $2) LIMIT 2`,
    [username, addressKey(login), keyring.digest(device), addressDigest(keyring, from)],
  );
  return rows.length === 1 ? rows[0] : undefined;
}

function loginSubject(attempt: SignInAttempt, account: FoundAccount | undefined): string {
  const login = addressKey(attempt.login);
  if (account?.knownDevice) return `sign-in device ${attempt.device} ${login}`;
  if (account?.knownAddress) return `sign-in from ${attempt.from.address} ${login}`;
  return `sign-in account ${login}`;
}
