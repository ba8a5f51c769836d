import type { IncomingMessage } from 'node:http';
import type { FastifyReply, onRequestHookHandler } from 'fastify';
import type { Database } from '../db/database.ts';
import { HourlyLimit } from '../domain/access/hourly-limit.ts';
import { Refusal, rateLimited } from '../domain/refusal.ts';
import { originOf } from './client-address.ts';

// A /48, which one customer of a provider may have, is allowed as many requests as this many /64.
const NETWORK_SHARES = 16;

/** A limit of requests an hour for each client address, and for each IPv6 network. */
export class AddressLimit {
  readonly isOff: boolean;
  readonly #addresses: HourlyLimit;
  readonly #networks: HourlyLimit;

  /**
   * @param name separates this limit's counts from those of other limits
   * @param perHour 0: no limit
   */
  constructor(db: Database, name: string, perHour: number) {
    this.isOff = perHour === 0;
    this.#addresses = new HourlyLimit(db, name, perHour);
    this.#networks = new HourlyLimit(db, name, NETWORK_SHARES * perHour);
  }

  /** Seconds until `count` allows an address again; undefined unless known to be over the limit. */
  knownWait(address: string): number | undefined {
    const from = originOf(address);
    const seconds = this.#addresses.knownWait(from.address);
    return seconds ?? (from.network ? this.#networks.knownWait(from.network) : undefined);
  }

  /** Counts a request. @throws Refusal 'rate limited' if the limit is exceeded */
  async count(address: string): Promise<void> {
    const { address: own, network } = originOf(address);
    await this.#addresses.count(own);
    // Requests that were refused above are not counted for the network.
    if (network) await this.#networks.count(network);
  }

  /**
   * Runs `work` and counts it if it is refused as unauthorized.
   * @throws Refusal 'rate limited' instead, after too many refusals
   */
  async watch<T>(address: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Refusal && error.code === 'unauthorized') await this.count(address);
      throw error;
    }
  }
}

/** Requests that a shortcut has counted and left to Fastify. */
export const counted = new WeakSet<IncomingMessage>();

/**
 * Limits requests by the client's address. HEAD is not counted.
 * @param answer answers an address that is known to be over the limit; gets the seconds to wait. If
 *   it is left out, a refusal is thrown, which takes longer
 */
export function limitByAddress(
  limit: AddressLimit,
  answer?: (reply: FastifyReply, seconds: number) => void,
): onRequestHookHandler[] {
  if (limit.isOff) return [];
  return [
    ({ method, raw, clientAddress }, reply, done) => {
      if (method === 'HEAD' || counted.has(raw)) {
        done();
        return;
      }
      const seconds = limit.knownWait(clientAddress);
      if (seconds === undefined) limit.count(clientAddress).then(() => done(), done);
      else if (answer) answer(reply, seconds);
      else done(rateLimited(seconds));
    },
  ];
}
