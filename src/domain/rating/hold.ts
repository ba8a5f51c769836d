import type { Database, Queryable } from '../../db/database.ts';
import { type Decimal, fromMicros, toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { isBlocked, joinDestination } from './rating.ts';

/** How long after a call's end its record may take to come before the hold is given up. */
const RECORD_DELAY_SECONDS = 300;

const SECOND_MS = 1_000;

/** What a switch asks before it lets a call through. */
export interface CallQuestion {
  /** username of the account that calls */
  account: number;
  called: string;
  /** the switch's own id of the call; the same one again extends the hold */
  callId: string;
}

export interface CallPermission {
  /** how long the call may go on from now */
  maxSeconds: number;
  /** dollars per minute */
  rate: Decimal;
}

interface Terms {
  billingAccount: number;
  enabled: boolean;
  closed: boolean;
  verified: boolean;
  blocked: boolean;
  suspended: boolean;
  maxCalls: number | null;
  rate: Decimal;
  minimumSeconds: number;
  incrementSeconds: number;
  /** what may be spent, holds not counted; null: any amount */
  spendable: Decimal | null;
}

interface Holds {
  /** of the billing account's other calls */
  held: Decimal;
  /** other calls of the account itself */
  calls: number;
  /** when this call was allowed first */
  since: Date | null;
  /** the call id belongs to a call of another account or to another number */
  foreign: boolean | null;
}

/**
 * Whether an account may call, and for how long. An allowed call holds what it may cost out of the
 * balance, until its record is stored or the hold expires, so that calls at the same time cannot
 * spend the same money: the balance's row is locked meanwhile.
 * @throws Refusal 'payment required' with the reason, 'conflict' where the call id is another's
 */
export async function authorizeCall(
  db: Database,
  question: CallQuestion,
  { now, holdSeconds, verifiedOnly }: { now: Date; holdSeconds: number; verifiedOnly: boolean },
): Promise<CallPermission> {
  return db.transaction(async (tx) => {
    const terms = await lockTerms(tx, question, now);
    const refuse = (reason: string) => new Refusal('payment required', reason);
    if (!terms) throw refuse('Unknown account');
    if (terms.closed) throw refuse('The account is closed');
    if (!terms.enabled) throw refuse('Calls are disabled');
    if (verifiedOnly && !terms.verified) throw refuse('The account is not verified');
    if (terms.blocked) throw refuse('The destination is blocked');
    if (terms.suspended) throw refuse('Calls are suspended, the balance is used up');
    const holds = await currentHolds(tx, terms.billingAccount, question, now);
    if (holds.foreign) throw new Refusal('conflict', 'The call id belongs to another call');
    if (terms.maxCalls !== null && holds.calls >= terms.maxCalls) {
      throw refuse('Too many calls at once');
    }
    const since = holds.since ?? now;
    // Rounded up: a started second may be billed.
    const elapsed = Math.max(0, Math.ceil((now.getTime() - since.getTime()) / SECOND_MS));
    const granted = grant(terms, toMicros(holds.held), elapsed, holdSeconds);
    if (!granted) throw refuse('Insufficient balance');
    const lifetime = (granted.maxSeconds + RECORD_DELAY_SECONDS) * SECOND_MS;
    await tx.query(
      `INSERT INTO hold (billing_account, call_id, account, called, amount, granted_at, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (billing_account, call_id) DO UPDATE SET account = excluded.account,
         called = excluded.called, amount = excluded.amount, granted_at = excluded.granted_at,
         expires_at = excluded.expires_at`,
      [
        terms.billingAccount,
        question.callId,
        question.account,
        question.called,
        fromMicros(granted.amountMicros),
        since,
        new Date(now.getTime() + lifetime),
      ],
    );
    return { maxSeconds: granted.maxSeconds, rate: terms.rate };
  });
}

async function lockTerms(
  tx: Queryable,
  { account, called }: CallQuestion,
  now: Date,
): Promise<Terms | undefined> {
  const [terms] = await tx.query<Terms>(
    `SELECT a.master_account AS "billingAccount", a.enabled, a.closed_at IS NOT NULL AS closed,
       a.verified_at IS NOT NULL AS verified, ${isBlocked('$2')} AS blocked, b.suspended,
       a.max_calls AS "maxCalls", coalesce((d.price).rate, a.rate)::text AS rate,
       coalesce((d.price).minimum_seconds, a.minimum_seconds) AS "minimumSeconds",
       coalesce((d.price).increment_seconds, a.increment_seconds) AS "incrementSeconds",
       (CASE b.billing WHEN 'prepaid' THEN b.cash ELSE b.cash + b.credit_limit END)::text
         AS spendable
     FROM account a
       JOIN balance b ON b.account = a.master_account
       ${joinDestination('$2', '$3')}
     WHERE a.username = $1 FOR UPDATE OF b`,
    [account, called, now],
  );
  return terms;
}

/** A statement of its own: only one that begins once the balance is locked sees all holds on it. */
async function currentHolds(
  tx: Queryable,
  billingAccount: number,
  { account, called, callId }: CallQuestion,
  now: Date,
): Promise<Holds> {
  const [holds] = await tx.query<Holds>(
    `SELECT coalesce(sum(amount) FILTER (WHERE call_id <> $2), 0)::text AS held,
       count(*) FILTER (WHERE call_id <> $2 AND account = $3) AS calls,
       min(granted_at) FILTER (WHERE call_id = $2) AS since,
       bool_or(account <> $3 OR called <> $4) FILTER (WHERE call_id = $2) AS foreign
     FROM hold WHERE billing_account = $1 AND expires_at > $5`,
    [billingAccount, callId, account, called, now],
  );
  return holds as Holds;
}

/**
 * How long a call may go on, and what it costs until then.
 * @param heldMicros held for other calls
 * @param elapsed seconds since the call was allowed first, which its record will tell, too
 * @returns undefined where the balance does not reach for the minimum, or for another second
 */
export function grant(
  terms: Pick<Terms, 'rate' | 'minimumSeconds' | 'incrementSeconds' | 'spendable'>,
  heldMicros: bigint,
  elapsed: number,
  holdSeconds: number,
): { maxSeconds: number; amountMicros: bigint } | undefined {
  const { minimumSeconds: minimum, incrementSeconds: increment, spendable } = terms;
  const rateMicros = toMicros(terms.rate);
  const cost = (seconds: number) => (rateMicros * BigInt(seconds) + 30n) / 60n;
  const wanted = Math.max(minimum, Math.ceil((elapsed + holdSeconds) / increment) * increment);
  if (rateMicros === 0n || spendable === null) {
    return { maxSeconds: holdSeconds, amountMicros: cost(wanted) };
  }
  const available = toMicros(spendable) - heldMicros;
  const affordable = available > 0n ? Number((available * 60n) / rateMicros) : 0;
  if (wanted <= affordable) return { maxSeconds: holdSeconds, amountMicros: cost(wanted) };
  const whole = Math.floor(affordable / increment) * increment;
  if (affordable < minimum || whole <= elapsed) return undefined;
  return {
    maxSeconds: Math.min(holdSeconds, whole - elapsed),
    amountMicros: cost(Math.max(minimum, whole)),
  };
}

/** Removes what holds nothing any more. */
export async function deleteExpiredHolds(db: Queryable, now: Date): Promise<void> {
  await db.query('DELETE FROM hold WHERE expires_at <= $1', [now]);
}
