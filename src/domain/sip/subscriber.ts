import type { Database } from '../../db/database.ts';

/** The data with which a SIP server checks the digest of a phone (RFC 2617). */
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
 * @param number in the form of `dialledNumber`
 * @returns the username of the account that has the number
 */
export async function ownerOfNumber(db: Database, number: string): Promise<string | undefined> {
  const [row] = await db.read<{ username: string }>(
    'owner-of-number',
    'SELECT username FROM sip_number WHERE number = $1',
    [number],
  );
  return row?.username;
}
