import { hash } from 'node:crypto';
import { plainArray, sparse, textArray } from '../../db/array-text.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { isMissingPartition, isUniqueViolation, StoreUnavailable } from '../../db/errors.ts';
import type { Decimal } from '../money.ts';
import { plainNumber } from '../phone-number.ts';
import type { CallOutcome } from './call-outcome.ts';
import { ensurePartitions, isRetiredMonth } from './call-partition.ts';
import { type BatchKind, SUMMED_AFTER_MS, storeStatement } from './call-statement.ts';
import type { LegMaker } from './leg-maker.ts';

/** A finished call as a switch reported it, before rating. Its account may be unknown. */
export interface ReportedCall {
  /** 32 hexadecimal digits: a uuid without dashes, or a hash of the switch's own id */
  id: string;
  /** the username that the switch named; undefined: the owner of the called number pays */
  account: number | undefined;
  /** instead of `account`: the call that made this leg; that call's account pays */
  madeBy?: LegMaker;
  startedAt: Date;
  /** microseconds between answer and end; 0 for an unanswered call */
  talkMicroseconds: number;
  /** counts only for a call without talk time; undefined where the switch does not report it */
  outcome: CallOutcome | undefined;
  caller: string;
  called: string;
  /** the dialled digits, where they differ from `called` */
  dialled?: string | undefined;
  sourceIp: string | undefined;
  /** not yet percent-encoded */
  callerName: string | undefined;
  /** what the switch has debited already, where it keeps the balance itself */
  switchDebit: { rate: Decimal; amount: Decimal | undefined } | undefined;
  /** the call id that the switch sent to `authorize` */
  callId: string | undefined;
  /** a call to an emergency number: free unless a price has exactly that number */
  isEmergency?: boolean;
}

/**
 * What became of a call: stored now, stored before with the same content, of no known account, or
 * stored before with other content.
 */
export type Outcome = 'stored' | 'duplicate' | 'unknown account' | 'conflict';

export interface StoreResult {
  /** one for each call, in the same order */
  outcomes: Outcome[];
  /** a debit took a balance below its warning threshold, or reached a part of the daily limit */
  warningsDue: boolean;
}

// From here on the search for holds takes longer than a question.
const MANY_CALLS = 100;

/** Calls to store together, and the outcome of each. */
interface Batch {
  /** one for each call */
  feeds: string[];
  calls: ReportedCall[];
  /** 32 hexadecimal digits each */
  digests: string[];
  outcomes: Outcome[];
  now: Date;
}

/**
 * Stores a batch of calls: rates each, inserts it once and debits the billing accounts. Repeated
 * calls change nothing, in any order, in other batches or at the same time. This holds even after
 * the account or the number changed.
 * @param feed the feed's name, stored with the calls
 */
export function storeCalls(
  db: Database,
  feed: string,
  calls: ReportedCall[],
  now: Date,
): Promise<StoreResult> {
  return storeCallsOfFeeds(
    db,
    calls.map(() => feed),
    calls,
    now,
  );
}

/**
 * `storeCalls` for calls of several feeds.
 * @param feeds one for each call
 */
export async function storeCallsOfFeeds(
  db: Database,
  feeds: string[],
  calls: ReportedCall[],
  now: Date,
): Promise<StoreResult> {
  const digests = calls.map(contentDigest);
  const batch: Batch = { feeds, calls, digests, outcomes: new Array(calls.length), now };
  let warningsDue = false;
  let positions = calls.map((_, n) => n);
  while (positions.length > 0) {
    const { first, others, repeated } = splitRepeated(batch, positions);
    warningsDue = (await storePart(db, batch, first)) || warningsDue;
    for (const [position, earlier] of repeated) {
      const outcome = batch.outcomes[earlier] as Outcome;
      batch.outcomes[position] = outcome === 'stored' ? 'duplicate' : outcome;
    }
    positions = others;
  }
  return { outcomes: batch.outcomes, warningsDue };
}

/**
 * A statement does not see its own new rows, so each identity may be in it only once.
 * @returns positions: the first call of each identity; calls with an earlier identity but other
 *   content; repeated calls, each with the position of the call that it repeats
 */
function splitRepeated({ calls, digests }: Batch, positions: number[]) {
  const first: number[] = [];
  const others: number[] = [];
  const repeated: [number, number][] = [];
  const ids = new Set(positions.map((position) => calls[position]?.id));
  if (ids.size === positions.length) return { first: positions, others, repeated };
  const seen = new Map<string, number>();
  for (const position of positions) {
    const identity = identityOf(calls[position] as ReportedCall);
    const earlier = seen.get(identity);
    if (earlier === undefined) {
      seen.set(identity, position);
      first.push(position);
    } else if (digests[earlier] === digests[position]) repeated.push([position, earlier]);
    else others.push(position);
  }
  return { first, others, repeated };
}

/** The call's id and its start. */
function identityOf({ id, startedAt }: ReportedCall): string {
  return `${id} ${startedAt.getTime()}`;
}

/** @returns whether a warning is due */
async function storePart(db: Database, batch: Batch, positions: number[]): Promise<boolean> {
  const { stored, warningsDue } = await insertPart(db, batch, positions);
  for (const position of positions) batch.outcomes[position] = 'stored';
  if (!stored) return warningsDue;
  const identities = new Set(stored);
  const missing = positions.filter(
    (position) => !identities.has(identityOf(batch.calls[position] as ReportedCall)),
  );
  // A call that is still not stored is of no known account.
  for (const position of missing) batch.outcomes[position] = 'unknown account';
  for (const { position, same } of await findStored(db, batch, missing)) {
    batch.outcomes[position] = same ? 'duplicate' : 'conflict';
  }
  return warningsDue;
}

interface InsertResult {
  warningsDue: boolean;
  /** the stored identities; null: all */
  stored: string[] | null;
}

async function insertPart(
  db: Database,
  { feeds, calls, digests, now }: Batch,
  positions: number[],
): Promise<InsertResult> {
  const part = positions.map((position) => calls[position] as ReportedCall);
  const values = [
    plainArray(part.map((call) => call.id)),
    plainArray(part.map((call) => call.account)),
    plainArray(part.map((call) => call.startedAt.getTime())),
    plainArray(part.map((call) => call.talkMicroseconds)),
    textArray(part.map((call) => call.caller)),
    textArray(part.map((call) => call.called)),
    textArray(part.map((call) => call.sourceIp)),
    textArray(part.map((call) => encodeName(call.callerName))),
    sparse(
      plainArray,
      part.map((call) => call.switchDebit?.rate),
    ),
    sparse(
      plainArray,
      part.map((call) => call.switchDebit?.amount),
    ),
    textArray(part.map((call) => call.callId)),
    positions.map((position) => digests[position]).join(''),
    textArray(positions.map((position) => feeds[position])),
    now,
    part.length,
    part.flatMap(({ isEmergency }, n) => (isEmergency ? [n + 1] : [])),
    sparse(
      textArray,
      part.map((call) => call.dialled),
    ),
    sparse(
      textArray,
      part.map((call) => (call.talkMicroseconds > 0 ? undefined : call.outcome)),
    ),
  ];
  const kind: BatchKind = {
    repeats: false,
    settles: await mayHaveHolds(db, part),
    isLate: part.some(({ startedAt }) => now.getTime() - startedAt.getTime() > SUMMED_AFTER_MS),
  };
  for (let madePartitions = false; ; ) {
    const { name, text } = storeStatement(kind);
    try {
      const rows = await db.deliver<InsertResult>(name, text, values);
      return rows[0] as InsertResult;
    } catch (error) {
      // When the switch sends the call again, it is rejected as too old.
      if (isRetiredMonth(error)) throw new StoreUnavailable(error);
      if (isUniqueViolation(error) && !kind.repeats) {
        kind.repeats = true;
      } else if (isMissingPartition(error) && !madePartitions) {
        const moments = part.map((call) => call.startedAt);
        await ensurePartitions(db, moments);
        madePartitions = true;
      } else throw error;
    }
  }
}

/**
 * Whether some of the calls may have a hold. For many calls it takes much less time to ask whether
 * there are holds at all than to look for them: a hold is there before its call is.
 */
async function mayHaveHolds(db: Database, calls: ReportedCall[]): Promise<boolean> {
  if (!calls.some(({ callId }) => callId !== undefined)) return false;
  if (calls.length < MANY_CALLS) return true;
  const [answer] = await db.read<{ any: boolean }>(
    'any-hold',
    'SELECT EXISTS (SELECT FROM hold) AS any',
    [],
  );
  return answer?.any !== false;
}

/** Finds the calls that are stored already. `same`: whether their content is equal. */
function findStored(
  db: Queryable,
  { calls, digests }: Batch,
  positions: number[],
): Promise<{ position: number; same: boolean }[]> {
  const part = positions.map((position) => calls[position] as ReportedCall);
  return db.query(
    `SELECT i.position, c.content_digest = decode(i.digest, 'hex') AS same
     FROM unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::text[])
         AS i (position, id, started_at, digest)
       JOIN call c ON c.started_at = i.started_at AND c.id = i.id`,
    [
      positions,
      part.map((call) => call.id),
      part.map((call) => call.startedAt),
      positions.map((position) => digests[position]),
    ],
  );
}

/** A digest of what happened in a call: neither the record's bytes nor the price count. */
function contentDigest(call: ReportedCall): string {
  const { account, talkMicroseconds, caller, dialled, sourceIp, callerName } = call;
  // Always read as a North American number, so the digest survives a change of the feed's country.
  const called = dialled === undefined ? call.called : plainNumber(dialled);
  const content = [account, talkMicroseconds, caller, called, sourceIp, callerName];
  return hash('sha256', JSON.stringify(content)).slice(0, 32);
}

function encodeName(name: string | undefined): string | null {
  const bare = bareName(name ?? '');
  return bare ? encodeURIComponent(bare.toWellFormed()) : null;
}

/**
 * A display name without SIP's quotes and backslashes (RFC 3261 section 25.1). A name that a switch
 * cut off lacks its last quote.
 */
function bareName(name: string): string {
  if (!/["\\]/.test(name)) return name.trim();
  const text = name.replace(/\\(["\\])/g, '$1').trim();
  if (!text.startsWith('"') && !text.endsWith('"')) return text;
  const inner = text.startsWith('"') ? text.replace(/^"|["\\]$/g, '') : text;
  const isOdd = inner.split('"').length % 2 === 0;
  const last = inner.lastIndexOf('"');
  return (isOdd ? inner.slice(0, last) + inner.slice(last + 1) : inner).trim();
}
