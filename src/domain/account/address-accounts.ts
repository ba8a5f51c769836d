import type { Queryable } from '../../db/database.ts';
import type { Language } from '../../language.ts';
import { addressKey } from '../email-address.ts';

/** An open account, with the data that mails to its address need. */
export interface AddressAccount {
  username: number;
  name: string;
  email: string;
  language: Language | null;
  verified: boolean;
  /** whether its owner has not chosen a password yet */
  passwordUnset: boolean;
}

/** The open accounts of an e-mail address, by username. */
export function accountsOfAddress(db: Queryable, email: string): Promise<AddressAccount[]> {
  return db.query<AddressAccount>(
    `SELECT username, name, email, language, verified_at IS NOT NULL AS verified,
       password_unset AS "passwordUnset"
     FROM account WHERE email_key = $1 AND closed_at IS NULL ORDER BY username`,
    [addressKey(email)],
  );
}
