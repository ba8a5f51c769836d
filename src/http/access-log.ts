import type { FastifyInstance } from 'fastify';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Answered } from './answered.ts';

/**
 * Logs one line for each request. It names the route and not the URL, because the query of a URL
 * may hold a token or, by mistake, a key. The lines are made by hand: the logger takes a quarter of
 * the time of a short answer.
 */
export function logRequests(app: FastifyInstance, log: Logger): void {
  if (!log.isLevelEnabled('info')) return;
  const destination = (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym];
  app.onAnswered((answered) => void destination?.write(answered.map(lineOf).join('')));
}

/** None of the values has a character that JSON would escape. */
function lineOf({ id, method, route, status, ms, at, address }: Answered): string {
  const rounded = Math.round(ms * 1_000) / 1_000;
  return (
    `{"level":30,"time":${at},"requestId":"${id}","method":"${method}","route":"${route}",` +
    `"status":${status},"ms":${rounded},"address":"${address}","msg":"request"}\n`
  );
}
