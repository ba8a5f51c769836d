import { createHash, hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { Refusal } from '../refusal.ts';

// To hash and to send more at once would block the event loop for too long.
const AT_ONCE = 500;

const BYTES_AT_ONCE = 1024 * 1024;

const BLANK = new Set(Buffer.from(' \t\r\n'));

export type RejectedReason =
  | 'malformed'
  | 'unknown account'
  | 'conflict'
  | 'too old'
  | 'in the future';

/** A record that cannot be billed. */
export interface RejectedRecord {
  reason: RejectedReason;
  /** what is wrong, for the operator */
  detail: string;
  /** the received bytes */
  raw: Buffer;
  /** the decoded record, if the same record can have several encodings */
  decoded?: Buffer | undefined;
}

/**
 * Keeps rejected records. The same record from the same feed is kept once, whether it came alone,
 * in a file or encoded.
 */
export async function keepRejected(
  db: Queryable,
  feed: { name: string; format: string },
  records: RejectedRecord[],
  now: Date,
): Promise<void> {
  let some: RejectedRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (some.length === AT_ONCE || (some.length > 0 && bytes + record.raw.length > BYTES_AT_ONCE)) {
      await keepSome(db, feed, some, now);
      some = [];
      bytes = 0;
    }
    some.push(record);
    bytes += record.raw.length;
  }
  if (some.length > 0) await keepSome(db, feed, some, now);
}

async function keepSome(
  db: Queryable,
  feed: { name: string; format: string },
  records: RejectedRecord[],
  now: Date,
): Promise<void> {
  await db.query(
    `INSERT INTO rejected_record (feed, format, reason, detail, raw, digest, received_at)
     SELECT $1, $2, reason, detail, raw, digest, $7
     FROM unnest($3::text[], $4::text[], $5::bytea[], $6::bytea[])
       AS r (reason, detail, raw, digest)
     ON CONFLICT ON CONSTRAINT rejected_record_once DO NOTHING`,
    [
      feed.name,
      feed.format,
      records.map((record) => record.reason),
      records.map((record) => record.detail),
      records.map((record) => record.raw),
      records.map(({ raw, decoded = raw }) => digestOf(decoded)),
      now,
    ],
  );
}

/**
 * Keeps a whole body as received. It has its own statement: the driver sends one buffer as it is,
 * but an array of buffers as text that takes several times the memory.
 */
export async function keepRejectedBody(
  db: Queryable,
  feed: { name: string; format: string },
  { reason, detail, raw }: RejectedRecord,
  now: Date,
): Promise<void> {
  await db.query(
    `INSERT INTO rejected_record (feed, format, reason, detail, raw, digest, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT ON CONSTRAINT rejected_record_once DO NOTHING`,
    [feed.name, feed.format, reason, detail, raw, await digestInSteps(raw), now],
  );
}

function digestOf(bytes: Buffer): Buffer {
  return hash('sha256', withoutBlanks(bytes), 'buffer');
}

/** The same for many bytes, with turns for other work. */
async function digestInSteps(bytes: Buffer): Promise<Buffer> {
  const content = withoutBlanks(bytes);
  const digest = createHash('sha256');
  for (let at = 0; at < content.length; at += BYTES_AT_ONCE) {
    digest.update(content.subarray(at, at + BYTES_AT_ONCE));
    await setImmediate();
  }
  return digest.digest();
}

function withoutBlanks(bytes: Buffer): Buffer {
  let [start, end] = [0, bytes.length];
  while (start < end && BLANK.has(bytes[start] as number)) start++;
  while (end > start && BLANK.has(bytes[end - 1] as number)) end--;
  return bytes.subarray(start, end);
}

/**
 * Checks that these rejected records are open.
 * @returns the ids, ascending
 * @throws Refusal 'not found' for an id that is no open rejected record
 */
export async function requireOpen(db: Queryable, ids: number[]): Promise<number[]> {
  return requireAll(ids, await openAmong(db, ids));
}

/** The ids among these that are open rejected records, ascending. */
export async function openAmong(db: Queryable, ids: number[]): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    'SELECT id FROM rejected_record WHERE resolved_at IS NULL AND id = ANY($1) ORDER BY id',
    [ids],
  );
  return rows.map(({ id }) => id);
}

function requireAll(ids: number[], open: number[]): number[] {
  const missing = ids.filter((id) => !open.includes(id));
  if (missing.length > 0) {
    throw new Refusal('not found', `there is no open rejected record ${missing.join(', ')}`);
  }
  return open;
}

/** Marks rejected records as billed, even if they were dismissed meanwhile. */
export async function resolveRejected(db: Queryable, ids: number[], now: Date): Promise<void> {
  await db.query(
    'UPDATE rejected_record SET resolved_at = $2, dismissed_reason = NULL WHERE id = ANY($1)',
    [ids, now],
  );
}

/**
 * Closes rejected records without billing them. Their bytes stay; the same record from the same
 * feed is not opened again.
 * @returns their ids, ascending
 * @throws Refusal 'not found' for an id that is no open rejected record; nothing is dismissed then
 */
export function dismissRejected(
  db: Database,
  actor: Actor,
  { ids, reason }: { ids: number[]; reason: string },
  now: Date,
): Promise<number[]> {
  return db.transaction(async (tx) => {
    const rows = await tx.query<{ id: number }>(
      `UPDATE rejected_record SET resolved_at = $2, dismissed_reason = $3
       WHERE resolved_at IS NULL AND id = ANY($1) RETURNING id`,
      [ids, now, reason],
    );
    const dismissed = rows.map(({ id }) => id).sort((one, other) => one - other);
    const records = requireAll(ids, dismissed);
    const detail = { records, reason };
    await audit(tx, actor, { action: 'rejected records dismissed', detail }, now);
    return records;
  });
}

/**
 * Records one event for each feed and reason of the records rejected since the last call, and one
 * for each feed of those that replays settled.
 */
export async function announceRecords(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `WITH rejected AS (
       UPDATE rejected_record SET announced = true WHERE NOT announced
       RETURNING id, feed, reason, detail
     )
     INSERT INTO event (type, at, data)
     SELECT 'record.rejected', $1, jsonb_build_object('feed', feed, 'reason', reason,
       'count', count(*), 'firstId', min(id)::text, 'lastId', max(id)::text,
       'detail', (array_agg(detail ORDER BY id))[1])
     FROM rejected GROUP BY feed, reason`,
    [now],
  );
  await db.query(
    `WITH settled AS (
       UPDATE rejected_record SET settled_announced = true
       WHERE resolved_at IS NOT NULL AND dismissed_reason IS NULL AND NOT settled_announced
       RETURNING feed
     )
     INSERT INTO event (type, at, data)
     SELECT 'record.resolved', $1, jsonb_build_object('feed', feed, 'count', count(*))
     FROM settled GROUP BY feed`,
    [now],
  );
}

/** Updates why a record is still rejected. */
export async function explainRejected(
  db: Queryable,
  id: number,
  reason: RejectedReason,
  detail: string,
): Promise<void> {
  await db.query('UPDATE rejected_record SET reason = $2, detail = $3 WHERE id = $1', [
    id,
    reason,
    detail,
  ]);
}
