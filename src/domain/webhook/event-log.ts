import type { Database, Queryable } from '../../db/database.ts';
import type { EventType } from '../event.ts';
import { Refusal } from '../refusal.ts';

/** An event as other systems get it: as an item of the log, and as the body of a webhook. */
export interface EventRecord {
  id: string;
  type: EventType;
  timestamp: Date;
  /** its place in the log */
  sequence: number;
  apiVersion: 'v1';
  /** null: it concerns the installation */
  account: string | null;
  externalId: string | null;
  data: Record<string, unknown>;
}

/** SQL of the members of an event `e`, in the order in which they are sent. */
export const EVENT_COLUMNS = `e.public_id AS id, e.type, e.at AS timestamp, e.sequence,
  'v1' AS "apiVersion", e.account::text, e.external_id AS "externalId", e.data`;

/** SQL: whether the endpoint `w` gets the event `e` of the account `a`. */
export const IS_WANTED = `(e.type = ANY (w.types) OR '*' = ANY (w.types)
    OR split_part(e.type, '.', 1) || '.*' = ANY (w.types))
  AND (w.accounts = '{}' OR e.account = ANY (w.accounts) OR a.master_account = ANY (w.accounts))`;

const NUMBERED_AT_ONCE = 1_000;
const DROPPED_AT_ONCE = 10_000;

/**
 * Gives committed events their numbers, without a gap, and makes the deliveries to the endpoints.
 * The row of the counter is locked until the commit, so one process does it at a time and numbers
 * become visible in ascending order.
 * @returns how many events got a number; there may be more
 */
export function numberEvents(db: Database, now: Date): Promise<number> {
  return db.transaction(async (tx) => {
    // A statement of its own: the next one must see all that was committed before the lock.
    await tx.query('SELECT last FROM event_log FOR UPDATE');
    const [row] = await tx.query<{ count: number }>(
      `WITH next AS (
         SELECT id, (SELECT last FROM event_log) + row_number() OVER (ORDER BY id) AS sequence
         FROM (SELECT id FROM event WHERE sequence IS NULL ORDER BY id LIMIT $1) AS waiting
       ), numbered AS (
         UPDATE event e SET sequence = next.sequence,
           external_id = (SELECT external_id FROM account WHERE username = e.account)
         FROM next WHERE e.id = next.id
         RETURNING e.sequence, e.type, e.account
       ), counted AS (
         UPDATE event_log SET last = last + (SELECT count(*) FROM numbered)
       ), delivered AS (
         INSERT INTO webhook_delivery (endpoint, sequence, next_try_at)
         SELECT w.id, e.sequence, $2
         FROM numbered e LEFT JOIN account a ON a.username = e.account
           JOIN webhook_endpoint w ON w.enabled AND ${IS_WANTED}
       )
       SELECT count(*)::int AS count FROM numbered`,
      [NUMBERED_AT_ONCE, now],
    );
    return row?.count ?? 0;
  });
}

/** Whether events wait for their numbers. */
export async function hasNewEvents(db: Queryable): Promise<boolean> {
  const rows = await db.query('SELECT FROM event WHERE sequence IS NULL ORDER BY id LIMIT 1');
  return rows.length > 0;
}

export interface EventPage {
  events: EventRecord[];
  /** the number to continue after: the last one that this page has dealt with */
  next: number;
}

/**
 * Events in the order of their numbers. A page with fewer than `limit` events has dealt with all
 * events so far, also with those that the filter leaves out.
 * @param page.after the last number already seen; undefined: from the oldest event that is kept
 * @throws Refusal 'gone' with the oldest number, if events after `after` are no longer kept;
 *   'field invalid' for a number that was not given yet
 */
export async function readEvents(
  db: Queryable,
  filter: { types?: string[] | undefined; account?: number | undefined },
  page: { after?: number | undefined; limit: number },
): Promise<EventPage> {
  const [read] = await db.query<{ last: number; oldest: number | null; events: EventRecord[] }>(
    `SELECT l.last, (SELECT min(sequence) FROM event) AS oldest, (
       SELECT coalesce(json_agg(f ORDER BY f.sequence), '[]') FROM (
         SELECT ${EVENT_COLUMNS} FROM event e
         WHERE e.sequence > coalesce($1::bigint, 0) AND ($2::text[] IS NULL OR e.type = ANY ($2))
           AND ($3::bigint IS NULL OR e.account = $3)
         ORDER BY e.sequence LIMIT $4) AS f) AS events
     FROM event_log l`,
    [page.after ?? null, filter.types ?? null, filter.account ?? null, page.limit],
  );
  const { last, events } = read as { last: number; events: EventRecord[] };
  const oldest = read?.oldest ?? last + 1;
  const { after = oldest - 1 } = page;
  if (after > last) {
    throw new Refusal('field invalid', `no event has the number ${after} yet`, {
      field: 'after',
      requirement: `Must be at most ${last}, the newest number`,
    });
  }
  if (after < oldest - 1) {
    throw new Refusal('not found', `events before ${oldest} are no longer kept`, {
      reason: 'events gone',
      about: { oldest: String(oldest) },
    });
  }
  const isFull = events.length === page.limit;
  return {
    events: events.map(shownEvent),
    next: isFull ? (events.at(-1)?.sequence ?? last) : last,
  };
}

/** An event with its time in the form in which it is sent. */
export function shownEvent({ timestamp, ...event }: EventRecord): EventRecord {
  const { id, type, ...rest } = event;
  return { id, type, timestamp: new Date(timestamp), ...rest };
}

/** Members that only those see who may read accounts. */
const PERSONAL: Partial<Record<EventType, string[]>> = {
  'account.created': ['name', 'email'],
  'account.updated': ['name', 'email'],
  'mail.failed': ['to'],
};

/** The event without names and addresses of customers, for those who may not read them. */
export function withoutPersonal(event: EventRecord): EventRecord {
  const names = PERSONAL[event.type];
  if (!names) return event;
  const without = (members: object) =>
    Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
  const data = without(event.data);
  if (event.type === 'account.updated') data.changes = without(event.data.changes as object);
  return { ...event, data };
}

/**
 * Deletes events older than a number of days, with their deliveries, from the oldest number up.
 * An event with a delivery that waits stays, and so do all later ones.
 */
export async function dropOldEvents(db: Queryable, now: Date, days: number): Promise<void> {
  const before = new Date(now.getTime() - days * 86_400_000);
  for (let dropped = DROPPED_AT_ONCE; dropped === DROPPED_AT_ONCE; ) {
    const [row] = await db.query<{ count: number }>(
      `WITH first AS (
         SELECT sequence, at FROM event WHERE sequence IS NOT NULL ORDER BY sequence LIMIT $2
       ), stop AS (
         SELECT least((SELECT min(sequence) FROM first WHERE at >= $1),
           (SELECT min(sequence) FROM webhook_delivery WHERE state = 'pending')) AS sequence
       ), gone AS (
         DELETE FROM event e USING first f, stop s
         WHERE e.sequence = f.sequence AND (s.sequence IS NULL OR f.sequence < s.sequence)
         RETURNING e.sequence
       ), deliveries AS (
         DELETE FROM webhook_delivery d USING gone g, webhook_endpoint w
         WHERE d.endpoint = w.id AND d.sequence = g.sequence
       )
       SELECT count(*)::int AS count FROM gone`,
      [before, DROPPED_AT_ONCE],
    );
    dropped = row?.count ?? 0;
  }
}

/** Seconds that the oldest event without a number waits; 0 if none waits. */
export async function eventLag(db: Queryable, now: Date): Promise<number> {
  const [row] = await db.query<{ at: Date }>(
    'SELECT at FROM event WHERE sequence IS NULL ORDER BY id LIMIT 1',
  );
  return row ? Math.max(0, (now.getTime() - row.at.getTime()) / 1_000) : 0;
}

/**
 * Makes this process the one that sends, or keeps it so for 15 seconds more.
 * @param sender a name that no other process has
 * @returns false while another process is the one
 */
export async function becomeSender(db: Queryable, sender: string): Promise<boolean> {
  const rows = await db.query(
    `UPDATE event_log SET sender = $1, sender_until = now() + interval '15 seconds'
     WHERE sender = $1 OR sender_until IS NULL OR sender_until < now() RETURNING last`,
    [sender],
  );
  return rows.length > 0;
}

/** Lets another process send at once. */
export async function retireSender(db: Queryable, sender: string): Promise<void> {
  await db.query('UPDATE event_log SET sender_until = NULL WHERE sender = $1', [sender]);
}
