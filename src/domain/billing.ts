import type { Database, Queryable } from '../db/database.ts';
import { type Actor, audit } from './audit.ts';
import { type LedgerKind, type NewEntry, postEntry } from './ledger.ts';
import type { Decimal } from './money.ts';
import { Refusal } from './refusal.ts';

export const BILLINGS = ['prepaid', 'postpaid'] as const;
export type Billing = (typeof BILLINGS)[number];

export interface LedgerEntry {
  id: number;
  kind: LedgerKind;
  /** dollars with six places: a credit is positive, a debit negative */
  amount: Decimal;
  reason: string;
  reference: string | null;
  actor: string;
  createdAt: Date;
}

/**
 * Makes sure that an account, open or closed, has a balance of its own.
 * @throws Refusal 'not found', 'conflict' naming the account that it is billed to
 */
export async function requireBalance(db: Queryable, username: number): Promise<void> {
  const [account] = await db.query<{ billedTo: number }>(
    'SELECT master_account AS "billedTo" FROM account WHERE username = $1',
    [username],
  );
  if (!account) throw new Refusal('not found', `there is no account ${username}`);
  if (account.billedTo !== username) {
    throw new Refusal('conflict', `${username} is billed to ${account.billedTo}; use that account`);
  }
}

/**
 * Sets whether calls stop when the balance is used up. Postpaid lifts a suspension; prepaid
 * suspends an account that owes something, as its next debit would.
 * @throws Refusal 'not found', 'conflict' where another account pays
 */
export async function changeBilling(
  tx: Queryable,
  username: number,
  billing: Billing,
): Promise<void> {
  await requireBalance(tx, username);
  await tx.query(
    `UPDATE balance SET billing = $2::text,
       suspended = $2::text = 'prepaid' AND (suspended OR cash < 0)
     WHERE account = $1`,
    [username, billing],
  );
}

/**
 * Credits or debits a billing account by hand, open or closed.
 * @returns the cash afterwards, and false where the reference had been posted already
 * @throws Refusal 'not found', 'conflict' where another account pays, or where the reference was
 *   posted with another amount
 */
export function postByHand(
  db: Database,
  actor: Actor,
  entry: Omit<NewEntry, 'actor'>,
): Promise<{ cash: Decimal; posted: boolean }> {
  const { account, kind, amount, reason, reference, at } = entry;
  return db.transaction(async (tx) => {
    await requireBalance(tx, account);
    const result = await postEntry(tx, { ...entry, actor: actor.who });
    if (result.posted) {
      const detail = { kind, amount, reason, reference, cash: result.cash };
      await audit(tx, actor, { action: 'balance posted', account, detail }, at);
    }
    return result;
  });
}

/**
 * The ledger of a billing account, newest entry first.
 * @param page.before the last id already seen
 */
export function listEntries(
  db: Queryable,
  account: number,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<LedgerEntry[]> {
  return db.query<LedgerEntry>(
    `SELECT id, kind, amount::text, reason, reference, actor, created_at AS "createdAt"
     FROM ledger_entry WHERE account = $1 AND ($2::bigint IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [account, before ?? null, limit],
  );
}
