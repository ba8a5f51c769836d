import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../db/database.ts';
import { isMissingPartition, StoreUnavailable } from '../db/errors.ts';
import { ensurePartitions, isRetiredMonth } from './call-partition.ts';
import type { Decimal } from './money.ts';
import { billedSeconds, destinationPrice, ownerOfCalled, PRICE_LIST, price } from './rating.ts';
import { isUsedUp } from './suspension.ts';

/** A finished call as a switch reported it, before it is known who pays and how much. */
export interface ReportedCall {
  /** 32 hexadecimal digits: a uuid without dashes, or a hash of the switch's own id */
  id: string;
  /** the username the switch named; undefined: the owner of the called number pays */
  account: number | undefined;
  startedAt: Date;
  /** microseconds between answer and end; 0 for an unanswered call */
  talkMicroseconds: number;
  caller: string;
  called: string;
  sourceIp: string | undefined;
  /** not yet percent-encoded */
  callerName: string | undefined;
  /** what a switch that keeps the balance itself has taken already */
  switchDebit: { rate: Decimal; amount: Decimal | undefined } | undefined;
  /** what the switch called it when it asked whether the call may be made */
  callId: string | undefined;
}

export interface StoreResult {
  /** calls that are new */
  stored: number;
  /** calls that were there already, with the same content */
  duplicates: number;
  /** positions in the batch of calls whose account is not known */
  unknownAccounts: number[];
  /** positions of calls whose id and start are stored with other content */
  conflicts: number[];
  /** a debit took a balance below its owner's threshold */
  warningsDue: boolean;
}

interface Batch {
  calls: ReportedCall[];
  digests: Buffer[];
  /** positions of the calls in what the caller gave */
  positions: number[];
}

// Rated, inserted and debited by one statement, so that no call is ever there without its debit.
// Balances are locked in the order of their accounts, since batches that come at the same time
// would else wait for each other in a circle.
const STORE = `
WITH input AS (
  SELECT * FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[],
      $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::numeric[], $12::numeric[],
      $13::text[])
    AS i (n, id, account, started_at, talk_microseconds, caller, called, source_ip, caller_name,
      content_digest, switch_rate, switch_amount, call_id)
), priced AS (
  SELECT i.*, a.username, a.master_account, coalesce(i.switch_rate, p.rate, a.rate) AS call_rate,
    ${billedSeconds(
      'i.talk_microseconds',
      'coalesce(p.minimum_seconds, a.minimum_seconds)',
      'coalesce(p.increment_seconds, a.increment_seconds)',
    )} AS billed_seconds
  FROM input i
  JOIN account a ON a.username = CASE WHEN i.account IS NOT NULL THEN i.account
    ELSE ${ownerOfCalled('i.called', 'i.started_at')} END
  LEFT JOIN LATERAL ${destinationPrice(PRICE_LIST, 'a.username', 'i.called', 'i.started_at')} p
    ON true
), inserted AS (
  INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
    caller_name, talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest,
    received_at)
  SELECT master_account, username, started_at, id, caller, called, source_ip, caller_name,
    talk_microseconds, billed_seconds, call_rate,
    CASE WHEN switch_rate IS NULL THEN ${price('call_rate', 'billed_seconds')}
      ELSE switch_amount END,
    switch_rate IS NULL, $14, content_digest, $15
  FROM priced ORDER BY master_account, username, started_at, id
  ON CONFLICT DO NOTHING
  RETURNING billing_account, started_at, id, amount, debited
), spent AS (
  SELECT billing_account, sum(amount) AS amount FROM inserted
  WHERE debited AND amount > 0 GROUP BY billing_account
), locked AS (
  SELECT b.account FROM balance b JOIN spent s ON s.billing_account = b.account
  ORDER BY b.account FOR UPDATE OF b
), debit AS (
  UPDATE balance b SET
    cash = b.cash - s.amount,
    suspended = b.suspended OR ${isUsedUp('(b.cash - s.amount)')},
    warning_due = b.warning_due OR
      (m.notify AND b.cash >= m.notify_threshold AND b.cash - s.amount < m.notify_threshold)
  FROM spent s
    JOIN locked l ON l.account = s.billing_account
    JOIN account m ON m.username = s.billing_account
  WHERE b.account = s.billing_account
  RETURNING b.warning_due
), settled AS (
  DELETE FROM hold h USING priced p JOIN inserted c ON c.started_at = p.started_at AND c.id = p.id
  WHERE h.billing_account = p.master_account AND h.call_id = p.call_id
    -- once all balances are locked, as in the order of authorizeCall
    AND (SELECT count(*) FROM locked) >= 0
)
SELECT
  (SELECT count(*)::int FROM inserted) AS stored,
  (SELECT coalesce(bool_or(warning_due), false) FROM debit) AS "warningsDue",
  (SELECT coalesce(array_agg(n), '{}') FROM input i
    WHERE NOT EXISTS (SELECT FROM priced p WHERE p.n = i.n)) AS unknown,
  (SELECT coalesce(array_agg(n), '{}') FROM priced p
    WHERE NOT EXISTS (SELECT FROM inserted c
      WHERE c.started_at = p.started_at AND c.id = p.id)) AS existing`;

const FIND_CONFLICTS = `
SELECT i.n FROM unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::bytea[])
    AS i (n, id, started_at, content_digest)
  JOIN call c ON c.started_at = i.started_at AND c.id = i.id
WHERE c.content_digest <> i.content_digest`;

/**
 * Stores a batch of calls: rates each, inserts it once and debits the billing accounts. The same
 * calls again change nothing, in any order, split or at the same time, whatever has become of the
 * account or the number meanwhile.
 * @param feed the name under which the calls are kept
 */
export async function storeCalls(
  db: Database,
  feed: string,
  calls: ReportedCall[],
  now: Date,
): Promise<StoreResult> {
  const result: StoreResult = {
    stored: 0,
    duplicates: 0,
    unknownAccounts: [],
    conflicts: [],
    warningsDue: false,
  };
  let batch = batchOf(calls);
  while (batch.calls.length > 0) {
    const { first, others, repeated } = splitRepeated(batch);
    await storeBatch(db, feed, first, now, result);
    result.duplicates += repeated;
    batch = others;
  }
  result.unknownAccounts.sort((a, b) => a - b);
  result.conflicts.sort((a, b) => a - b);
  return result;
}

function batchOf(calls: ReportedCall[]): Batch {
  return { calls, digests: calls.map(contentDigest), positions: calls.map((_, n) => n) };
}

/**
 * Within one statement a row cannot meet its own repetition, so a batch holds each identity once.
 * @returns the first call of each identity, those that tell something else of the same identity,
 *   and the number of the rest, which say the same
 */
function splitRepeated(batch: Batch): { first: Batch; others: Batch; repeated: number } {
  const seen = new Map<string, Buffer>();
  const first: Batch = { calls: [], digests: [], positions: [] };
  const others: Batch = { calls: [], digests: [], positions: [] };
  let repeated = 0;
  batch.calls.forEach((call, n) => {
    const digest = batch.digests[n] as Buffer;
    const identity = `${call.id} ${call.startedAt.getTime()}`;
    const earlier = seen.get(identity);
    if (earlier?.equals(digest)) {
      repeated++;
      return;
    }
    if (!earlier) seen.set(identity, digest);
    const into = earlier ? others : first;
    into.calls.push(call);
    into.digests.push(digest);
    into.positions.push(batch.positions[n] as number);
  });
  return { first, others, repeated };
}

/** Adds what became of the batch to `result`. */
async function storeBatch(
  db: Database,
  feed: string,
  batch: Batch,
  now: Date,
  result: StoreResult,
): Promise<void> {
  const inserted = await insertBatch(db, feed, batch, now);
  const { existing } = inserted;
  const differing = existing.length > 0 ? await findConflicts(db, batch, existing) : [];
  const position = (n: number) => batch.positions[n] as number;
  result.stored += inserted.stored;
  result.duplicates += existing.length - differing.length;
  result.unknownAccounts.push(...inserted.unknown.map(position));
  result.conflicts.push(...differing.map(position));
  result.warningsDue ||= inserted.warningsDue;
}

interface InsertResult {
  stored: number;
  warningsDue: boolean;
  unknown: number[];
  existing: number[];
}

async function insertBatch(
  db: Database,
  feed: string,
  { calls, digests }: Batch,
  now: Date,
): Promise<InsertResult> {
  const values = [
    calls.map((_, n) => n),
    calls.map((call) => call.id),
    calls.map((call) => call.account),
    calls.map((call) => call.startedAt),
    calls.map((call) => call.talkMicroseconds),
    calls.map((call) => call.caller),
    calls.map((call) => call.called),
    calls.map((call) => call.sourceIp),
    calls.map((call) => encodeName(call.callerName)),
    digests,
    calls.map((call) => call.switchDebit?.rate),
    calls.map((call) => call.switchDebit?.amount),
    calls.map((call) => call.callId),
    feed,
    now,
  ];
  const insert = async () => (await db.deliver<InsertResult>(STORE, values))[0] as InsertResult;
  try {
    return await insert();
  } catch (error) {
    // Sent again, the call is known to be too old.
    if (isRetiredMonth(error)) throw new StoreUnavailable(error);
    if (!isMissingPartition(error)) throw error;
    await ensurePartitions(
      db,
      calls.map((call) => call.startedAt),
    );
    return insert();
  }
}

async function findConflicts(db: Queryable, batch: Batch, existing: number[]): Promise<number[]> {
  const pick = <T>(of: (call: ReportedCall) => T) =>
    existing.map((n) => of(batch.calls[n] as ReportedCall));
  const rows = await db.query<{ n: number }>(FIND_CONFLICTS, [
    existing,
    pick((call) => call.id),
    pick((call) => call.startedAt),
    existing.map((n) => batch.digests[n]),
  ]);
  return rows.map((row) => row.n);
}

/** Tells calls apart by what happened, not by the bytes that told it nor by the price. */
function contentDigest(call: ReportedCall): Buffer {
  const content = JSON.stringify([
    call.account,
    call.talkMicroseconds,
    call.caller,
    call.called,
    call.sourceIp,
    call.callerName,
  ]);
  return createHash('sha256').update(content).digest().subarray(0, 16);
}

/** Percent-encoded once, without the quotes that SIP puts around a display name. */
function encodeName(name: string | undefined): string | null {
  const bare = name?.replace(/^\s*"(.*)"\s*$/s, '$1').trim();
  return bare ? encodeURIComponent(bare.toWellFormed()) : null;
}
