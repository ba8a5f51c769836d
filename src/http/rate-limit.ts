import type { onRequestHookHandler } from 'fastify';
import type { Database } from '../db/database.ts';
import { HourlyLimit } from '../domain/access/hourly-limit.ts';
import { limitKey } from './client-address.ts';

/** Limits one operation's requests an hour for each client address. @param perHour 0: no limit */
export function limitByAddress(
  db: Database,
  operation: string,
  perHour: number,
): onRequestHookHandler[] {
  if (perHour === 0) return [];
  const limit = new HourlyLimit(db, operation, perHour);
  return [
    ({ clientAddress }, _reply, done) => {
      const key = limitKey(clientAddress);
      const refusal = limit.knownRefusal(key);
      if (refusal) done(refusal);
      else limit.count(key).then(() => done(), done);
    },
  ];
}
