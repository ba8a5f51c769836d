import type { Database } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';

/**
 * Allows a call to an emergency number in any state of the account and its balance (47 CFR 9.11:
 * all 911 calls must be transmitted). It locks and writes nothing, so it does not wait for other
 * calls and holds no money.
 * @throws Refusal 'payment required' for an unknown account
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
