import { createHash } from 'node:crypto';
import type { Database, Queryable } from '../db/database.ts';
import { isMissingPartition } from '../db/errors.ts';
import { ensurePartitions } from './call-partition.ts';
import type { Decimal } from './money.ts';

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
// Seconds are billed as in switches everywhere: a minimum, then whole increments. The price is
// rounded once, half up: numeric round() rounds ties away from zero, and no price is negative.
const STORE = `
WITH input AS (
  SELECT * FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::bigint[],
      $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::numeric[], $12::numeric[])
    AS i (n, id, account, started_at, talk_microseconds,
      caller, called, source_ip, caller_name, content_digest, switch_rate, switch_amount)
), priced AS (
  SELECT i.*, a.username, a.master_account, coalesce(i.switch_rate, a.rate) AS call_rate,
    CASE WHEN i.talk_microseconds = 0 THEN 0 ELSE greatest(a.minimum_seconds,
      ceil(i.talk_microseconds / (a.increment_seconds * 1000000::numeric)) * a.increment_seconds)
    END::int AS billed_seconds
  FROM input i
  LEFT JOIN number d ON i.account IS NULL AND d.number = i.called AND d.removed_at IS NULL
  JOIN account a ON a.username = coalesce(i.account, d.account)
), inserted AS (
  INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
    caller_name, talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest,
    received_at)
  SELECT master_account, username, started_at, id, caller, called, source_ip, caller_name,
    talk_microseconds, billed_seconds, call_rate,
    CASE WHEN switch_rate IS NULL THEN round(call_rate * billed_seconds / 60, 6)
      ELSE switch_amount END,
    switch_rate IS NULL, $13, content_digest, $14
  FROM priced ORDER BY master_account, username, started_at, id
  ON CONFLICT DO NOTHING
  RETURNING billing_account, account, started_at, id, amount, debited
), debit AS (
  UPDATE balance b SET
    cash = b.cash - s.amount,
    suspended = b.suspended OR (b.billing = 'prepaid' AND b.cash - s.amount <= 0),
    warning_due = b.warning_due OR
      (m.notify AND b.cash >= m.notify_threshold AND b.cash - s.amount < m.notify_threshold)
  FROM (SELECT billing_account, sum(amount) AS amount FROM inserted
        WHERE debited AND amount > 0 GROUP BY billing_account) s
    JOIN account m ON m.username = s.billing_account
  WHERE b.account = s.billing_account
  RETURNING b.warning_due
)
SELECT
  (SELECT count(*)::int FROM inserted) AS stored,
  (SELECT coalesce(bool_or(warning_due), false) FROM debit) AS "warningsDue",
  (SELECT coalesce(array_agg(n), '{}') FROM input i
    WHERE NOT EXISTS (SELECT FROM priced p WHERE p.n = i.n)) AS unknown,
  (SELECT coalesce(array_agg(n), '{}') FROM priced p
    WHERE NOT EXISTS (SELECT FROM inserted c WHERE c.billing_account = p.master_account
      AND c.account = p.username AND c.started_at = p.started_at AND c.id = p.id)) AS existing`;

const FIND_CONFLICTS = `
SELECT i.n FROM unnest($1::int[], $2::uuid[], $3::bigint[], $4::timestamptz[], $5::text[],
    $6::bytea[]) AS i (n, id, account, started_at, called, content_digest)
  LEFT JOIN number d ON i.account IS NULL AND d.number = i.called AND d.removed_at IS NULL
  JOIN account a ON a.username = coalesce(i.account, d.account)
  JOIN call c ON c.billing_account = a.master_account AND c.account = a.username
    AND c.started_at = i.started_at AND c.id = i.id
WHERE c.content_digest <> i.content_digest`;

/**
 * Stores a batch of calls: rates each, inserts it once and debits the billing accounts. The same
 * calls again change nothing, in any order, split or at the same time.
 * @param feed the name under which the calls are kept
 */
export async function storeCalls(
  db: Database,
  feed: string,
  calls: ReportedCall[],
  now: Date,
): Promise<StoreResult> {
  const { batch, duplicates, conflicts } = dropRepeated(calls);
  if (batch.calls.length === 0) {
    return { stored: 0, duplicates, unknownAccounts: [], conflicts, warningsDue: false };
  }
  const result = await insertBatch(db, feed, batch, now);
  const differing =
    result.existing.length > 0 ? await findConflicts(db, batch, result.existing) : [];
  const position = (n: number) => batch.positions[n] ?? 0;
  return {
    stored: result.stored,
    duplicates: duplicates + result.existing.length - differing.length,
    unknownAccounts: result.unknown.map(position),
    conflicts: [...conflicts, ...differing.map(position)],
    warningsDue: result.warningsDue,
  };
}

/** Within one statement a row cannot meet its own repetition, so a batch is rid of them before. */
function dropRepeated(calls: ReportedCall[]) {
  const seen = new Map<string, Buffer>();
  const batch: Batch = { calls: [], digests: [], positions: [] };
  const conflicts: number[] = [];
  let duplicates = 0;
  calls.forEach((call, position) => {
    const identity = `${call.id} ${call.startedAt.getTime()}`;
    const digest = contentDigest(call);
    const first = seen.get(identity);
    if (first) {
      if (first.equals(digest)) duplicates++;
      else conflicts.push(position);
      return;
    }
    seen.set(identity, digest);
    batch.calls.push(call);
    batch.digests.push(digest);
    batch.positions.push(position);
  });
  return { batch, duplicates, conflicts };
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
    feed,
    now,
  ];
  const insert = async () => (await db.retrying<InsertResult>(STORE, values))[0] as InsertResult;
  try {
    return await insert();
  } catch (error) {
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
    pick((call) => call.account),
    pick((call) => call.startedAt),
    pick((call) => call.called),
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
    call.switchDebit,
  ]);
  return createHash('sha256').update(content).digest().subarray(0, 16);
}

/** Percent-encoded once, without the quotes that SIP puts around a display name. */
function encodeName(name: string | undefined): string | null {
  const bare = name?.replace(/^\s*"(.*)"\s*$/s, '$1').trim();
  return bare ? encodeURIComponent(bare.toWellFormed()) : null;
}
