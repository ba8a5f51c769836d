import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { recordEvent } from '../event.ts';
import { DEFAULT_COUNTRY, keepPlan, type PlanRow, planOf } from '../numbering-plan.ts';
import type { NumberingPlan } from '../phone-number.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';

export const FEED_FORMATS = ['freeswitch', 'kamailio', 'opensips', 'asterisk', 'generic'] as const;
export type FeedFormat = (typeof FEED_FORMATS)[number];

/** Formats whose records contain what the switch debited. */
const TELLING_DEBITS: FeedFormat[] = ['freeswitch', 'generic'];

/** A switch that sends calls and registrations, with its own credentials. */
export interface Feed {
  name: string;
  format: FeedFormat;
  /** CIDRs that it may send from; none: any address */
  networks: string[];
  /** who debits the balances */
  debits: 'service' | 'switch';
  /** time zone of local times in records */
  timeZone: string;
  /** the country it dials from, ISO 3166-1; left out: the default country */
  country?: string;
  /** that country's numbering plan; left out: North America's */
  plan?: NumberingPlan;
}

/** A feed that has authenticated. */
export interface KnownFeed extends Feed {
  /** updated at most once a minute */
  lastSeenAt: Date | null;
}

/** A feed that delivers. */
export interface DeliveringFeed extends KnownFeed {
  /** the first moment whose calls are not retired; null: none are retired */
  callsKeptFrom: Date | null;
}

export interface ListedFeed extends KnownFeed {
  createdAt: Date;
}

let state = 0;

/** A number that changes with each change of a feed, or of what is taken in, by this process. */
export const stateOfFeeds = () => state;

/** Changes `stateOfFeeds` once the transaction is committed. */
export function changeStateOfFeeds(tx: Queryable): void {
  tx.afterCommit?.(() => {
    state++;
  });
}

/**
 * @returns the feed's secret, which is shown only this once
 * @throws Refusal 'conflict' if the name is taken, or if the switch debits and its format has
 *   no debits
 */
export async function addFeed(
  db: Database,
  actor: Actor,
  { keyring, now }: { keyring: Keyring; now: Date },
  feed: Feed,
): Promise<string> {
  if (feed.debits === 'switch' && !TELLING_DEBITS.includes(feed.format)) {
    throw new Refusal('conflict', `records of ${feed.format} do not tell what the switch debited`, {
      problem: { key: 'feedTellsNoDebits', format: feed.format },
    });
  }
  const secret = newFeedSecret();
  try {
    await db.transaction(async (tx) => {
      await keepPlan(tx, feed.country ?? DEFAULT_COUNTRY);
      await tx.query(
        `INSERT INTO feed (name, format, secret_digest, networks, debits, time_zone, country,
           created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [
          feed.name,
          feed.format,
          keyring.digest(secret),
          feed.networks,
          feed.debits,
          feed.timeZone,
          feed.country ?? DEFAULT_COUNTRY,
          now,
        ],
      );
      await audit(tx, actor, { action: 'feed added', detail: feed }, now);
      const data = { name: feed.name, format: feed.format };
      await recordEvent(tx, { type: 'feed.added', data }, now);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'feed_pkey') throw error;
    throw new Refusal('conflict', `the feed ${feed.name} exists already`, {
      problem: { key: 'feedExists', name: feed.name },
    });
  }
  return secret;
}

/** Columns of a feed, `f`; its numbering plan is NULL for North America. */
export const FEED_COLUMNS = `f.name, f.format, f.networks, f.debits, f.time_zone AS "timeZone", f.country,
  f.last_seen_at AS "lastSeenAt", CASE WHEN f.country <> '${DEFAULT_COUNTRY}' THEN (
    SELECT to_json(p) FROM numbering_plan p WHERE p.country = f.country) END AS plan`;

export interface FeedRow extends Omit<KnownFeed, 'plan'> {
  plan: PlanRow | null;
}

/** A feed with its numbering plan compiled. */
export const withPlan = <Row extends FeedRow>({ plan, ...feed }: Row) => ({
  ...feed,
  plan: planOf(plan),
});

/** All feeds, by name. */
export async function listFeeds(db: Queryable): Promise<ListedFeed[]> {
  const feeds = await db.query<FeedRow & { createdAt: Date }>(
    `SELECT ${FEED_COLUMNS}, f.created_at AS "createdAt" FROM feed f ORDER BY f.name`,
  );
  return feeds.map(withPlan);
}

/** @throws Refusal 'not found' */
export async function requireFeed(db: Queryable, name: string): Promise<Feed> {
  const [feed] = await db.query<FeedRow>(`SELECT ${FEED_COLUMNS} FROM feed f WHERE f.name = $1`, [
    name,
  ]);
  if (!feed) throw new Refusal('not found', `there is no feed ${name}`);
  return withPlan(feed);
}

export interface FeedChanges {
  country?: string | undefined;
  networks?: string[] | undefined;
  timeZone?: string | undefined;
}

interface FeedChange extends FeedChanges {
  name: string;
  /** gets the feed before the change, while its row is locked */
  check?: (before: ListedFeed) => void;
}

/**
 * Changes the given settings of a feed. They apply to later records; stored calls do not change.
 * @throws Refusal 'not found'; InvalidValue for a country without a numbering plan; errors of `check`
 */
export async function changeFeed(
  db: Database,
  actor: Actor,
  { name, country, networks, timeZone, check }: FeedChange,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    if (country !== undefined) await keepPlan(tx, country);
    const columns = 'country, networks, time_zone AS "timeZone"';
    const select = `SELECT ${columns} FROM feed WHERE name = $1 FOR UPDATE`;
    const [before] = await tx.query(select, [name]);
    if (!before) throw new Refusal('not found', `there is no feed ${name}`);
    check?.((await findFeed(tx, name)) as ListedFeed);
    const [after] = await tx.query(
      `UPDATE feed SET country = coalesce($2, country), networks = coalesce($3, networks),
         time_zone = coalesce($4, time_zone)
       WHERE name = $1 RETURNING ${columns}`,
      [name, country ?? null, networks ?? null, timeZone ?? null],
    );
    const detail = differences(before, after ?? {});
    if (Object.keys(detail).length === 0) return;
    changeStateOfFeeds(tx);
    await audit(tx, actor, { action: 'feed changed', detail: { name, ...detail } }, now);
  });
}

/**
 * Gives a feed a new secret. The previous one is accepted for some more hours.
 * @returns the new secret
 * @throws Refusal 'not found'
 */
export function renewFeedSecret(
  db: Database,
  actor: Actor,
  { keyring, now }: { keyring: Keyring; now: Date },
  { name, overlapHours }: { name: string; overlapHours: number },
): Promise<string> {
  const secret = newFeedSecret();
  return db.transaction(async (tx) => {
    const rows = await tx.query(
      `UPDATE feed SET secret_digest = $2,
         previous_digest = CASE WHEN $3 > 0 THEN secret_digest END,
         previous_expires_at = CASE WHEN $3 > 0 THEN $4::timestamptz + make_interval(hours => $3) END
       WHERE name = $1 RETURNING name`,
      [name, keyring.digest(secret), overlapHours, now],
    );
    if (rows.length === 0) throw new Refusal('not found', `there is no feed ${name}`);
    changeStateOfFeeds(tx);
    const detail = { name, overlapHours };
    await audit(tx, actor, { action: 'feed secret renewed', detail }, now);
    await recordEvent(tx, { type: 'feed.secret_rotated', data: detail }, now);
    return secret;
  });
}

const newFeedSecret = () => randomBytes(24).toString('base64url');

/** @returns undefined if there is no such feed */
export async function findFeed(db: Queryable, name: string): Promise<ListedFeed | undefined> {
  return (await listFeeds(db)).find((feed) => feed.name === name);
}

/** @throws Refusal 'not found' */
export async function removeFeed(
  db: Database,
  actor: Actor,
  name: string,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query('DELETE FROM feed WHERE name = $1 RETURNING name', [name]);
    if (rows.length === 0) throw new Refusal('not found', `there is no feed ${name}`);
    changeStateOfFeeds(tx);
    await audit(tx, actor, { action: 'feed removed', detail: { name } }, now);
    await recordEvent(tx, { type: 'feed.removed', data: { name } }, now);
  });
}
