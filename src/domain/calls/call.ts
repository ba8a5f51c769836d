import { hash } from 'node:crypto';
import { plainArray, textArray } from '../../db/array-text.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { isMissingPartition, isUniqueViolation, StoreUnavailable } from '../../db/errors.ts';
import type { Decimal } from '../money.ts';
import { plainNumber } from '../phone-number.ts';
import { ensurePartitions, isRetiredMonth } from './call-partition.ts';
import { type BatchKind, SUMMED_AFTER_MS, storeStatement } from './call-statement.ts';
import type { LegMaker } from './leg-maker.ts';

/** A finished call as a switch reported it, before it is known who pays and how much. */
export interface ReportedCall {
  /** 32 hexadecimal digits: a uuid without dashes, or a hash of the switch's own id */
  id: string;
  /** the username the switch named; undefined: the owner of the called number pays */
  account: number | undefined;
  /** in place of an account: the call that made this leg, whose account pays */
  madeBy?: LegMaker;
  startedAt: Date;
  /** microseconds between answer and end; 0 for an unanswered call */
  talkMicroseconds: number;
  caller: string;
  called: string;
  /** digits as they were dialled, where they are not the number itself */
  dialled?: string | undefined;
  sourceIp: string | undefined;
  /** not yet percent-encoded */
  callerName: string | undefined;
  /** what a switch that keeps the balance itself has taken already */
  switchDebit: { rate: Decimal; amount: Decimal | undefined } | undefined;
  /** what the switch called it when it asked whether the call may be made */
  callId: string | undefined;
  /** to an emergency number, which costs nothing where no price names exactly that number */
  isEmergency?: boolean;
}

/** What became of a call: new, there already with the same or other content, or without a payer. */
export type Outcome = 'stored' | 'duplicate' | 'unknown account' | 'conflict';

export interface StoreResult {
  /** of each call, in their order */
  outcomes: Outcome[];
  /** a debit took a balance below its owner's threshold */
  warningsDue: boolean;
}

// The plan of a prepared statement is made for few calls; for many, one made for them costs less.
const MOST_PREPARED = 300;

/** Calls that are stored together, and where what becomes of each is noted. */
interface Batch {
  /** of each call */
  feeds: string[];
  calls: ReportedCall[];
  /** 32 hexadecimal digits each */
  digests: string[];
  outcomes: Outcome[];
  now: Date;
}

/**
 * Stores a batch of calls: rates each, inserts it once and debits the billing accounts. The same
 * calls again change nothing, in any order, split or at the same time, whatever has become of the
 * account or the number meanwhile.
 * @param feed the name under which the calls are kept
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
 * As `storeCalls`, of several feeds.
 * @param feeds of each call
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
 * Within one statement a row cannot meet its own repetition, so each identity goes into it once.
 * @returns positions of the first call of each identity, and of those that tell something else of
 *   the same identity; of the rest, each with the position of the one that said the same
 */
function splitRepeated({ calls, digests }: Batch, positions: number[]) {
  const seen = new Map<string, number>();
  const first: number[] = [];
  const others: number[] = [];
  const repeated: [number, number][] = [];
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

/** @returns whether a debit brought a warning */
async function storePart(db: Database, batch: Batch, positions: number[]): Promise<boolean> {
  const { stored, warningsDue } = await insertPart(db, batch, positions);
  for (const position of positions) batch.outcomes[position] = 'stored';
  if (!stored) return warningsDue;
  const identities = new Set(stored);
  const missing = positions.filter(
    (position) => !identities.has(identityOf(batch.calls[position] as ReportedCall)),
  );
  // What is not stored under its identity after all has nobody who pays.
  for (const position of missing) batch.outcomes[position] = 'unknown account';
  for (const { position, same } of await findStored(db, batch, missing)) {
    batch.outcomes[position] = same ? 'duplicate' : 'conflict';
  }
  return warningsDue;
}

interface InsertResult {
  warningsDue: boolean;
  /** identities; null: all */
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
    plainArray(part.map((call) => call.switchDebit?.rate)),
    plainArray(part.map((call) => call.switchDebit?.amount)),
    textArray(part.map((call) => call.callId)),
    positions.map((position) => digests[position]).join(''),
    textArray(positions.map((position) => feeds[position])),
    now,
    part.length,
    part.flatMap(({ isEmergency }, n) => (isEmergency ? [n + 1] : [])),
    textArray(part.map((call) => call.dialled)),
  ];
  const kind: BatchKind = {
    repeats: false,
    settles: part.some(({ callId }) => callId !== undefined),
    isLate: part.some(({ startedAt }) => now.getTime() - startedAt.getTime() > SUMMED_AFTER_MS),
  };
  for (let madePartitions = false; ; ) {
    const { name, text } = storeStatement(kind);
    try {
      const prepared = part.length > MOST_PREPARED ? undefined : name;
      const rows = await db.deliver<InsertResult>(prepared, text, values);
      return rows[0] as InsertResult;
    } catch (error) {
      // Sent again, the call is known to be too old.
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

/** Which of the calls are stored under their identity, and whether with the same content. */
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

/** Tells calls apart by what happened, not by the bytes that told it nor by the price. */
function contentDigest(call: ReportedCall): string {
  const { account, talkMicroseconds, caller, dialled, sourceIp, callerName } = call;
  // Read as North America does, so that it stays the same where the feed is said to dial elsewhere.
  const called = dialled === undefined ? call.called : plainNumber(dialled);
  const content = [account, talkMicroseconds, caller, called, sourceIp, callerName];
  return hash('sha256', JSON.stringify(content)).slice(0, 32);
}

/** Percent-encoded once. */
function encodeName(name: string | undefined): string | null {
  const bare = bareName(name ?? '');
  return bare ? encodeURIComponent(bare.toWellFormed()) : null;
}

/**
 * A display name without what SIP writes around it (RFC 3261 section 25.1): the quotes, and the
 * backslashes before quotes within. A name that a switch has cut lacks its last quote.
 */
function bareName(name: string): string {
  const text = name.replace(/\\(["\\])/g, '$1').trim();
  if (!text.startsWith('"') && !text.endsWith('"')) return text;
  const inner = text.startsWith('"') ? text.replace(/^"|["\\]$/g, '') : text;
  const isOdd = inner.split('"').length % 2 === 0;
  const last = inner.lastIndexOf('"');
  return (isOdd ? inner.slice(0, last) + inner.slice(last + 1) : inner).trim();
}
