import type { Queryable } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';

/**
 * Allows a call to an emergency number, whatever the state of the account and of its balance
 * (47 CFR 9.11: all 911 calls are to be transmitted). It locks and writes nothing, so it neither
 * waits for other calls nor holds money.
 * @throws Refusal 'payment required' for an account that is not known
 */
export async function allowEmergencyCall(db: Queryable, account: number): Promise<void> {
  const rows = await db.query('SELECT FROM account WHERE username = $1', [account]);
  if (rows.length === 0) throw new Refusal('payment required', 'Unknown account');
}
