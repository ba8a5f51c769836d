import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';

/**
 * One line for each request. It names the route and never the address line itself, whose query
 * may hold a token or, from a mistaken client, a key.
 */
export function logRequests(app: FastifyInstance, log: Logger): void {
  app.addHook('onResponse', (request, reply, done) => {
    log.info(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url ?? '(none)',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime * 1_000) / 1_000,
        address: request.clientAddress,
      },
      'request',
    );
    done();
  });
}
