import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { type Decimal, negated } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { type LedgerKind, type NewEntry, type PostedEntry, postEntry } from './ledger.ts';

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
  /** another entry has taken it back */
  reversed: boolean;
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

export interface BillingChanges {
  billing?: Billing | undefined;
  /** dollars that a postpaid account may owe before calls stop; null: any amount */
  creditLimit?: Decimal | null | undefined;
}

/**
 * Sets when calls stop for want of money. They stop or go on at once as the next debit would have
 * it, except that a prepaid account is let call while it owes nothing.
 * @throws Refusal 'not found', 'conflict' where another account pays, or for the credit limit of a
 *   prepaid account
 */
export async function changeBilling(
  tx: Queryable,
  username: number,
  changes: BillingChanges,
): Promise<void> {
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
    );
  }
  const { creditLimit = current?.creditLimit } = changes;
  await tx.query(
    `UPDATE balance SET billing = $2, credit_limit = $3,
       suspended = CASE $2 WHEN 'prepaid' THEN suspended OR cash < 0
         ELSE coalesce(cash < -$3::numeric, false) END
     WHERE account = $1`,
    [username, billing, billing === 'postpaid' ? creditLimit : null],
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
): Promise<PostedEntry> {
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
 * Takes an entry back by one of the opposite amount, once: again, nothing changes.
 * @throws Refusal 'not found', 'conflict' where another account pays or the entry is a reversal
 */
export function reverseEntry(
  db: Database,
  actor: Actor,
  { account, entry, reason }: { account: number; entry: number; reason: string },
  at: Date,
): Promise<PostedEntry & { amount: Decimal }> {
  return db.transaction(async (tx) => {
    await requireBalance(tx, account);
    const [reversed] = await tx.query<{ kind: LedgerKind; amount: Decimal }>(
      'SELECT kind, amount::text FROM ledger_entry WHERE account = $1 AND id = $2',
      [account, entry],
    );
    if (!reversed) throw new Refusal('not found', `${account} has no ledger entry ${entry}`);
    if (reversed.kind === 'reversal') {
      throw new Refusal('conflict', `entry ${entry} is a reversal; post a credit or a debit`);
    }
    const amount = negated(reversed.amount);
    const result = await postEntry(tx, {
      account,
      kind: 'reversal',
      amount,
      reason,
      reference: `reversal of ${entry}`,
      actor: actor.who,
      at,
    });
    if (result.posted) {
      const detail = { entry, kind: reversed.kind, amount, reason, cash: result.cash };
      await audit(tx, actor, { action: 'entry reversed', account, detail }, at);
    }
    return { ...result, amount };
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
    `SELECT id, kind, amount::text, reason, reference, actor, created_at AS "createdAt",
       EXISTS (SELECT FROM ledger_entry r
         WHERE r.account = e.account AND r.reference = 'reversal of ' || e.id) AS reversed
     FROM ledger_entry e WHERE account = $1 AND ($2::bigint IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [account, before ?? null, limit],
  );
}
