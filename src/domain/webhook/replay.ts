import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import { IS_WANTED } from './event-log.ts';

const REPLAYED_AT_ONCE = 5_000;

/** A delivery, as lists show it. */
export interface WebhookDelivery {
  sequence: number;
  event: string;
  type: string;
  state: 'pending' | 'delivered' | 'failed';
  tries: number;
  /** null: there is no other try */
  nextTryAt: Date | null;
  triedAt: Date | null;
  status: number | null;
  error: string | null;
  tookMs: number | null;
  reply: string | null;
}

/**
 * Deliveries of an endpoint, newest first.
 * @param page.before the last number already seen
 */
export function listDeliveries(
  db: Queryable,
  id: number,
  filter: { states?: WebhookDelivery['state'][] | undefined },
  page: { before?: number | undefined; limit: number },
): Promise<WebhookDelivery[]> {
  return db.query<WebhookDelivery>(
    `SELECT d.sequence, e.public_id AS event, e.type, d.state, d.tries,
       CASE WHEN d.state = 'pending' THEN d.next_try_at END AS "nextTryAt",
       d.tried_at AS "triedAt", d.last_status AS status, d.last_error AS error,
       d.last_took_ms AS "tookMs", d.last_reply AS reply
     FROM webhook_delivery d JOIN event e USING (sequence)
     WHERE d.endpoint = $1 AND ($2::text[] IS NULL OR d.state = ANY ($2))
       AND ($3::bigint IS NULL OR d.sequence < $3)
     ORDER BY d.sequence DESC LIMIT $4`,
    [id, filter.states ?? null, page.before ?? null, page.limit],
  );
}

/**
 * Sends one event again, at once and with all tries.
 * @throws Refusal 'not found' if the endpoint has no such delivery, 'conflict' if it is disabled
 */
export async function retryDelivery(
  db: Database,
  actor: Actor,
  { id, sequence }: { id: number; sequence: number },
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    await requireEnabled(tx, id);
    const rows = await tx.query(
      `UPDATE webhook_delivery SET state = 'pending', tries = 0, next_try_at = $3
       WHERE endpoint = $1 AND sequence = $2 RETURNING sequence`,
      [id, sequence, now],
    );
    if (rows.length === 0) {
      throw new Refusal('not found', `webhook ${id} has no delivery of event ${sequence}`);
    }
    const detail = { id: String(id), sequence: String(sequence) };
    await audit(tx, actor, { action: 'webhook delivery retried', detail }, now);
  });
}

/** Which events to send again: those of a range, or those given up since a time. */
interface Replayed {
  endpoint: number;
  /** the last number before the range */
  after?: number | undefined;
  /** the last number of the range */
  until?: number | undefined;
  types?: string[] | undefined;
  failedSince?: Date | undefined;
}

/** @throws Refusal 'not found', 'conflict' if the endpoint is disabled */
export async function requireEnabled(db: Queryable, id: number): Promise<void> {
  const [endpoint] = await db.query<{ enabled: boolean }>(
    'SELECT enabled FROM webhook_endpoint WHERE id = $1',
    [id],
  );
  if (!endpoint) throw new Refusal('not found', `there is no webhook endpoint ${id}`);
  if (!endpoint.enabled)
    throw new Refusal('conflict', `webhook ${id} is disabled; enable it first`);
}

/**
 * Sends events again that the endpoint subscribes to, also delivered ones. It may be interrupted
 * and run again.
 * @returns how many
 * @throws Refusal 'not found', 'conflict' if the endpoint is disabled
 */
export async function replayEvents(
  db: Database,
  actor: Actor,
  { endpoint: id, after = 0, until, types, failedSince }: Replayed,
  { now, onProgress }: { now: Date; onProgress?: (done: number) => void },
): Promise<number> {
  await requireEnabled(db, id);
  let [done, from] = [0, after];
  for (;;) {
    const [part] = await db.query<{ count: number; last: number | null }>(
      `WITH part AS (
         SELECT e.sequence FROM event e JOIN webhook_endpoint w ON w.id = $1
           LEFT JOIN account a ON a.username = e.account
         WHERE e.sequence > $2 AND ($3::bigint IS NULL OR e.sequence <= $3)
           AND ($4::text[] IS NULL OR e.type = ANY ($4)) AND ${IS_WANTED}
           AND ($5::timestamptz IS NULL OR EXISTS (SELECT FROM webhook_delivery d
             WHERE d.endpoint = $1 AND d.sequence = e.sequence AND d.state = 'failed'
               AND coalesce(d.tried_at, e.at) >= $5))
         ORDER BY e.sequence LIMIT $6
       ), again AS (
         INSERT INTO webhook_delivery (endpoint, sequence, next_try_at)
         SELECT $1, sequence, $7 FROM part
         ON CONFLICT (endpoint, sequence)
           DO UPDATE SET state = 'pending', tries = 0, next_try_at = excluded.next_try_at
       )
       SELECT count(*)::int AS count, max(sequence) AS last FROM part`,
      [id, from, until ?? null, types ?? null, failedSince ?? null, REPLAYED_AT_ONCE, now],
    );
    done += part?.count ?? 0;
    onProgress?.(done);
    if (!part?.last || part.count < REPLAYED_AT_ONCE) break;
    from = part.last;
  }
  const detail = { id: String(id), after, until, types, failedSince, events: done };
  await audit(db, actor, { action: 'webhook events replayed', detail }, now);
  return done;
}
