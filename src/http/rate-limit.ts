import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterPostgres,
  RateLimiterRes,
} from 'rate-limiter-flexible';
import type { Database } from '../db/database.ts';
import { rateLimited } from '../domain/refusal.ts';
import { limitKey } from './client-address.ts';

const HOUR_SECONDS = 3_600;

/**
 * A limit on one operation, for each client address. It is counted in the database, in one atomic
 * statement, so that it holds across processes and restarts; while the database cannot write, it
 * is counted in memory. Addresses known to be over their limit are refused without asking.
 * @param perHour 0: no limit
 */
export function hourlyLimit(
  db: Database,
  operation: string,
  perHour: number,
): onRequestAsyncHookHandler {
  if (perHour === 0) return async () => undefined;
  const limiter = createLimiter(db, operation, perHour);
  return async (request: FastifyRequest) => {
    try {
      await limiter.consume(limitKey(request.clientAddress));
    } catch (reason) {
      if (!(reason instanceof RateLimiterRes)) throw reason;
      throw rateLimited(Math.max(1, Math.ceil(reason.msBeforeNext / 1_000)));
    }
  };
}

function createLimiter(db: Database, operation: string, perHour: number): RateLimiterAbstract {
  const common = { keyPrefix: operation, points: perHour, duration: HOUR_SECONDS };
  return new RateLimiterPostgres({
    ...common,
    // The limiter asks no more of its client than to run a named statement.
    storeClient: {
      query: async ({ name, text, values }: { name: string; text: string; values: unknown[] }) => {
        const rows = await db.read(name, text, values);
        return { rows, rowCount: rows.length };
      },
    },
    storeType: 'client',
    tableName: 'rate_limit',
    tableCreated: true,
    inMemoryBlockOnConsumed: perHour,
    insuranceLimiter: new RateLimiterMemory(common),
  });
}
