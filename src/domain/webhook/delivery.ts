import { channel } from 'node:diagnostics_channel';
import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';
import { giveUp } from './endpoint.ts';
import { EVENT_COLUMNS, type EventRecord, shownEvent } from './event-log.ts';

/** Seconds between one try and the next; each pause is up to 10 % shorter or longer. */
export const PAUSES = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
const MOST_TRIES = PAUSES.length + 1;
/** deliveries to an endpoint that are sent at once */
export const AT_ONCE = 4;
/** how many are read together while the endpoint does well */
const READ_TOGETHER = 40;
/** from this many failures in a row on, one delivery at a time tries whether the endpoint is back */
const CIRCUIT_FAILURES = 5;
const FIRST_STEP_SECONDS = 30;
const LONGEST_STEP_SECONDS = 3_600;
const DISABLED_AFTER_SECONDS = 5 * 86_400;
const DISABLED_FAILURES = 20;
const WARNED_AFTER_SECONDS = 86_400;
const SERVICE: Actor = { who: 'webhooks', from: 'server' };

/** Gets a `Sent` after each try to send an event, for metrics. */
export const SENT = channel('account-api.webhook-sent');

export interface Sent {
  outcome: 'delivered' | 'failed';
  seconds: number;
}

/** What came of sending an event once. */
export interface Outcome {
  /** HTTP status; null: there was no answer */
  status: number | null;
  /** null: it was delivered */
  error: string | null;
  tookMs: number;
  /** the beginning of the reply, if the endpoint has a public address */
  reply: string | null;
  /** how long the endpoint asks to be left alone */
  retryAfterSeconds?: number | undefined;
}

/** Deliveries to send now, to one endpoint. */
export interface DueDeliveries {
  url: string;
  /** a backlog is being sent after failures; the endpoint must not be flooded */
  isRecovering: boolean;
  deliveries: { sequence: number; tries: number; event: EventRecord }[];
}

/** The endpoints that have something to send now. */
export async function endpointsWithDue(db: Queryable, now: Date): Promise<number[]> {
  const rows = await db.query<{ id: number }>(
    `SELECT id FROM webhook_endpoint w
     WHERE enabled AND (blocked_until IS NULL OR blocked_until <= $1)
       -- One look into the index for each endpoint; EXISTS may read all that wait.
       AND (SELECT d.next_try_at FROM webhook_delivery d
         WHERE d.endpoint = w.id AND d.state = 'pending'
         ORDER BY d.next_try_at LIMIT 1) <= $1`,
    [now],
  );
  return rows.map(({ id }) => id);
}

/**
 * The deliveries to send now: some, four while a backlog is sent after failures, or one while the
 * endpoint fails. If none is left, a recovery is over.
 * @returns undefined if there is nothing to send now
 */
export async function dueDeliveries(
  db: Queryable,
  id: number,
  now: Date,
): Promise<DueDeliveries | undefined> {
  const [endpoint] = await db.query<Omit<DueDeliveries, 'deliveries'> & { failures: number }>(
    `SELECT url, failures, recovering AS "isRecovering" FROM webhook_endpoint
     WHERE id = $1 AND enabled AND (blocked_until IS NULL OR blocked_until <= $2)`,
    [id, now],
  );
  if (!endpoint) return undefined;
  const { failures, ...rest } = endpoint;
  const rows = await db.query<EventRecord & { tries: number }>(
    `SELECT d.tries, ${EVENT_COLUMNS} FROM webhook_delivery d JOIN event e USING (sequence)
     WHERE d.endpoint = $1 AND d.state = 'pending' AND d.next_try_at <= $2
     ORDER BY d.next_try_at, d.sequence LIMIT $3`,
    [id, now, mostOf(failures, rest.isRecovering)],
  );
  if (rows.length > 0) {
    const deliveries = rows.map(({ tries, ...event }) => ({
      ...{ sequence: event.sequence, tries, event: shownEvent(event) },
    }));
    return { ...rest, deliveries };
  }
  await db.query('UPDATE webhook_endpoint SET recovering = false WHERE id = $1 AND recovering', [
    id,
  ]);
  return undefined;
}

function mostOf(failures: number, isRecovering: boolean): number {
  if (failures > 0) return Math.max(1, Math.min(AT_ONCE, CIRCUIT_FAILURES - failures));
  return isRecovering ? AT_ONCE : READ_TOGETHER;
}

/** An event that was delivered. */
export interface Delivered {
  sequence: number;
  outcome: Outcome;
}

/** Notes that events were delivered. A backlog of earlier failures is sent from now on. */
export async function noteDelivered(
  db: Queryable,
  endpoint: number,
  delivered: Delivered[],
  now: Date,
): Promise<void> {
  const outcomes = delivered.map(({ outcome }) => outcome);
  for (const { tookMs } of outcomes) {
    SENT.publish({ outcome: 'delivered', seconds: tookMs / 1_000 } satisfies Sent);
  }
  await db.query(
    `WITH delivery AS (
       UPDATE webhook_delivery d SET state = 'delivered', tries = tries + 1, tried_at = $2,
         last_status = o.status, last_error = NULL, last_took_ms = o.took_ms, last_reply = o.reply
       FROM unnest($4::bigint[], $5::integer[], $6::integer[], $7::text[])
         AS o (sequence, status, took_ms, reply)
       WHERE d.endpoint = $1 AND d.sequence = o.sequence
     )
     UPDATE webhook_endpoint SET last_success_at = $2, recovering = recovering OR failures >= $3,
       failures = 0, failing_since = NULL, blocked_until = NULL, warned_at = NULL
     WHERE id = $1 AND (failures > 0 OR last_success_at IS NULL
       OR last_success_at < $2::timestamptz - interval '10 seconds')`,
    [
      endpoint,
      now,
      CIRCUIT_FAILURES,
      delivered.map(({ sequence }) => sequence),
      outcomes.map(({ status }) => status),
      outcomes.map(({ tookMs }) => tookMs),
      outcomes.map(({ reply }) => reply),
    ],
  );
}

/** Called in the transaction that notes a failure: informs administrators. */
export type Inform = (
  tx: Queryable,
  failing: { url: string; since: Date; isDisabled: boolean; error: string },
) => Promise<void>;

/**
 * Notes that an event was not delivered, and when it is tried again. After five days without a
 * success, or at once after status 410, the endpoint is disabled.
 * @param tools.inform is called after a day of failures, and if the endpoint is disabled
 */
export async function noteFailed(
  db: Database,
  { endpoint: id, sequence, tries }: { endpoint: number; sequence: number; tries: number },
  outcome: Outcome,
  { inform, now }: { inform: Inform; now: Date },
): Promise<void> {
  const { status, error, tookMs, reply, retryAfterSeconds = 0 } = outcome;
  SENT.publish({ outcome: 'failed', seconds: tookMs / 1_000 } satisfies Sent);
  const pause = (PAUSES[tries] ?? 0) * (0.9 + Math.random() * 0.2);
  const later = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
  await db.transaction(async (tx) => {
    const [endpoint] = await tx.query<{
      url: string;
      failures: number;
      since: Date;
      wasWarned: boolean;
    }>(
      `UPDATE webhook_endpoint SET failures = failures + 1,
         failing_since = coalesce(failing_since, $2),
         blocked_until = CASE WHEN failures + 1 >= $3 THEN $2::timestamptz + interval '1 second' *
           greatest($4, least($5, $6 * 2 ^ least(failures + 1 - $3, 20))) END
       WHERE id = $1 AND enabled
       RETURNING url, failures, failing_since AS since, warned_at IS NOT NULL AS "wasWarned"`,
      [id, now, CIRCUIT_FAILURES, retryAfterSeconds, LONGEST_STEP_SECONDS, FIRST_STEP_SECONDS],
    );
    await tx.query(
      `UPDATE webhook_delivery SET state = $3, tries = tries + 1, next_try_at = $4, tried_at = $5,
         last_status = $6, last_error = $7, last_took_ms = $8, last_reply = $9
       WHERE endpoint = $1 AND sequence = $2`,
      [
        id,
        sequence,
        tries + 1 >= MOST_TRIES ? 'failed' : 'pending',
        later(Math.max(pause, retryAfterSeconds)),
        now,
        status,
        error,
        tookMs,
        reply,
      ],
    );
    if (!endpoint) return;
    const { url, failures, since, wasWarned } = endpoint;
    const failing = { url, since, error: error ?? '' };
    const seconds = (now.getTime() - since.getTime()) / 1_000;
    const isOver = seconds >= DISABLED_AFTER_SECONDS && failures > DISABLED_FAILURES;
    if (status === 410 || isOver) {
      const reason = status === 410 ? 'status 410' : `no success for 5 days: ${error}`;
      await disable(tx, id, reason, now);
      await inform(tx, { ...failing, isDisabled: true });
    } else if (seconds >= WARNED_AFTER_SECONDS && !wasWarned) {
      await tx.query('UPDATE webhook_endpoint SET warned_at = $2 WHERE id = $1', [id, now]);
      await inform(tx, { ...failing, isDisabled: false });
    }
  });
}

async function disable(tx: Queryable, id: number, reason: string, now: Date): Promise<void> {
  await tx.query(
    'UPDATE webhook_endpoint SET enabled = false, disabled_reason = $2 WHERE id = $1',
    [id, reason],
  );
  await giveUp(tx, id);
  const detail = { endpoint: String(id), reason };
  await audit(tx, SERVICE, { action: 'webhook disabled', detail }, now);
  await recordEvent(tx, { type: 'webhook.endpoint_disabled', data: detail }, now);
}

export interface WebhookCounts {
  /** deliveries that wait, and deliveries that were given up */
  waiting: number;
  failed: number;
  /** endpoints whose last try failed, and endpoints that the service has disabled */
  failing: number;
  disabled: number;
}

/** Figures for metrics and pages. */
export async function countWebhooks(db: Queryable): Promise<WebhookCounts> {
  const [counts] = await db.query<WebhookCounts>(
    `SELECT
       (SELECT count(*) FROM webhook_delivery WHERE state = 'pending')::int AS waiting,
       (SELECT count(*) FROM webhook_delivery WHERE state = 'failed')::int AS failed,
       count(*) FILTER (WHERE enabled AND failing_since IS NOT NULL)::int AS failing,
       count(*) FILTER (WHERE disabled_reason IS NOT NULL)::int AS disabled
     FROM webhook_endpoint`,
  );
  return counts ?? { waiting: 0, failed: 0, failing: 0, disabled: 0 };
}
