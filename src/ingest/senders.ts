import type { Database } from '../db/database.ts';
import type { DeliveringFeed, KnownFeed } from '../domain/calls/feed.ts';
import { KnownFeeds } from '../domain/calls/feed-use.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Keyring } from '../domain/sealing/keyring.ts';
import { type IsWithin, parseNetworks } from '../http/client-address.ts';

interface SendersOptions {
  keyring: Keyring;
  /** is told of each authenticated request */
  note: (feed: KnownFeed) => void;
}

/** Authenticates the feeds that send requests, by the header Authorization and the address. */
export class Senders {
  readonly #options: SendersOptions;
  readonly #known: KnownFeeds;

  constructor(db: Database, options: SendersOptions) {
    this.#options = options;
    this.#known = new KnownFeeds(db, options.keyring);
  }

  /** The feed, if the same request was right a moment ago, so it need not be looked up. */
  recent(authorization: string | undefined, address: string): DeliveringFeed | undefined {
    const credentials = basicCredentials(authorization);
    const feed = credentials && this.#known.recent(...credentials);
    if (!feed || !isFrom(feed, address)) return undefined;
    this.#options.note(feed);
    return feed;
  }

  /** @throws Refusal 'unauthorized', or 'forbidden' from another network */
  async authenticate(authorization: string | undefined, address: string): Promise<DeliveringFeed> {
    const credentials = basicCredentials(authorization);
    if (!credentials) throw new Refusal('unauthorized', 'Unauthorized');
    const feed = await this.#known.authenticate(...credentials);
    if (!isFrom(feed, address)) {
      throw new Refusal('forbidden', `The feed ${feed.name} may not send from this address`);
    }
    this.#options.note(feed);
    return feed;
  }
}

const checks = new WeakMap<DeliveringFeed, IsWithin>();

function isFrom(feed: DeliveringFeed, address: string): boolean {
  if (feed.networks.length === 0) return true;
  const isWithin = checks.get(feed) ?? parseNetworks(feed.networks);
  checks.set(feed, isWithin);
  return isWithin(address);
}

function basicCredentials(header: string | undefined): [string, string] | undefined {
  const [, encoded] = /^basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(header ?? '') ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  // The database cannot store NUL, so no feed's name has it.
  if (colon < 1 || text.includes('\0')) return undefined;
  return [text.slice(0, colon), text.slice(colon + 1)];
}
