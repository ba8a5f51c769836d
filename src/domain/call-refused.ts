import { createHash } from 'node:crypto';
import type { Queryable } from '../db/database.ts';

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
}

export interface OpenRefusal {
  id: number;
  feed: string;
  format: string;
  reason: RefusedReason;
  detail: string;
  raw: Buffer;
  receivedAt: Date;
}

/** Sets records aside; the same bytes from the same feed are kept once. */
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
      records.map((record) => createHash('sha256').update(record.raw).digest()),
      now,
    ],
  );
}

/** Records set aside and not billed since, oldest first. @param after the last id already seen */
export function listRefused(db: Queryable, after = 0, limit = 100): Promise<OpenRefusal[]> {
  return db.query<OpenRefusal>(
    `SELECT id, feed, format, reason, detail, raw, received_at AS "receivedAt" FROM call_refused
     WHERE resolved_at IS NULL AND id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
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
