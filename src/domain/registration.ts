import type { Database } from '../db/database.ts';
import type { Caller } from './api-key.ts';
import { notRegistered } from './refusal.ts';

/** A SIP contact as a switch reported it; expiresAt at or before reportedAt ends it. */
export interface ReportedContact {
  username: number;
  /** a SIP URI without angle brackets */
  contact: string;
  userAgent: string;
  reportedAt: Date;
  expiresAt: Date;
}

/**
 * Notes what switches reported. An older report never undoes a newer one, so they may arrive late
 * and repeated; contacts of unknown accounts are ignored.
 * @returns how many reports spoke of known accounts
 */
export async function reportContacts(db: Database, contacts: ReportedContact[]): Promise<number> {
  const newest = new Map<string, ReportedContact>();
  for (const contact of contacts) {
    const key = `${contact.username} ${contact.contact}`;
    const known = newest.get(key);
    if (!known || known.reportedAt <= contact.reportedAt) newest.set(key, contact);
  }
  const rows = [...newest.values()];
  const [result] = await db.retrying<{ known: number }>(
    `WITH report AS (
       SELECT r.* FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[],
           $5::timestamptz[]) AS r (account, contact, user_agent, reported_at, expires_at)
         JOIN account a ON a.username = r.account
       ORDER BY r.account, r.contact
     ), written AS (
       INSERT INTO registration (account, contact, user_agent, reported_at, expires_at)
       SELECT account, contact, user_agent, reported_at, expires_at FROM report
       ON CONFLICT (account, contact) DO UPDATE SET
         user_agent = excluded.user_agent, reported_at = excluded.reported_at,
         expires_at = excluded.expires_at
       WHERE registration.reported_at <= excluded.reported_at
     )
     SELECT count(*)::int AS known FROM report`,
    [
      rows.map((row) => row.username),
      rows.map((row) => row.contact),
      rows.map((row) => row.userAgent),
      rows.map((row) => row.reportedAt),
      rows.map((row) => row.expiresAt),
    ],
  );
  return result?.known ?? 0;
}

/**
 * Where the account is registered: its newest contact that has not expired.
 * @throws Refusal 'not found' where there is none
 */
export async function currentRegistration(
  db: Database,
  caller: Caller,
  now: Date,
): Promise<{ uri: string; agent: string }> {
  const [row] = await db.read<{ contact: string; agent: string }>(
    'current-registration',
    `SELECT contact, user_agent AS agent FROM registration
     WHERE account = $1 AND expires_at > $2
     ORDER BY reported_at DESC, expires_at DESC, contact LIMIT 1`,
    [caller.username, now],
  );
  if (!row) throw notRegistered();
  return { uri: `sip:${caller.username}@${hostOfUri(row.contact)}`, agent: row.agent };
}

/** `192.0.2.1:5060` of `sip:someone@192.0.2.1:5060;transport=UDP`. */
function hostOfUri(uri: string): string {
  const bare = uri.replace(/^sips?:/i, '');
  const host = bare.slice(bare.lastIndexOf('@') + 1);
  return host.split(/[;?>]/)[0] ?? '';
}

export async function deleteExpiredContacts(db: Database, now: Date): Promise<void> {
  await db.query("DELETE FROM registration WHERE expires_at < $1::timestamptz - interval '1 day'", [
    now,
  ]);
}
