import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';

/** SQL: whether the ledger entry `e` was reversed. */
export const IS_REVERSED = `EXISTS (SELECT FROM ledger_entry r WHERE r.account = e.account
  AND r.reference = 'reversal of ' || e.id AND r.kind = 'reversal')`;

/** SQL: whether the ledger entry `e`, a credit on invoice, is paid; NULL for other kinds. */
export const IS_PAID = `CASE WHEN e.kind = 'credit on invoice' AND e.amount > 0 THEN EXISTS (
  SELECT FROM ledger_entry s WHERE s.account = e.account AND s.kind = 'credit on invoice'
    AND s.reference = 'settlement of ' || e.id AND NOT EXISTS (
      SELECT FROM ledger_entry r WHERE r.account = s.account AND r.kind = 'reversal'
        AND r.reference = 'reversal of ' || s.id)) END`;

/**
 * The reference of the entry that takes a credit on invoice back when it is paid. The payment is
 * added to the balance, but the customer has had the money before.
 */
export const settlementOf = (credit: number) => `settlement of ${credit}`;

/**
 * Makes sure that a credit on invoice is unpaid and not reversed, until the transaction ends.
 * @param amount the amount of the payment
 * @throws Refusal 'not found', 'conflict' if it is paid or reversed, or has another amount
 */
export async function requireUnpaid(
  tx: Queryable,
  account: number,
  credit: number,
  amount?: Decimal,
): Promise<void> {
  await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [account]);
  const [found] = await tx.query<{
    amount: Decimal;
    reversed: boolean;
    paid: boolean | null;
    fits: boolean;
  }>(
    `SELECT trim_scale(amount)::text AS amount, ${IS_REVERSED} AS reversed, ${IS_PAID} AS paid,
       amount = coalesce($3::numeric, amount) AS fits
     FROM ledger_entry e WHERE account = $1 AND id = $2 AND kind = 'credit on invoice'`,
    [account, credit, amount ?? null],
  );
  if (!found) throw new Refusal('not found', `${account} has no credit on invoice ${credit}`);
  const conflict = (what: string) => new Refusal('conflict', `entry ${credit} ${what}`);
  if (found.paid === null) throw conflict('is a part of a payment; reverse that');
  if (found.paid) throw conflict(amount ? 'is paid already' : 'is paid; reverse the payment first');
  if (found.reversed && amount) throw conflict('was reversed');
  if (!found.fits) throw conflict(`is to be paid by exactly ${found.amount}`);
}
