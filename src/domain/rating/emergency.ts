import type { Database } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';

/**
 * Allows a call to an emergency number, whatever the state of the account and of its balance
 * (47 CFR 9.11: all 911 calls are to be transmitted). It locks and writes nothing, so it neither
 * waits for other calls nor holds money.
 * @throws Refusal 'payment required' for an account that is not known
 */
export async function allowEmergencyCall(db: Database, account: number): Promise<void> {
  const known = await db.find(
    'known-account',
    `SELECT i.n::int FROM unnest($1::bigint[]) WITH ORDINALITY AS i (username, n)
       JOIN account a ON a.username = i.username`,
    account,
  );
  if (!known) throw new Refusal('payment required', 'Unknown account');
}
