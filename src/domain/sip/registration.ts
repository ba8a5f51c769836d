import type { Database, Queryable } from '../../db/database.ts';
import { notRegistered, unauthorized } from '../refusal.ts';

const MOST_PHONES = 20;

// SQL: the SIP user of an account.
const userOf = (account: string) => `SELECT sip_user FROM sip_secret WHERE account = ${account}`;

// SQL: the contacts of an account that are valid after $2, the newest report first. They were
// reported, or a switch stores them in this database.
const contactsOf = (account: string, limit: number) =>
  `SELECT contact, received, user_agent AS agent, expires_at AS "expiresAt" FROM (
     SELECT contact, received, user_agent, reported_at, expires_at
     FROM registration WHERE account = ${account}
     UNION ALL
     SELECT contact, received, user_agent, reported_at, expires_at
     FROM switch_contact WHERE username = (${userOf(account)})) AS c
   WHERE expires_at > $2 ORDER BY reported_at DESC, expires_at DESC, contact LIMIT ${limit}`;

/** A phone that is registered. */
export interface RegisteredPhone {
  /** host and port */
  address: string;
  agent: string;
  expiresAt: Date;
}

/** All registered phones of an account, the newest report first. */
export async function registeredPhones(
  db: Queryable,
  username: number,
  now: Date,
  address: 'contact' | 'received',
): Promise<RegisteredPhone[]> {
  const rows = await db.query<{
    contact: string;
    received: string | null;
    agent: string;
    expiresAt: Date;
  }>(contactsOf('$1', MOST_PHONES), [username, now]);
  return rows.map(({ contact, received, agent, expiresAt }) => ({
    address: hostOfUri((address === 'received' && received) || contact),
    agent,
    expiresAt,
  }));
}

export interface CurrentRegistration {
  uri: string;
  agent: string;
  expiresAt: Date;
}

/**
 * The newest valid contact of an account, of those that were reported and those that a switch
 * stores in this database.
 * @param address which address of the contact to show
 * @throws Refusal 'not found' if there is none
 */
export async function currentRegistration(
  db: Database,
  username: number,
  now: Date,
  address: 'contact' | 'received',
): Promise<CurrentRegistration> {
  const [row] = await db.read<Contact>(
    'current-registration',
    `SELECT c.*, (${userOf('$1')}) AS "user" FROM (${contactsOf('$1', 1)}) c`,
    [username, now],
  );
  return shownRegistration(row, address);
}

/**
 * As `currentRegistration`, for the account of an API key, in one query.
 * @param digest of the key
 * @throws Refusal 'unauthorized' if no open account has the key, 'not found'
 */
export async function registrationByKey(
  db: Database,
  digest: Buffer,
  { now, address }: { now: Date; address: 'contact' | 'received' },
): Promise<CurrentRegistration> {
  const [row] = await db.read<Partial<Contact>>(
    'registration-by-key',
    `SELECT (${userOf('a.username')}) AS "user", c.* FROM account a
       LEFT JOIN LATERAL (${contactsOf('a.username', 1)}) c ON true
     WHERE a.key_digest = $1 AND a.closed_at IS NULL`,
    [digest, now],
  );
  if (!row) throw unauthorized();
  return shownRegistration(row.contact ? (row as Contact) : undefined, address);
}

interface Contact {
  /** the SIP user of its account */
  user: string;
  contact: string;
  received: string | null;
  agent: string;
  expiresAt: Date;
}

function shownRegistration(
  contact: Contact | undefined,
  address: 'contact' | 'received',
): CurrentRegistration {
  if (!contact) throw notRegistered();
  const shown = (address === 'received' && contact.received) || contact.contact;
  const { user, agent, expiresAt } = contact;
  return { uri: `sip:${user}@${hostOfUri(shown)}`, agent, expiresAt };
}

/** Host and port of a URI: `192.0.2.1:5060` for `sip:someone@192.0.2.1:5060;transport=UDP`. */
function hostOfUri(uri: string): string {
  const bare = uri.replace(/^sips?:/i, '');
  const host = bare.slice(bare.lastIndexOf('@') + 1);
  return host.split(/[;?>]/)[0] ?? '';
}

/** A contact that an account is registered with now. */
export interface RegistrationRecord {
  account: number;
  contact: string;
  received: string | null;
  userAgent: string;
  reportedAt: Date;
  expiresAt: Date;
}

/**
 * The valid contacts that were reported or that a switch stores in this database, ordered by
 * account and contact.
 * @param filter.reach only contacts of accounts that one of these pays for
 * @param page.after account and contact of the last row already seen
 */
export function registrationsOf(
  db: Queryable,
  filter: { accounts?: number[] | undefined; reach?: number[] | undefined },
  now: Date,
  page: { after?: unknown[] | undefined; limit?: number } = {},
): Promise<RegistrationRecord[]> {
  const [account = 0, contact = ''] = page.after ?? [];
  return db.query<RegistrationRecord>(
    `SELECT c.account, contact, received, user_agent AS "userAgent", reported_at AS "reportedAt",
       expires_at AS "expiresAt"
     FROM (
       SELECT account, contact, received, user_agent, reported_at, expires_at FROM registration
       UNION ALL
       SELECT s.account, contact, received, user_agent, reported_at, expires_at
       FROM switch_contact c JOIN sip_secret s ON s.sip_user = c.username) AS c
       JOIN account a ON a.username = c.account
     WHERE expires_at > $1 AND (c.account, contact COLLATE "C") > ($2::bigint, $3::text COLLATE "C")
       AND ($4::bigint[] IS NULL OR c.account = ANY ($4))
       AND ($5::bigint[] IS NULL OR a.master_account = ANY ($5))
     ORDER BY c.account, contact COLLATE "C" LIMIT $6`,
    [now, account, contact, filter.accounts ?? null, filter.reach ?? null, page.limit ?? null],
  );
}

/** Deletes contacts that expired a day ago. Until then late reports are compared with them. */
export async function deleteExpiredContacts(db: Database, now: Date): Promise<void> {
  await db.query("DELETE FROM registration WHERE expires_at < $1::timestamptz - interval '1 day'", [
    now,
  ]);
}
