import type { Database, Queryable } from '../../db/database.ts';
import { keyDigest } from '../access/api-key.ts';
import { notRegistered, unauthorized } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';

const MOST_PHONES = 20;

/** In place of a contact: all that the account has. */
export const ALL_CONTACTS = '*';

/** A SIP contact as a switch reported it; expiresAt at or before reportedAt ends it. */
export interface ReportedContact {
  username: number;
  /** a SIP URI without angle brackets, or ALL_CONTACTS where they end */
  contact: string;
  /** where the switch saw it come from, as a SIP URI */
  received: string | undefined;
  userAgent: string;
  reportedAt: Date;
  expiresAt: Date;
  /** of a switch that does not tell when it reports: the REGISTER that it speaks of */
  register?: Register;
}

/** A REGISTER of a phone; those of one phone that was not restarted share their Call-ID. */
export interface Register {
  /** a digest of its Call-ID */
  callId: string;
  cseq: number;
}

/**
 * Notes what switches reported. An older report never undoes a newer one, so they may arrive late
 * and repeated; contacts of unknown accounts are ignored. Where the REGISTER is told, its CSeq says
 * which is older, and the end of a contact is newer than what it ends.
 * @returns how many reports spoke of known accounts
 */
export async function reportContacts(db: Database, contacts: ReportedContact[]): Promise<number> {
  const rows = newestReports(contacts);
  const [result] = await db.deliver<{ known: string[] | null }>(
    'report-contacts',
    `WITH report AS (
       SELECT r.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
           $6::timestamptz[], $7::text[], $8::bigint[])
         AS r (account, contact, received, user_agent, reported_at, expires_at, call_id, cseq)
         JOIN account a ON a.username = r.account
       ORDER BY r.account, r.contact
     ), ended AS (
       UPDATE registration r SET reported_at = a.reported_at, expires_at = a.reported_at
       FROM report a
       WHERE a.contact = '${ALL_CONTACTS}' AND r.account = a.account
         AND r.reported_at <= a.reported_at AND (r.account, r.contact) NOT IN
           (SELECT account, contact FROM report)
     ), written AS (
       INSERT INTO registration (account, contact, received, user_agent, reported_at, expires_at,
         call_id, cseq)
       SELECT account, contact, received, user_agent, reported_at, expires_at, call_id, cseq
       FROM report
       WHERE contact <> '${ALL_CONTACTS}'
       ON CONFLICT (account, contact) DO UPDATE SET received = excluded.received,
         user_agent = excluded.user_agent, reported_at = excluded.reported_at,
         expires_at = excluded.expires_at, call_id = excluded.call_id, cseq = excluded.cseq
       WHERE registration.reported_at <= excluded.reported_at
         AND (registration.call_id = excluded.call_id AND (registration.cseq > excluded.cseq
           OR registration.cseq = excluded.cseq AND registration.expires_at <= registration.reported_at
             AND excluded.expires_at > excluded.reported_at)) IS NOT TRUE
     )
     SELECT array_agg(DISTINCT account::text) AS known FROM report`,
    [
      rows.map((row) => row.username),
      rows.map((row) => row.contact),
      rows.map((row) => row.received),
      rows.map((row) => row.userAgent),
      rows.map((row) => row.reportedAt),
      rows.map((row) => row.expiresAt),
      rows.map((row) => row.register?.callId),
      rows.map((row) => row.register?.cseq),
    ],
  );
  const known = new Set(result?.known);
  return contacts.filter(({ username }) => known.has(String(username))).length;
}

/** A contact that a phone has registered. */
export interface RegisteredContact {
  contact: string;
  agent: string;
  expiresAt: Date;
}

/** The contacts of an account that were reported and are valid, for a switch to ring them. */
export function reportedContacts(
  db: Database,
  username: number,
  now: Date,
): Promise<RegisteredContact[]> {
  return db.read<RegisteredContact & object>(
    'reported-contacts',
    `SELECT contact, user_agent AS agent, expires_at AS "expiresAt" FROM registration
     WHERE account = $1 AND expires_at > $2 ORDER BY reported_at DESC, contact LIMIT ${MOST_PHONES}`,
    [username, now],
  );
}

/**
 * Ends a contact that a switch knows by a digest.
 * @param digest MD5 of the contact in hexadecimal digits
 * @returns how many it was, 0 or 1
 */
export async function endContact(
  db: Database,
  username: number,
  digest: string,
  now: Date,
): Promise<number> {
  const ended = await db.deliver(
    'end-contact',
    `UPDATE registration SET reported_at = $3, expires_at = $3
     WHERE account = $1 AND md5(contact) = $2 AND expires_at > $3 AND reported_at <= $3
     RETURNING 1`,
    [username, digest, now],
  );
  return ended.length;
}

/** One report for each contact, ended where all of its account's ended at the same time or later. */
function newestReports(contacts: ReportedContact[]): ReportedContact[] {
  const newest = new Map<string, ReportedContact>();
  for (const contact of contacts) {
    const key = `${contact.username} ${contact.contact}`;
    const known = newest.get(key);
    if (!known || !isOlder(contact, known)) newest.set(key, contact);
  }
  return [...newest.values()].map((contact) => {
    const ended = newest.get(`${contact.username} ${ALL_CONTACTS}`);
    if (!ended || ended.reportedAt < contact.reportedAt) return contact;
    return { ...contact, reportedAt: ended.reportedAt, expiresAt: ended.reportedAt };
  });
}

/** Of two reports of one contact; what the statement above says of one that is stored. */
function isOlder(report: ReportedContact, known: ReportedContact): boolean {
  if (report.reportedAt < known.reportedAt) return true;
  if (!report.register || report.register.callId !== known.register?.callId) return false;
  const { cseq } = report.register;
  if (cseq !== known.register.cseq) return cseq < known.register.cseq;
  return known.expiresAt <= known.reportedAt && report.expiresAt > report.reportedAt;
}

// SQL: the contacts of an account that were reported, and those that a switch keeps in this
// database, which are valid after $2, the newest report first.
const contactsOf = (account: string, limit: number) =>
  `SELECT contact, received, user_agent AS agent, expires_at AS "expiresAt" FROM (
     SELECT contact, received, user_agent, reported_at, expires_at
     FROM registration WHERE account = ${account}
     UNION ALL
     SELECT contact, received, user_agent, reported_at, expires_at
     FROM switch_contact WHERE username = ${account}::bigint::text) AS c
   WHERE expires_at > $2 ORDER BY reported_at DESC, expires_at DESC, contact LIMIT ${limit}`;

/** A phone that is registered. */
export interface RegisteredPhone {
  /** host and port */
  address: string;
  agent: string;
  expiresAt: Date;
}

/** All phones that an account is registered with now, the newest report first. */
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
 * Where the account is registered: its newest contact that has not expired, of those that were
 * reported and those that a switch keeps in this database.
 * @param address which one of a contact to show
 * @throws Refusal 'not found' where there is none
 */
export async function currentRegistration(
  db: Database,
  username: number,
  now: Date,
  address: 'contact' | 'received',
): Promise<CurrentRegistration> {
  const [row] = await db.read<Contact>('current-registration', contactsOf('$1', 1), [
    username,
    now,
  ]);
  return shownRegistration(username, row, address);
}

/**
 * The same for the account that a key belongs to, found by the key itself.
 * @throws Refusal 'unauthorized' where no open account has the key, 'not found'
 */
export async function registrationByKey(
  db: Database,
  keyring: Keyring,
  key: unknown,
  { now, address }: { now: Date; address: 'contact' | 'received' },
): Promise<CurrentRegistration> {
  const [row] = await db.read<{ username: number } & Partial<Contact>>(
    'registration-by-key',
    `SELECT a.username, c.* FROM account a
       LEFT JOIN LATERAL (${contactsOf('a.username', 1)}) c ON true
     WHERE a.key_digest = $1 AND a.closed_at IS NULL`,
    [keyDigest(keyring, key), now],
  );
  if (!row) throw unauthorized();
  return shownRegistration(row.username, row.contact ? (row as Contact) : undefined, address);
}

interface Contact {
  contact: string;
  received: string | null;
  agent: string;
  expiresAt: Date;
}

function shownRegistration(
  username: number,
  contact: Contact | undefined,
  address: 'contact' | 'received',
): CurrentRegistration {
  if (!contact) throw notRegistered();
  const shown = (address === 'received' && contact.received) || contact.contact;
  const { agent, expiresAt } = contact;
  return { uri: `sip:${username}@${hostOfUri(shown)}`, agent, expiresAt };
}

/** `192.0.2.1:5060` of `sip:someone@192.0.2.1:5060;transport=UDP`. */
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
 * The contacts that were reported, or are kept by a switch in this database, and are valid, by
 * account and contact.
 * @param filter.reach only of accounts that one of these pays for
 * @param page.after account and contact of the last one already seen
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
       SELECT username::bigint, contact, received, user_agent, reported_at, expires_at
       FROM switch_contact WHERE username ~ '^[1-9][0-9]{9}$') AS c
       JOIN account a ON a.username = c.account
     WHERE expires_at > $1 AND (c.account, contact COLLATE "C") > ($2::bigint, $3::text COLLATE "C")
       AND ($4::bigint[] IS NULL OR c.account = ANY ($4))
       AND ($5::bigint[] IS NULL OR a.master_account = ANY ($5))
     ORDER BY c.account, contact COLLATE "C" LIMIT $6`,
    [now, account, contact, filter.accounts ?? null, filter.reach ?? null, page.limit ?? null],
  );
}

export async function deleteExpiredContacts(db: Database, now: Date): Promise<void> {
  await db.query("DELETE FROM registration WHERE expires_at < $1::timestamptz - interval '1 day'", [
    now,
  ]);
}
