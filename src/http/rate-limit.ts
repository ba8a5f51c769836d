import type { FastifyReply, onRequestHookHandler } from 'fastify';
import type { Database } from '../db/database.ts';
import { HourlyLimit } from '../domain/access/hourly-limit.ts';
import { rateLimited } from '../domain/refusal.ts';
import { limitKey } from './client-address.ts';

/**
 * Limits one operation's requests an hour for each client address.
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
  const limit = new HourlyLimit(db, operation, perHour);
  return [
    ({ clientAddress }, reply, done) => {
      const key = limitKey(clientAddress);
      const seconds = limit.knownWait(key);
      if (seconds === undefined) limit.count(key).then(() => done(), done);
      else if (answer) answer(reply, seconds);
      else done(rateLimited(seconds));
    },
  ];
}
