import type { FastifyInstance, FastifyRequest } from 'fastify';

const PREFLIGHT_SECONDS = 3_600;

/**
 * Lets pages of other origins call the routes that are registered afterwards.
 * @param origins such as `https://shop.example.com`; `*`: any
 */
export function allowOrigins(app: FastifyInstance, origins: string[]): void {
  if (origins.length === 0) return;
  app.addHook('onRequest', async (request, reply) => {
    const allowed = allowedOrigin(request, origins);
    if (allowed !== '*') reply.header('vary', 'Origin');
    if (allowed === undefined) return;
    reply.header('access-control-allow-origin', allowed);
    reply.header('access-control-expose-headers', 'Retry-After, WWW-Authenticate');
  });
}

/**
 * Answers the preflight requests that browsers send before such a page may call a path.
 * @param allowed lists of methods and request headers
 */
export function answerPreflight(
  app: FastifyInstance,
  path: string,
  allowed: { methods: string; headers: string },
  origins: string[],
): void {
  if (origins.length === 0) return;
  app.options(path, async (request, reply) => {
    if (request.headers['access-control-request-method'] === undefined) return reply.callNotFound();
    if (allowedOrigin(request, origins) !== undefined) {
      reply
        .header('access-control-allow-methods', allowed.methods)
        .header('access-control-allow-headers', allowed.headers)
        .header('access-control-max-age', PREFLIGHT_SECONDS);
    }
    return reply.code(204).send();
  });
}

function allowedOrigin({ headers }: FastifyRequest, origins: string[]): string | undefined {
  if (origins.includes('*')) return '*';
  return origins.find((origin) => origin === headers.origin);
}
