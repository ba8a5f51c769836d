import type { Queryable } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';
import type { RejectedReason } from './rejected-record.ts';

export interface RejectedSummary {
  id: number;
  feed: string;
  format: string;
  reason: RejectedReason;
  detail: string;
  receivedAt: Date;
}

export interface OpenRejected extends RejectedSummary {
  /** the received bytes */
  raw: Buffer;
}

/**
 * Open rejected records (neither billed nor dismissed), oldest first, without their bytes.
 * @param page.after the last id already seen
 */
export function listRejected(
  db: Queryable,
  { after, limit }: { after: number; limit: number },
): Promise<RejectedSummary[]> {
  return db.query<RejectedSummary>(
    `SELECT id, feed, format, reason, detail, received_at AS "receivedAt" FROM rejected_record
     WHERE resolved_at IS NULL AND id > $1 ORDER BY id LIMIT $2`,
    [after, limit],
  );
}

/** A rejected record, open or not, for another system. */
export interface RejectedView extends RejectedSummary {
  resolvedAt: Date | null;
  dismissedReason: string | null;
}

/**
 * Rejected records by filter, oldest first, without their bytes.
 * @param page.after the last id already seen
 */
export function searchRejected(
  db: Queryable,
  filter: {
    state?: 'open' | 'resolved' | undefined;
    feeds?: string[] | undefined;
    reasons?: string[] | undefined;
  },
  { after, limit }: { after: number; limit: number },
): Promise<RejectedView[]> {
  return db.query<RejectedView>(
    `SELECT ${VIEW} FROM rejected_record
     WHERE id > $1 AND ($2::text IS NULL OR (resolved_at IS NULL) = ($2 = 'open'))
       AND ($3::text[] IS NULL OR feed = ANY ($3)) AND ($4::text[] IS NULL OR reason = ANY ($4))
     ORDER BY id LIMIT $5`,
    [after, filter.state ?? null, filter.feeds ?? null, filter.reasons ?? null, limit],
  );
}

const VIEW = `id, feed, format, reason, detail, received_at AS "receivedAt",
  resolved_at AS "resolvedAt", dismissed_reason AS "dismissedReason"`;

/** A rejected record, open or not, with its bytes. @throws Refusal 'not found' */
export async function viewRejected(
  db: Queryable,
  id: number,
): Promise<RejectedView & { raw: Buffer }> {
  const [record] = await db.query<RejectedView & { raw: Buffer }>(
    `SELECT ${VIEW}, raw FROM rejected_record WHERE id = $1`,
    [id],
  );
  if (!record) throw new Refusal('not found', `there is no rejected record ${id}`);
  return record;
}

/** An open rejected record with its bytes. @returns undefined if it is not open */
export async function findRejected(db: Queryable, id: number): Promise<OpenRejected | undefined> {
  const [record] = await db.query<OpenRejected>(
    `SELECT id, feed, format, reason, detail, raw, received_at AS "receivedAt" FROM rejected_record
     WHERE resolved_at IS NULL AND id = $1`,
    [id],
  );
  return record;
}

/** The id of the newest open rejected record; 0 if none is open. */
export async function newestRejectedId(db: Queryable): Promise<number> {
  const [row] = await db.query<{ id: number | null }>(
    'SELECT max(id) AS id FROM rejected_record WHERE resolved_at IS NULL',
  );
  return row?.id ?? 0;
}

/** How many records are neither billed nor dismissed. */
export async function countRejected(db: Queryable): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'SELECT count(*) AS count FROM rejected_record WHERE resolved_at IS NULL',
  );
  return row?.count ?? 0;
}

/** How many rejected records are open, and since when the oldest of them. */
export async function openRejected(db: Queryable): Promise<{ count: number; oldest: Date | null }> {
  const [row] = await db.query<{ count: number; oldest: Date | null }>(
    `SELECT count(*) AS count, min(received_at) AS oldest FROM rejected_record
     WHERE resolved_at IS NULL`,
  );
  return row ?? { count: 0, oldest: null };
}
