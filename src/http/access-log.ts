import type { FastifyInstance } from 'fastify';
import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * Logs one line for each request. It names the route and not the URL, because the query of a URL
 * may hold a token or, by mistake, a key. The lines are made by hand, and all lines of one turn of
 * the event loop are written together. The logger does neither: with it the lines take a quarter of
 * the time of a short answer.
 */
export function logRequests(app: FastifyInstance, log: Logger): void {
  if (!log.isLevelEnabled('info')) return;
  const destination = (log as unknown as Record<symbol, DestinationStream>)[pino.symbols.streamSym];
  let lines: string[] = [];
  const write = () => {
    destination?.write(lines.join(''));
    lines = [];
  };
  app.addHook('onResponse', ({ id, method, routeOptions, clientAddress }, reply, done) => {
    const route = routeOptions.url ?? '(none)';
    const ms = Math.round(reply.elapsedTime * 1_000) / 1_000;
    // None of these values has a character that JSON would escape.
    lines.push(
      `{"level":30,"time":${Date.now()},"requestId":"${id}","method":"${method}","route":"${route}",` +
        `"status":${reply.statusCode},"ms":${ms},"address":"${clientAddress}","msg":"request"}\n`,
    );
    if (lines.length === 1) setImmediate(write);
    done();
  });
}
