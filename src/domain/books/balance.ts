import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { Refusal, unknownAccount } from '../refusal.ts';
import { newLimit } from './day-limit.ts';
import { isSuspendedUnder, MOVED, recordCrossings } from './suspension.ts';

/**
 * SQL: whether an account, `a`, sees the balance that it is paid from: its own, or that of its
 * billing account where that allows it.
 */
export const SEES_BALANCE = '(a.master_account = a.username OR a.shows_balance)';

export const BILLINGS = ['prepaid', 'postpaid'] as const;
type Billing = (typeof BILLINGS)[number];

/**
 * Makes sure that an account, open or closed, has a balance of its own.
 * @throws Refusal 'not found', 'conflict' with the account that it is billed to
 */
export async function requireBalance(db: Queryable, username: number): Promise<void> {
  const [account] = await db.query<{ billedTo: number }>(
    'SELECT master_account AS "billedTo" FROM account WHERE username = $1',
    [username],
  );
  if (!account) throw unknownAccount(username);
  if (account.billedTo !== username) {
    throw new Refusal(
      'conflict',
      `${username} is billed to ${account.billedTo}; use that account`,
      {
        problem: { key: 'billedTo', account: username, payer: account.billedTo },
      },
    );
  }
}

export interface BillingChanges {
  billing?: Billing | undefined;
  /** money that a postpaid account may owe before calls stop; null: any amount */
  creditLimit?: Decimal | null | undefined;
  /** what calls may take in a day; null: any amount */
  dayLimit?: Decimal | null | undefined;
}

/** SQL: whether a column still has the text that was shown. @param parameter number of the text */
export function isStill(column: string, parameter: number): string {
  return `${column}::text IS NOT DISTINCT FROM $${parameter}`;
}

/**
 * Sets the terms under which calls stop: when the balance is used up (`isSuspendedUnder`), or the
 * daily limit is reached. They apply at once.
 * @param shown the values that the person saw, in PostgreSQL's text form
 * @returns false if these values have changed since; then nothing is changed
 * @throws Refusal 'not found', 'conflict' if another account pays, or for the credit limit of a
 *   prepaid account
 */
export async function changeBilling(
  tx: Queryable,
  username: number,
  changes: BillingChanges,
  shown: { [Name in keyof BillingChanges]?: string | null } = {},
): Promise<boolean> {
  await requireBalance(tx, username);
  const [current] = await tx.query<{ billing: Billing; creditLimit: Decimal | null }>(
    `SELECT billing, credit_limit::text AS "creditLimit" FROM balance
     WHERE account = $1 FOR UPDATE`,
    [username],
  );
  const billing = changes.billing ?? current?.billing;
  if (billing === 'prepaid' && changes.creditLimit) {
    throw new Refusal(
      'conflict',
      `${username} is prepaid; a credit limit is for postpaid accounts`,
      { problem: { key: 'creditLimitPrepaid', account: username } },
    );
  }
  const { creditLimit = current?.creditLimit } = changes;
  const values: unknown[] = [username, billing, billing === 'postpaid' ? creditLimit : null];
  const limit =
    changes.dayLimit === undefined
      ? ''
      : `, ${newLimit(`$${values.push(changes.dayLimit)}`, 'now()')}`;
  const conditions = ['b.account = $1'];
  for (const [column, value] of [
    ['billing', shown.billing],
    ['credit_limit', shown.creditLimit],
    ['day_limit', shown.dayLimit],
  ] as const) {
    if (value !== undefined) conditions.push(isStill(`b.${column}`, values.push(value)));
  }
  const changed = await tx.query(
    `WITH locked AS (
       SELECT account, cash, suspended FROM balance WHERE account = $1
     ), moved AS (
       UPDATE balance b
       SET billing = $2, credit_limit = $3, suspended = ${isSuspendedUnder('$2', '$3')}${limit}
       FROM locked l JOIN account a ON a.username = l.account
       WHERE ${conditions.join(' AND ')} RETURNING ${MOVED}
     ), ${recordCrossings('moved', 'now()')}
     SELECT account FROM moved`,
    values,
  );
  return changed.length > 0;
}
