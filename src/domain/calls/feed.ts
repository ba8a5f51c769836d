import { randomBytes } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { type Actor, audit } from '../audit.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';

export const FEED_FORMATS = ['freeswitch', 'kamailio', 'opensips', 'asterisk', 'generic'] as const;
export type FeedFormat = (typeof FEED_FORMATS)[number];

/** Formats whose records tell what the switch has debited. */
const TELLING_DEBITS: FeedFormat[] = ['freeswitch', 'generic'];

/** A switch that sends calls and registrations, with credentials of its own. */
export interface Feed {
  name: string;
  format: FeedFormat;
  /** CIDRs it may send from; none: from anywhere */
  networks: string[];
  /** who takes the calls' amounts from the balances */
  debits: 'service' | 'switch';
  /** of local times that come without a zone */
  timeZone: string;
}

/** A feed that has shown its secret. */
export interface KnownFeed extends Feed {
  /** noted at most once a minute */
  lastSeenAt: Date | null;
}

/** A feed that delivers. */
export interface DeliveringFeed extends KnownFeed {
  /** the first moment whose calls are not retired; null while none are */
  callsKeptFrom: Date | null;
}

export interface ListedFeed extends KnownFeed {
  createdAt: Date;
}

const SEEN_EVERY_MS = 60_000;

/**
 * @returns the feed's secret, which is shown this once
 * @throws Refusal 'conflict' where the name is taken, or the format does not tell what the switch
 *   has debited and the feed says that it debits
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
  const secret = randomBytes(24).toString('base64url');
  try {
    await db.transaction(async (tx) => {
      await tx.query(
        `INSERT INTO feed (name, format, secret_digest, networks, debits, time_zone,
           created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)`,
        [
          feed.name,
          feed.format,
          keyring.digest(secret),
          feed.networks,
          feed.debits,
          feed.timeZone,
          now,
        ],
      );
      await audit(tx, actor, { action: 'feed added', detail: feed }, now);
    });
  } catch (error) {
    if (violatedConstraint(error) !== 'feed_pkey') throw error;
    throw new Refusal('conflict', `the feed ${feed.name} exists already`, {
      problem: { key: 'feedExists', name: feed.name },
    });
  }
  return secret;
}

export function listFeeds(db: Queryable): Promise<ListedFeed[]> {
  return db.query<ListedFeed>(
    `SELECT name, format, networks, debits, time_zone AS "timeZone", created_at AS "createdAt",
       last_seen_at AS "lastSeenAt"
     FROM feed ORDER BY name`,
  );
}

/** @returns undefined where there is none */
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
    await audit(tx, actor, { action: 'feed removed', detail: { name } }, now);
  });
}

/** @throws Refusal 'unauthorized' where name and secret do not belong together */
export async function authenticateFeed(
  db: Database,
  keyring: Keyring,
  name: string,
  secret: string,
): Promise<DeliveringFeed> {
  const feed = await db.find<DeliveringFeed & { digest: Buffer }>(
    'authenticate-feed',
    `SELECT i.n::int, f.name, f.format, f.networks, f.debits, f.time_zone AS "timeZone",
       f.last_seen_at AS "lastSeenAt", f.secret_digest AS digest,
       (SELECT kept_from FROM call_retention) AS "callsKeptFrom"
     FROM unnest($1::text[]) WITH ORDINALITY AS i (name, n) JOIN feed f ON f.name = i.name`,
    name,
  );
  if (!feed || !keyring.matches(secret, feed.digest)) {
    throw new Refusal('unauthorized', 'Unauthorized');
  }
  return feed;
}

/**
 * Notes that feeds spoke, each at most once a minute. Nobody waits for it: a switch that waits for
 * an answer gains nothing by it.
 */
export function noteFeeds(
  db: Queryable,
  onError: (error: Error) => void,
): (feed: KnownFeed, now: Date) => void {
  const notedMs = new Map<string, number>();
  return ({ name, lastSeenAt }, now) => {
    const lastMs = Math.max(lastSeenAt?.getTime() ?? 0, notedMs.get(name) ?? 0);
    if (now.getTime() - lastMs < SEEN_EVERY_MS) return;
    notedMs.set(name, now.getTime());
    db.query('UPDATE feed SET last_seen_at = greatest(last_seen_at, $2) WHERE name = $1', [
      name,
      now,
    ]).catch(onError);
  };
}
