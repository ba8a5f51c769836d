import type { Queryable } from '../db/database.ts';
import { creationFailed } from './refusal.ts';

const MAXIMUM_LENGTH = 254;
// A dot-atom and a host name with at least two labels (RFC 5321, 4.1.2). Quoted and bracketed forms
// are left out, because mail providers do not use them.
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const ADDRESS = new RegExp(`^(?=.{1,64}@)${ATOM}(?:\\.${ATOM})*@(?:${LABEL}\\.)+${LABEL}$`);

/** Whether a value is an address that mail providers use, of at most 254 characters. */
export function isEmailAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAXIMUM_LENGTH && ADDRESS.test(value);
}

/** Two addresses are the same if their keys are equal; letter case is ignored. */
export function addressKey(email: string): string {
  return email.toLowerCase();
}

/** Takes an address for one account only. @throws Refusal 'conflict' if it is in use */
export async function claimAddress(tx: Queryable, email: string): Promise<void> {
  const rows = await tx.query(
    `INSERT INTO email_address (address_key, accounts) VALUES ($1, 1)
     ON CONFLICT (address_key) DO UPDATE SET accounts = 1 WHERE email_address.accounts = 0
     RETURNING accounts`,
    [addressKey(email)],
  );
  if (rows.length === 0) throw creationFailed();
}

/** Counts one more account with an address; other accounts may share it. */
export async function shareAddress(tx: Queryable, email: string): Promise<void> {
  await tx.query(
    `INSERT INTO email_address (address_key, accounts) VALUES ($1, 1)
     ON CONFLICT (address_key) DO UPDATE SET accounts = email_address.accounts + 1`,
    [addressKey(email)],
  );
}

/** The same for the addresses of several accounts, in an order that avoids deadlocks. */
export async function shareAddresses(tx: Queryable, emails: string[]): Promise<void> {
  await tx.query(
    `INSERT INTO email_address (address_key, accounts)
     SELECT address_key, count(*) FROM unnest($1::text[]) AS address_key
     GROUP BY address_key ORDER BY address_key
     ON CONFLICT (address_key) DO UPDATE SET accounts = email_address.accounts + excluded.accounts`,
    [emails.map(addressKey)],
  );
}

/** Counts one account less with an address; without any, it may be taken again. */
export async function releaseAddress(tx: Queryable, email: string): Promise<void> {
  await tx.query('UPDATE email_address SET accounts = accounts - 1 WHERE address_key = $1', [
    addressKey(email),
  ]);
}
