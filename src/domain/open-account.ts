import type { Queryable } from '../db/database.ts';
import type { Language } from '../language.ts';
import { Refusal } from './refusal.ts';
import type { Role } from './role.ts';

/** An open account whose row is locked until the transaction ends. */
export interface HeldAccount {
  username: number;
  role: Role;
  name: string;
  email: string;
  timeZone: string;
  language: Language | null;
}

/** Locks an open account until the transaction ends. @throws Refusal 'not found' */
export async function lockOpenAccount(tx: Queryable, username: number): Promise<HeldAccount> {
  const [account] = await tx.query<HeldAccount>(
    'SELECT username, role, name, email, time_zone AS "timeZone", language FROM account WHERE username = $1 AND closed_at IS NULL FOR UPDATE',
    [username],
  );
  if (!account) throw new Refusal('not found', `there is no open account ${username}`);
  return account;
}
