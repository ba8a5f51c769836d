import { hash } from 'node:crypto';
import type { Queryable } from '../../db/database.ts';

const BLANK = new Set(Buffer.from(' \t\r\n'));

export type RefusedReason =
  | 'malformed'
  | 'unknown account'
  | 'conflict'
  | 'too old'
  | 'in the future';

/** A record that was taken in but cannot be billed. */
export interface RefusedRecord {
  reason: RefusedReason;
  /** for the operator: what exactly is wrong */
  detail: string;
  /** the bytes that came */
  raw: Buffer;
  /** what they say, where the same record may also come in other bytes */
  decoded?: Buffer | undefined;
}

/**
 * Sets records aside. The same one from the same feed is kept once, however it was delivered: by
 * itself or as a line of a file, encoded or not.
 */
export async function setAside(
  db: Queryable,
  feed: { name: string; format: string },
  records: RefusedRecord[],
  now: Date,
): Promise<void> {
  if (records.length === 0) return;
  await db.query(
    `INSERT INTO call_refused (feed, format, reason, detail, raw, digest, received_at)
     SELECT $1, $2, reason, detail, raw, digest, $7
     FROM unnest($3::text[], $4::text[], $5::bytea[], $6::bytea[])
       AS r (reason, detail, raw, digest)
     ON CONFLICT ON CONSTRAINT call_refused_once DO NOTHING`,
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
 * Sets a whole body aside, as it came. By itself, since the driver sends its bytes as they are, and
 * those of an array as text that takes several times the memory.
 */
export async function setBodyAside(
  db: Queryable,
  feed: { name: string; format: string },
  { reason, detail, raw }: RefusedRecord,
  now: Date,
): Promise<void> {
  await db.query(
    `INSERT INTO call_refused (feed, format, reason, detail, raw, digest, received_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT ON CONSTRAINT call_refused_once DO NOTHING`,
    [feed.name, feed.format, reason, detail, raw, digestOf(raw), now],
  );
}

function digestOf(bytes: Buffer): Buffer {
  let [start, end] = [0, bytes.length];
  while (start < end && BLANK.has(bytes[start] as number)) start++;
  while (end > start && BLANK.has(bytes[end - 1] as number)) end--;
  return hash('sha256', bytes.subarray(start, end), 'buffer');
}

export interface RefusedSummary {
  id: number;
  feed: string;
  format: string;
  reason: RefusedReason;
  detail: string;
  receivedAt: Date;
}

export interface OpenRefusal extends RefusedSummary {
  /** the bytes that came */
  raw: Buffer;
}

/**
 * Records set aside and not billed since, oldest first, without their bytes.
 * @param page.after the last id already seen
 */
export function listRefused(
  db: Queryable,
  { after, limit }: { after: number; limit: number },
): Promise<RefusedSummary[]> {
  return db.query<RefusedSummary>(
    `SELECT id, feed, format, reason, detail, received_at AS "receivedAt" FROM call_refused
     WHERE resolved_at IS NULL AND id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
}

/** A record that is still set aside, with its bytes. @returns undefined where it no longer is */
export async function findRefused(db: Queryable, id: number): Promise<OpenRefusal | undefined> {
  const [record] = await db.query<OpenRefusal>(
    `SELECT id, feed, format, reason, detail, raw, received_at AS "receivedAt" FROM call_refused
     WHERE resolved_at IS NULL AND id = $1`,
    [id],
  );
  return record;
}

/** Which of these ids are records still set aside, ascending. */
export async function openRefusedIds(db: Queryable, ids: number[]): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    'SELECT id FROM call_refused WHERE resolved_at IS NULL AND id = ANY($1) ORDER BY id',
    [ids],
  );
  return rows.map((row) => row.id);
}

/** The newest of the records still set aside, 0 where there is none. */
export async function newestRefusedId(db: Queryable): Promise<number> {
  const [row] = await db.query<{ id: number | null }>(
    'SELECT max(id) AS id FROM call_refused WHERE resolved_at IS NULL',
  );
  return row?.id ?? 0;
}

export async function countRefused(db: Queryable): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'SELECT count(*) AS count FROM call_refused WHERE resolved_at IS NULL',
  );
  return row?.count ?? 0;
}

/** Notes that a record set aside has been billed after all. */
export async function resolveRefused(db: Queryable, ids: number[], now: Date): Promise<void> {
  await db.query('UPDATE call_refused SET resolved_at = $2 WHERE id = ANY($1)', [ids, now]);
}

/** Notes why a record is still set aside. */
export async function explainRefused(
  db: Queryable,
  id: number,
  reason: RefusedReason,
  detail: string,
): Promise<void> {
  await db.query('UPDATE call_refused SET reason = $2, detail = $3 WHERE id = $1', [
    id,
    reason,
    detail,
  ]);
}
