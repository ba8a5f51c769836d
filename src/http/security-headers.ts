import type { FastifyInstance, FastifyReply } from 'fastify';

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/**
 * Sets the headers that every answer carries; a route may set its own Content-Security-Policy.
 * They are set by hand: @fastify/helmet, measured, halves the requests a second.
 * @param https whether customers reach the service by TLS
 */
export function setSecurityHeaders(app: FastifyInstance, https: boolean): void {
  app.addHook('onSend', (_request, reply, payload, done) => {
    addSecurityHeaders(reply);
    if (https) reply.header('strict-transport-security', 'max-age=31536000; includeSubDomains');
    done(null, payload);
  });
}

/** For answers that no hook sees, too: those to addresses that cannot be read. */
export function addSecurityHeaders(reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff');
  reply.header('referrer-policy', 'no-referrer');
  if (!reply.hasHeader('content-security-policy')) {
    reply.header('content-security-policy', PAGE_POLICY);
  }
}
