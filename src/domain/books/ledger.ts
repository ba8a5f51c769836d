import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { type Decimal, negated } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { requireBalance } from './balance.ts';
import { IS_PAID, IS_REVERSED, requireUnpaid, settlementOf } from './credit-on-invoice.ts';
import { MOVED, movedBy, recordCrossings } from './suspension.ts';

export type LedgerKind =
  | 'promotion'
  | 'payment'
  | 'adjustment'
  | 'credit on invoice'
  | 'monthly charge'
  | 'reversal';

export interface LedgerEntry {
  id: number;
  kind: LedgerKind;
  /** money with six places: a credit is positive, a debit negative */
  amount: Decimal;
  reason: string;
  reference: string | null;
  actor: string;
  createdAt: Date;
  /** whether another entry has reversed it */
  reversed: boolean;
  /** for a credit on invoice: whether a payment has settled it; null for other kinds */
  paid: boolean | null;
}

export interface NewEntry {
  /** a billing account's username */
  account: number;
  kind: LedgerKind;
  /** added to the balance: a credit is positive, a debit negative */
  amount: Decimal;
  reason: string;
  /** a reference is posted only once for an account */
  reference?: string | undefined;
  /** for a payment: the credit on invoice that it pays, of the same amount */
  settles?: number | undefined;
  /** who posted it */
  actor: string;
  at: Date;
}

/** References by which the service finds its own entries. */
const RESERVED = /^(reversal of |settlement of |promotion |rerating |opening balance$)/i;

/** Whether a reference is the service's own; entries by hand must not use it. */
export function isReservedReference(reference: string): boolean {
  return RESERVED.test(reference);
}

/** Called in the transaction that posts an entry. If it throws, nothing is posted. */
export type Admit = (tx: Queryable, amount: Decimal) => Promise<void>;

export interface PostedEntry {
  id: number;
  cash: Decimal;
  posted: boolean;
}

/**
 * Appends an entry, changes the balance by its amount and records the events, in one statement. A
 * debit that uses the balance up suspends calls. A credit ends the suspension if the balance is no
 * longer used up.
 * @returns the entry's id and the cash afterwards; `posted` is false if the reference was posted
 *   before
 * @throws Refusal 'conflict' if the reference was posted with another amount,
 *   'not found' if the account has no balance
 */
export async function postEntry(db: Queryable, entry: NewEntry): Promise<PostedEntry> {
  const [moved] = await db.query<{ id: number; cash: Decimal }>(
    `WITH locked AS (
       SELECT account, cash, suspended FROM balance WHERE account = $1 FOR UPDATE
     ), entry AS (
       INSERT INTO ledger_entry (account, kind, amount, reason, reference, actor, created_at, settles)
       SELECT account, $2, $3::numeric, $4, $5, $6, $7, $8 FROM locked
       ON CONFLICT (account, reference) DO NOTHING
       RETURNING account, id, amount
     ), moved AS (
       UPDATE balance b SET ${movedBy('e.amount')}
       FROM entry e JOIN account a ON a.username = e.account JOIN locked l ON l.account = e.account
       WHERE b.account = e.account
       RETURNING e.id, e.amount, ${MOVED}
     ), ${recordCrossings('moved', '$7', POSTED)}
     SELECT id, cash::text FROM moved`,
    [
      entry.account,
      entry.kind,
      entry.amount,
      entry.reason,
      entry.reference ?? null,
      entry.actor,
      entry.at,
      entry.settles ?? null,
    ],
  );
  return moved ? { ...moved, posted: true } : repeated(db, entry);
}

/** SQL of the event of the entry in `moved`. */
const POSTED = `SELECT 'ledger.posted', account, 0, jsonb_build_object('entry', jsonb_build_object(
        'id', id::text, 'kind', $2::text, 'amount', amount::text, 'reason', $4::text,
        'reference', $5::text, 'actor', $6::text,
        'createdAt', to_char($7::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        'cash', cash::text) FROM moved`;

async function repeated(db: Queryable, entry: NewEntry): Promise<PostedEntry> {
  const [earlier] = await db.query<{ id: number; same: boolean | null; cash: Decimal }>(
    `SELECT e.id, b.cash::text,
       e.amount = $3::numeric AND (e.kind = 'reversal') = ($4 = 'reversal')
         AND e.settles IS NOT DISTINCT FROM $5 AS same
     FROM balance b LEFT JOIN ledger_entry e ON e.account = b.account AND e.reference = $2
     WHERE b.account = $1`,
    [entry.account, entry.reference ?? null, entry.amount, entry.kind, entry.settles ?? null],
  );
  if (!earlier) throw new Refusal('not found', `${entry.account} has no balance of its own`);
  if (!earlier.same) {
    throw new Refusal('conflict', `the reference ${entry.reference} has another amount already`, {
      reason: 'reference conflict',
      about: { entry: String(earlier.id) },
    });
  }
  return { id: earlier.id, cash: earlier.cash, posted: false };
}

/**
 * Credits or debits a billing account by hand, open or closed.
 * @returns the cash afterwards, and whether the entry is new
 * @param admit may refuse a new entry
 * @throws Refusal 'not found'; 'conflict' if another account pays, if the reference was posted with
 *   another amount, or if `settles` names no unpaid credit of that amount; 'field invalid' for one
 *   of the service's own references
 */
export async function postByHand(
  db: Database,
  actor: Actor,
  entry: Omit<NewEntry, 'actor'>,
  admit?: Admit,
): Promise<PostedEntry> {
  const { account, kind, amount, reason, reference, settles, at } = entry;
  if (reference !== undefined && isReservedReference(reference)) {
    throw new Refusal('field invalid', `the reference ${reference}`, {
      reason: 'reference reserved',
      field: 'reference',
      requirement: "Must not be one of the service's own, such as 'reversal of 1'",
    });
  }
  return db.transaction(async (tx) => {
    await requireBalance(tx, account);
    const result = await postEntry(tx, { ...entry, actor: actor.who });
    if (result.posted) {
      await admit?.(tx, amount);
      if (settles !== undefined) result.cash = await settle(tx, { ...entry, actor: actor.who });
      const detail = { kind, amount, reason, reference, settles, cash: result.cash };
      await audit(tx, actor, { action: 'balance posted', account, detail }, at);
    }
    return result;
  });
}

/**
 * Reverses an entry by one of the opposite amount, only once; later calls change nothing. A credit
 * on invoice that the entry paid becomes unpaid again.
 * @throws Refusal 'not found', 'conflict' if another account pays, or if the entry is a reversal or
 *   a credit on invoice that is paid
 */
export function reverseEntry(
  db: Database,
  actor: Actor,
  { account, entry, reason }: { account: number; entry: number; reason: string },
  at: Date,
  admit?: Admit,
): Promise<PostedEntry & { amount: Decimal }> {
  return db.transaction(async (tx) => {
    await requireBalance(tx, account);
    const [reversed] = await tx.query<{
      kind: LedgerKind;
      amount: Decimal;
      settles: number | null;
    }>('SELECT kind, amount::text, settles FROM ledger_entry WHERE account = $1 AND id = $2', [
      account,
      entry,
    ]);
    if (!reversed) throw new Refusal('not found', `${account} has no ledger entry ${entry}`);
    if (reversed.kind === 'reversal') {
      throw new Refusal('conflict', `entry ${entry} is a reversal; post a credit or a debit`, {
        reason: 'entry is reversal',
      });
    }
    if (reversed.kind === 'credit on invoice') await requireUnpaid(tx, account, entry);
    const amount = negated(reversed.amount);
    const takenBack = { account, kind: 'reversal', reason, actor: actor.who, at } as const;
    const reference = `reversal of ${entry}`;
    const result = await postEntry(tx, { ...takenBack, amount, reference });
    if (result.posted) {
      await admit?.(tx, amount);
      if (reversed.settles !== null) {
        const settlement = await entryOf(tx, account, settlementOf(reversed.settles));
        const reference = `reversal of ${settlement}`;
        const again = await postEntry(tx, { ...takenBack, amount: reversed.amount, reference });
        result.cash = again.cash;
      }
      const detail = { entry, kind: reversed.kind, amount, reason, cash: result.cash };
      await audit(tx, actor, { action: 'entry reversed', account, detail }, at);
    }
    return { ...result, amount };
  });
}

/** Takes a credit on invoice back, because a payment for it was posted. @returns the cash */
async function settle(tx: Queryable, payment: NewEntry): Promise<Decimal> {
  const { account, amount, settles = 0 } = payment;
  await requireUnpaid(tx, account, settles, amount);
  const { cash, posted } = await postEntry(tx, {
    ...payment,
    kind: 'credit on invoice',
    amount: negated(amount),
    reference: settlementOf(settles),
    settles: undefined,
  });
  if (posted) return cash;
  throw new Refusal(
    'conflict',
    `the payment of entry ${settles} was reversed; reverse that entry and give the credit again`,
  );
}

/** @returns the id of the entry with one of the service's own references */
async function entryOf(tx: Queryable, account: number, reference: string): Promise<number> {
  const [entry] = await tx.query<{ id: number }>(
    'SELECT id FROM ledger_entry WHERE account = $1 AND reference = $2',
    [account, reference],
  );
  if (!entry) throw new Error(`no entry has the reference ${reference}`);
  return entry.id;
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
       ${IS_REVERSED} AS reversed, ${IS_PAID} AS paid
     FROM ledger_entry e WHERE account = $1 AND ($2::bigint IS NULL OR id < $2)
     ORDER BY id DESC LIMIT $3`,
    [account, before ?? null, limit],
  );
}
