import type { Database } from '../../db/database.ts';

const MOST_PHONES = 20;

/** Used instead of a contact: all contacts of the account. */
export const ALL_CONTACTS = '*';

/** A SIP contact that a switch reported; it has ended if expiresAt is not after reportedAt. */
export interface ReportedContact {
  /** the SIP user of the phone's account */
  user: string;
  /** a SIP URI without angle brackets, or ALL_CONTACTS if all of them end */
  contact: string;
  /** source address that the switch saw, as a SIP URI */
  received: string | undefined;
  userAgent: string;
  reportedAt: Date;
  expiresAt: Date;
  /** for a switch that sends no time of the report: the REGISTER that caused it */
  register?: Register;
}

/** A REGISTER of a phone. A phone uses the same Call-ID until it restarts. */
export interface Register {
  /** a digest of its Call-ID */
  callId: string;
  cseq: number;
}

/**
 * Stores the contacts that switches reported. An older report never overwrites a newer one, so
 * reports may arrive late and repeatedly. Contacts of unknown accounts are ignored. For reports
 * with a REGISTER, its CSeq shows which one is older; with equal CSeq the end of the contact is
 * newer.
 * @returns number of reports about known accounts
 */
export async function reportContacts(db: Database, contacts: ReportedContact[]): Promise<number> {
  const rows = newestReports(contacts);
  const [result] = await db.deliver<{ known: string[] | null }>(
    'report-contacts',
    `WITH report AS (
       SELECT s.account, r.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
           $5::timestamptz[], $6::timestamptz[], $7::text[], $8::bigint[])
         AS r (sip_user, contact, received, user_agent, reported_at, expires_at, call_id, cseq)
         JOIN sip_secret s ON s.sip_user = r.sip_user
       ORDER BY s.account, r.contact
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
     SELECT array_agg(DISTINCT sip_user) AS known FROM report`,
    [
      rows.map((row) => row.user),
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
  return contacts.filter(({ user }) => known.has(user)).length;
}

/** A contact that a phone has registered. */
export interface RegisteredContact {
  contact: string;
  agent: string;
  expiresAt: Date;
}

/** The reported, valid contacts of a SIP user, which a switch should ring. */
export function reportedContacts(
  db: Database,
  user: string,
  now: Date,
): Promise<RegisteredContact[]> {
  return db.read<RegisteredContact & object>(
    'reported-contacts',
    `SELECT contact, user_agent AS agent, expires_at AS "expiresAt" FROM registration
     WHERE account = (SELECT account FROM sip_secret WHERE sip_user = $1) AND expires_at > $2
     ORDER BY reported_at DESC, contact LIMIT ${MOST_PHONES}`,
    [user, now],
  );
}

/**
 * Ends a contact that a switch knows by a digest.
 * @param digest MD5 of the contact in hexadecimal digits
 * @returns how many contacts ended, 0 or 1
 */
export async function endContact(
  db: Database,
  user: string,
  digest: string,
  now: Date,
): Promise<number> {
  const ended = await db.deliver(
    'end-contact',
    `UPDATE registration SET reported_at = $3, expires_at = $3
     WHERE account = (SELECT account FROM sip_secret WHERE sip_user = $1) AND md5(contact) = $2
       AND expires_at > $3 AND reported_at <= $3
     RETURNING 1`,
    [user, digest, now],
  );
  return ended.length;
}

/** One report for each contact; a later end of all the account's contacts ends it too. */
function newestReports(contacts: ReportedContact[]): ReportedContact[] {
  const newest = new Map<string, ReportedContact>();
  for (const contact of contacts) {
    const key = `${contact.user} ${contact.contact}`;
    const known = newest.get(key);
    if (!known || !isOlder(contact, known)) newest.set(key, contact);
  }
  return [...newest.values()].map((contact) => {
    const ended = newest.get(`${contact.user} ${ALL_CONTACTS}`);
    if (!ended || ended.reportedAt < contact.reportedAt) return contact;
    return { ...contact, reportedAt: ended.reportedAt, expiresAt: ended.reportedAt };
  });
}

/** Compares two reports of one contact by the rule of the statement in `reportContacts`. */
function isOlder(report: ReportedContact, known: ReportedContact): boolean {
  if (report.reportedAt < known.reportedAt) return true;
  if (!report.register || report.register.callId !== known.register?.callId) return false;
  const { cseq } = report.register;
  if (cseq !== known.register.cseq) return cseq < known.register.cseq;
  return known.expiresAt <= known.reportedAt && report.expiresAt > report.reportedAt;
}
