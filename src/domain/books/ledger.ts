import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { isUsedUp } from '../rating/suspension.ts';
import { Refusal } from '../refusal.ts';

export type LedgerKind = 'promotion' | 'payment' | 'adjustment' | 'monthly charge' | 'reversal';

export interface NewEntry {
  /** a billing account's username */
  account: number;
  kind: LedgerKind;
  /** added to the balance: a credit is positive, a debit negative */
  amount: Decimal;
  reason: string;
  /** the same reference counts once for an account */
  reference?: string | undefined;
  /** who posted it */
  actor: string;
  at: Date;
}

export interface PostedEntry {
  id: number;
  cash: Decimal;
  posted: boolean;
}

/**
 * Appends an entry and moves the balance by it, in one statement. A debit that uses a balance up
 * suspends calls, a credit after which it is not used up lifts that.
 * @returns the entry's id and the cash afterwards; `posted` is false where the reference had been
 *   posted already
 * @throws Refusal 'conflict' where the reference was posted with another amount,
 *   'not found' where the account has no balance
 */
export async function postEntry(db: Queryable, entry: NewEntry): Promise<PostedEntry> {
  const [moved] = await db.query<{ id: number; cash: Decimal }>(
    `WITH entry AS (
       INSERT INTO ledger_entry (account, kind, amount, reason, reference, actor, created_at)
       SELECT account, $2, $3::numeric, $4, $5, $6, $7 FROM balance WHERE account = $1
       ON CONFLICT (account, reference) DO NOTHING
       RETURNING account, id, amount
     )
     UPDATE balance b SET
       cash = b.cash + e.amount,
       suspended = CASE
         WHEN e.amount < 0 THEN b.suspended OR ${isUsedUp('(b.cash + e.amount)')}
         ELSE b.suspended AND ${isUsedUp('(b.cash + e.amount)')} END,
       warning_due = CASE
         WHEN e.amount < 0 THEN b.warning_due OR (a.notify
           AND b.cash >= a.notify_threshold AND b.cash + e.amount < a.notify_threshold)
         ELSE b.warning_due AND b.cash + e.amount < a.notify_threshold END
     FROM entry e JOIN account a ON a.username = e.account
     WHERE b.account = e.account
     RETURNING e.id, b.cash::text`,
    [
      entry.account,
      entry.kind,
      entry.amount,
      entry.reason,
      entry.reference ?? null,
      entry.actor,
      entry.at,
    ],
  );
  return moved ? { ...moved, posted: true } : repeated(db, entry);
}

async function repeated(db: Queryable, entry: NewEntry): Promise<PostedEntry> {
  const [earlier] = await db.query<{ id: number; same: boolean | null; cash: Decimal }>(
    `SELECT e.id, e.amount = $3::numeric AS same, b.cash::text
     FROM balance b LEFT JOIN ledger_entry e ON e.account = b.account AND e.reference = $2
     WHERE b.account = $1`,
    [entry.account, entry.reference ?? null, entry.amount],
  );
  if (!earlier) throw new Refusal('not found', `${entry.account} has no balance of its own`);
  if (!earlier.same) {
    throw new Refusal('conflict', `the reference ${entry.reference} has another amount already`);
  }
  return { id: earlier.id, cash: earlier.cash, posted: false };
}
