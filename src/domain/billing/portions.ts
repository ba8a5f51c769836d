import type { Database, Queryable } from '../../db/database.ts';

const PORTION = 50;

/**
 * SQL of a part of a statement, `due`: some balances that need a mail, locked. Balances that
 * calls lock now are left for the next run.
 * @param condition SQL of a balance
 */
export const dueBalances = (condition: string) => `due AS (
    SELECT account FROM balance WHERE ${condition}
    ORDER BY account LIMIT ${PORTION} FOR UPDATE SKIP LOCKED
  )`;

/**
 * Repeats a transaction until it finds no whole portion. One transaction for thousands of mails
 * would lock their balances for so long that calls are refused.
 * @param work returns how many balances were due
 */
export async function inPortions(
  db: Database,
  work: (tx: Queryable) => Promise<number>,
): Promise<void> {
  while ((await db.transaction(work)) === PORTION);
}
