import type { Database } from '../../db/database.ts';

/** The data with which a SIP server checks the digest of a phone (RFC 2617). */
export interface Subscriber {
  /** the user of its phones */
  user: string;
  /** the username of its account */
  account: string;
  realm: string;
  /** MD5 of user:realm:secret in hexadecimal digits */
  ha1: string;
}

/**
 * @param user the user with which a phone registers
 * @returns undefined if its account is unknown, disabled or closed
 */
export async function findSubscriber(db: Database, user: string): Promise<Subscriber | undefined> {
  const [row] = await db.read<Subscriber>(
    'find-subscriber',
    'SELECT username AS "user", account, domain AS realm, ha1 FROM sip_subscriber WHERE username = $1',
    [user],
  );
  return row;
}

/**
 * @param number in the form of `dialledNumber`
 * @returns the account that has the number, and the user of its phones
 */
export async function subscriberOfNumber(
  db: Database,
  number: string,
): Promise<{ account: string; user: string } | undefined> {
  const [row] = await db.read<{ account: string; user: string }>(
    'owner-of-number',
    'SELECT account, username AS "user" FROM sip_number WHERE number = $1',
    [number],
  );
  return row;
}
