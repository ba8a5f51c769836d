import { timingSafeEqual } from 'node:crypto';
import type { Database, Queryable } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import {
  type DeliveringFeed,
  FEED_COLUMNS,
  type FeedRow,
  type KnownFeed,
  stateOfFeeds,
  withPlan,
} from './feed.ts';

const SEEN_EVERY_MS = 60_000;
const KNOWN_MS = 200;

/**
 * Authenticates feeds. Credentials that were right a moment ago are not looked up again, since that
 * takes about as long as storing a call. A change or removal of a feed takes effect at once in the
 * process that makes it, and within 0.2 s in others. A call of a month that was retired in that
 * time is refused by its partition.
 */
export class KnownFeeds {
  readonly #db: Database;
  readonly #keyring: Keyring;
  readonly #known = new Map<string, Known>();

  constructor(db: Database, keyring: Keyring) {
    this.#db = db;
    this.#keyring = keyring;
  }

  /** The feed, if these credentials were right a moment ago. */
  recent(name: string, secret: string): DeliveringFeed | undefined {
    const last = this.#known.get(name);
    if (!last || last.untilMs <= performance.now() || last.state !== stateOfFeeds()) {
      return undefined;
    }
    return isSame(last.secret, Buffer.from(secret)) ? last.feed : undefined;
  }

  /** @throws Refusal 'unauthorized' for a wrong name or secret */
  async authenticate(name: string, secret: string): Promise<DeliveringFeed> {
    const state = stateOfFeeds();
    this.#known.delete(name);
    const feed = await lookUp(this.#db, this.#keyring, name, secret);
    const untilMs = performance.now() + KNOWN_MS;
    this.#known.set(name, { secret: Buffer.from(secret), feed, untilMs, state });
    return feed;
  }
}

interface Known {
  secret: Buffer;
  feed: DeliveringFeed;
  untilMs: number;
  state: number;
}

async function lookUp(
  db: Database,
  keyring: Keyring,
  name: string,
  secret: string,
): Promise<DeliveringFeed> {
  const feed = await db.find<
    FeedRow & Pick<DeliveringFeed, 'callsKeptFrom'> & { digests: Buffer[] }
  >(
    'authenticate-feed',
    `SELECT i.n::int, ${FEED_COLUMNS}, 
       array_remove(ARRAY[f.secret_digest, CASE WHEN f.previous_expires_at > now()
         THEN f.previous_digest END], NULL) AS digests,
       (SELECT kept_from FROM call_retention) AS "callsKeptFrom"
     FROM unnest($1::text[]) WITH ORDINALITY AS i (name, n) JOIN feed f ON f.name = i.name`,
    name,
  );
  if (!feed?.digests.some((digest) => keyring.matches(secret, digest))) {
    throw new Refusal('unauthorized', 'Unauthorized');
  }
  return withPlan(feed);
}

/** Compares in a time that does not depend on the contents. */
const isSame = (a: Buffer, b: Buffer) => a.length === b.length && timingSafeEqual(a, b);

/**
 * Stores when each feed was last seen, at most once a minute. No request waits for this write.
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
