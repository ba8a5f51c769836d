import { plainArray, textArray } from '../../db/array-text.ts';
import type { Database } from '../../db/database.ts';
import { isLockTimeout, isUniqueViolation, StoreUnavailable } from '../../db/errors.ts';
import type { Send } from '../../db/exchange.ts';
import { GATHERED, type Gathered, Gatherer, Lanes } from '../../db/gather.ts';
import { dayLimit, NOTE_LIMITS } from '../books/day-limit.ts';
import { fromMicros } from '../money.ts';
import {
  type Answer,
  type AuthorizeOptions,
  type CallPermission,
  type CallQuestion,
  Decisions,
  type Terms,
} from './decision.ts';
import { GIVE_BACK } from './hold.ts';
import { isBlocked } from './rating.ts';
import { ASKED, allowWhole, askedValues, CALL_PRICE, MAX_RATE, SPENDABLE } from './whole-grant.ts';

/**
 * @throws Refusal 'payment required' with the reason, 'conflict' where another account has the call
 *   id
 */
export type AuthorizeCall = (question: CallQuestion) => Promise<CallPermission>;

// A transaction for many accounts waits this long at most for a locked balance.
const IMPATIENCE_MS = 50;
const EXPIRED_AT_ONCE = 1_000;
// From here on a second, parallel exchange pays off.
const MANY_QUESTIONS = 32;

const lock = (skip: string) => `SELECT b.account FROM balance b
  WHERE b.account = ANY (ARRAY(
    SELECT a.master_account FROM account a WHERE a.username = ANY ($1::bigint[])))
  ORDER BY b.account FOR UPDATE ${skip}`;

const LOCK = { name: 'lock-balances', text: lock('') };
const LOCK_FREE = { name: 'lock-free-balances', text: lock('SKIP LOCKED') };

// The plans are made once, perhaps while the tables are empty. They must suit full tables too.
// To compile such a plan takes longer than to run it.
const SETTINGS = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', jit: 'off' };
const IMPATIENT = { ...SETTINGS, lock_timeout: `'${IMPATIENCE_MS}ms'` };
const NOT_ON_DISK = { synchronous_commit: 'off' };

/** What to do where another transaction has locked a balance. */
const WAYS = {
  'wait briefly': { lock: LOCK, patient: false, settings: IMPATIENT },
  'leave out': { lock: LOCK_FREE, patient: false, settings: IMPATIENT },
  wait: { lock: LOCK, patient: true, settings: SETTINGS },
} as const;

const TERMS = `SELECT i.n::int, a.master_account AS "billingAccount", a.enabled,
    a.closed_at IS NOT NULL AS closed, a.verified_at IS NOT NULL AS verified,
    ${isBlocked('e.number')} AS blocked, e.number AS called, b.suspended, a.max_calls AS "maxCalls",
    (d.price).prefix IS NOT NULL AS "isPriced", ${CALL_PRICE}, (${SPENDABLE})::text AS spendable,
    ${dayLimit('$4::timestamptz')} AS "dayLimit",
    (${MAX_RATE})::text AS "maxRate",
    b.held::text, coalesce(c.calls, 0) AS calls,
    CASE WHEN h.call_id IS NOT NULL THEN json_build_object('account', h.account,
      'called', h.called, 'amount', h.amount::text, 'earlier', h.earlier_amount::text,
      'rate', h.rate::text, 'minimumSeconds', h.minimum_seconds,
      'incrementSeconds', h.increment_seconds, 'connectFee', h.connect_fee::text,
      'minimumCharge', h.minimum_charge::text,
      'grantedMs', (extract(epoch FROM h.granted_at) * 1000)::bigint,
      'expiresMs', (extract(epoch FROM h.expires_at) * 1000)::bigint) END AS hold
  FROM ${ASKED}
    JOIN balance b ON b.account = a.master_account
    LEFT JOIN calls_in_progress c
      ON c.billing_account = a.master_account AND c.account = a.username`;

const EXPIRE = `WITH gone AS (
    DELETE FROM hold h USING (
      SELECT e.billing_account, e.call_id
      FROM (SELECT billing_account, call_id FROM hold WHERE expires_at <= $2 OFFSET 0) e
      WHERE e.billing_account = ANY ($1::bigint[]) LIMIT ${EXPIRED_AT_ONCE}) d
    WHERE h.billing_account = d.billing_account AND h.call_id = d.call_id
    RETURNING h.billing_account, h.account, h.amount
  ), ${GIVE_BACK}
  SELECT count(*)::int AS gone FROM gone`;

const HOLD = `WITH held AS (
    INSERT INTO hold (billing_account, call_id, account, called, amount, earlier_amount, rate,
      minimum_seconds, increment_seconds, granted_at, expires_at, connect_fee, minimum_charge)
    SELECT billing_account, call_id, account, called, amount, earlier_amount, rate,
      minimum_seconds, increment_seconds, timestamptz 'epoch' + granted_ms * interval '1 ms',
      timestamptz 'epoch' + expires_ms * interval '1 ms', connect_fee, minimum_charge
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::numeric[], $6::numeric[],
        $7::numeric[], $8::int[], $9::int[], $10::bigint[], $11::bigint[],
        $17::numeric[], $18::numeric[])
      AS i (billing_account, call_id, account, called, amount, earlier_amount, rate,
        minimum_seconds, increment_seconds, granted_ms, expires_ms, connect_fee, minimum_charge)
    ON CONFLICT (billing_account, call_id) DO UPDATE SET account = excluded.account,
      called = excluded.called, amount = excluded.amount,
      earlier_amount = excluded.earlier_amount, rate = excluded.rate,
      minimum_seconds = excluded.minimum_seconds, increment_seconds = excluded.increment_seconds,
      granted_at = excluded.granted_at, expires_at = excluded.expires_at,
      connect_fee = excluded.connect_fee, minimum_charge = excluded.minimum_charge
  ), counted AS (
    INSERT INTO calls_in_progress AS c (billing_account, account, calls)
    SELECT * FROM unnest($12::bigint[], $13::bigint[], $14::int[])
    ON CONFLICT (billing_account, account) DO UPDATE SET calls = c.calls + excluded.calls
  )
  UPDATE balance b SET held = b.held + i.held
  FROM unnest($15::bigint[], $16::numeric[]) AS i (account, held) WHERE b.account = i.account`;

/**
 * Answers whether calls may be made. Concurrent questions share one transaction. An allowed call
 * holds what it may cost until its record is stored, it is released, or the hold expires. The
 * balance is locked during the decision, so concurrent calls cannot spend the same money.
 *
 * A balance that stays locked delays only its own questions: they wait in their account's lane.
 */
export function gatherAuthorizations(db: Database, options: AuthorizeOptions): AuthorizeCall {
  const lanes = new Lanes((questions: CallQuestion[]) =>
    decideOrFail(db, questions, options, 'wait'),
  );
  const gatherer = new Gatherer(
    (questions: CallQuestion[]) => decideAtOnce(db, questions, options),
    { least: MANY_QUESTIONS, sizeOf: () => 1 },
  );
  return async (question) => {
    const first = lanes.has(question.account) ? undefined : await gatherer.ask(question);
    const answer = (first ?? (await lanes.ask(question.account, question))) as Answer | Error;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

type Outcome = Answer | Error | undefined;

/** @returns undefined for questions whose balance another transaction keeps locked */
async function decideAtOnce(
  db: Database,
  questions: CallQuestion[],
  options: AuthorizeOptions,
): Promise<Outcome[]> {
  GATHERED.publish({ what: 'questions', count: questions.length } satisfies Gathered);
  let allowed: Outcome[] = [];
  try {
    const settings = settingsOf('wait briefly', options);
    allowed = await db.exchange({ settings, patient: false, single: true }, async (send) => {
      const result = await allowWhole(send, questions, latest(questions), options);
      return { result, changed: true };
    });
  } catch (error) {
    if (isLockTimeout(error)) return decideOrFail(db, questions, options, 'leave out');
    if (!isUniqueViolation(error)) return eachAlone(db, questions, options, error);
  }
  const others = questions.filter((_, n) => !allowed[n]);
  if (others.length === 0) return allowed;
  const decided = (await decideWithoutWaiting(db, others, options)).values();
  return questions.map((_, n) => allowed[n] ?? decided.next().value);
}

/** @returns undefined for questions whose balance another transaction keeps locked */
async function decideWithoutWaiting(
  db: Database,
  questions: CallQuestion[],
  options: AuthorizeOptions,
): Promise<Outcome[]> {
  try {
    return await authorizeCalls(db, questions, options, 'wait briefly');
  } catch (error) {
    if (isLockTimeout(error)) return decideOrFail(db, questions, options, 'leave out');
    return eachAlone(db, questions, options, error);
  }
}

async function decideOrFail(
  db: Database,
  questions: CallQuestion[],
  options: AuthorizeOptions,
  way: keyof typeof WAYS,
): Promise<Outcome[]> {
  try {
    return await authorizeCalls(db, questions, options, way);
  } catch (error) {
    return eachAlone(db, questions, options, error);
  }
}

/** Decides each question alone, so a failed one does not stop the others. */
async function eachAlone(
  db: Database,
  questions: CallQuestion[],
  options: AuthorizeOptions,
  error: unknown,
): Promise<Outcome[]> {
  if (questions.length === 1 || error instanceof StoreUnavailable) {
    return questions.map(() => error as Error);
  }
  const alone = questions.map((question) => decideOrFail(db, [question], options, 'wait'));
  return (await Promise.all(alone)).flat();
}

/**
 * Decides questions in their order, in one transaction.
 * @returns an answer for each; undefined if its balance was left out
 */
async function authorizeCalls(
  db: Database,
  questions: CallQuestion[],
  options: AuthorizeOptions,
  way: keyof typeof WAYS = 'wait',
): Promise<(Answer | undefined)[]> {
  const { lock, patient } = WAYS[way];
  const settings = settingsOf(way, options);
  const now = latest(questions);
  const asked = askedValues(questions, now);
  const [accounts] = asked;
  return db.exchange({ settings, patient }, async (send) => {
    const locking = send<{ account: number }>(lock.name, lock.text, [accounts]);
    // A separate statement: it sees all holds only if it begins after the balances are locked.
    const reading = send<Terms>('read-terms', TERMS, asked);
    const locked = new Set((await locking).map(({ account }) => account));
    let decisions = new Decisions(questions, await reading, locked, options);
    if (decisions.short.size > 0 && (await expire(send, [...decisions.short], now)) > 0) {
      const terms = await send<Terms>('read-terms', TERMS, asked);
      decisions = new Decisions(questions, terms, locked, options);
      writeHolds(send, decisions);
      noteLimits(send, decisions, now);
      return { result: decisions.answers, changed: true };
    }
    if (decisions.holds.size > 0) writeHolds(send, decisions);
    noteLimits(send, decisions, now);
    const changed = decisions.holds.size > 0 || decisions.limited.size > 0;
    return { result: decisions.answers, changed };
  });
}

function settingsOf(
  way: keyof typeof WAYS,
  { holdsOnDisk }: AuthorizeOptions,
): Record<string, string> {
  return { ...WAYS[way].settings, ...(holdsOnDisk === false ? NOT_ON_DISK : {}) };
}

function latest(questions: CallQuestion[]): Date {
  return new Date(Math.max(...questions.map(({ now }) => now.getTime())));
}

/** Gives back expired holds before a call is refused. @returns how many */
async function expire(send: Send, billingAccounts: number[], now: Date): Promise<number> {
  const values = [plainArray(billingAccounts), now];
  const [row] = await send<{ gone: number }>('expire-holds', EXPIRE, values);
  return row?.gone ?? 0;
}

/** So the job that sends mails finds the daily limits that this decision found to be reached. */
function noteLimits(send: Send, { limited }: Decisions, now: Date): void {
  if (limited.size > 0) void send('note-limits', NOTE_LIMITS, [plainArray([...limited]), now]);
}

function writeHolds(send: Send, { holds, calls, held }: Decisions): void {
  const rows = [...holds.values()];
  void send('write-holds', HOLD, [
    plainArray(rows.map((row) => row.billingAccount)),
    textArray(rows.map((row) => row.callId)),
    plainArray(rows.map((row) => row.account)),
    textArray(rows.map((row) => row.called)),
    plainArray(rows.map((row) => fromMicros(row.amountMicros))),
    plainArray(rows.map((row) => fromMicros(row.earlierMicros))),
    plainArray(rows.map((row) => row.rate)),
    plainArray(rows.map((row) => row.minimumSeconds)),
    plainArray(rows.map((row) => row.incrementSeconds)),
    plainArray(rows.map((row) => row.grantedMs)),
    plainArray(rows.map((row) => row.expiresMs)),
    plainArray([...calls.values()].map((row) => row.billingAccount)),
    plainArray([...calls.values()].map((row) => row.account)),
    plainArray([...calls.values()].map((row) => row.change)),
    plainArray([...held.keys()]),
    plainArray([...held.values()].map(fromMicros)),
    plainArray(rows.map((row) => row.connectFee)),
    plainArray(rows.map((row) => row.minimumCharge)),
  ]);
}
