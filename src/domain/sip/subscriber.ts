import type { Database } from '../../db/database.ts';

/** What a SIP server needs to check the digest of a phone (RFC 2617). */
export interface Subscriber {
  username: string;
  realm: string;
  /** MD5 of user:realm:secret in hexadecimal digits */
  ha1: string;
}

/** @returns undefined for an account that is unknown, disabled or closed */
export async function findSubscriber(
  db: Database,
  username: number,
): Promise<Subscriber | undefined> {
  const [row] = await db.read<Subscriber>(
    'find-subscriber',
    'SELECT username, domain AS realm, ha1 FROM sip_subscriber WHERE username = $1::bigint::text',
    [username],
  );
  return row;
}

/**
 * @param number as `dialledNumber` makes it
 * @returns the username of the account that has it
 */
export async function ownerOfNumber(db: Database, number: string): Promise<string | undefined> {
  const [row] = await db.read<{ username: string }>(
    'owner-of-number',
    'SELECT username FROM sip_number WHERE number = $1',
    [number],
  );
  return row?.username;
}
