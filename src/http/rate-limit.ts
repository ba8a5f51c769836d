import type { FastifyReply, onRequestHookHandler } from 'fastify';
import type { Database } from '../db/database.ts';
import { HourlyLimit } from '../domain/access/hourly-limit.ts';
import { Refusal, rateLimited } from '../domain/refusal.ts';
import { originOf } from './client-address.ts';

// Of a /48, which one customer of a provider may have, as many requests count as of so many /64.
const NETWORK_SHARES = 16;

/** A number of requests an hour for each client address, and for each IPv6 network of them. */
export class AddressLimit {
  readonly #addresses: HourlyLimit;
  readonly #networks: HourlyLimit;

  /**
   * @param name tells what is counted from what other limits count
   * @param perHour 0: no limit
   */
  constructor(db: Database, name: string, perHour: number) {
    this.#addresses = new HourlyLimit(db, name, perHour);
    this.#networks = new HourlyLimit(db, name, NETWORK_SHARES * perHour);
  }

  /** Seconds until `count` lets an address in again, where it is known that it would not. */
  knownWait(address: string): number | undefined {
    const from = originOf(address);
    const seconds = this.#addresses.knownWait(from.address);
    return seconds ?? (from.network ? this.#networks.knownWait(from.network) : undefined);
  }

  /** Counts a request. @throws Refusal 'rate limited' for one too many */
  async count(address: string): Promise<void> {
    const { address: own, network } = originOf(address);
    await this.#addresses.count(own);
    // What was refused above does not use up what others of the network have.
    if (network) await this.#networks.count(network);
  }

  /**
   * Counts `work` where it is refused as unauthorized.
   * @throws Refusal 'rate limited' instead, once too many were
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

/**
 * Limits one operation's requests an hour for each client address. HEAD is not counted.
 * @param perHour 0: no limit
 * @param answer answers an address that is known to be over its limit, in seconds until it may try
 *   again; left out, that is thrown like any refusal, which costs more
 */
export function limitByAddress(
  db: Database,
  operation: string,
  perHour: number,
  answer?: (reply: FastifyReply, seconds: number) => void,
): onRequestHookHandler[] {
  if (perHour === 0) return [];
  const limit = new AddressLimit(db, operation, perHour);
  return [
    ({ method, clientAddress }, reply, done) => {
      if (method === 'HEAD') {
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
