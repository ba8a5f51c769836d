import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { Database } from '../db/database.ts';
import { HourlyLimit } from '../domain/hourly-limit.ts';
import { limitKey } from './client-address.ts';

/** Limits one operation's requests an hour for each client address. @param perHour 0: no limit */
export function limitByAddress(
  db: Database,
  operation: string,
  perHour: number,
): onRequestAsyncHookHandler {
  const limit = new HourlyLimit(db, operation, perHour);
  return (request: FastifyRequest) => limit.count(limitKey(request.clientAddress));
}
