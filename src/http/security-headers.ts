import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Config } from '../config.ts';

const PAGE_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Whether customers use TLS to reach the service. */
export const isTls = ({ publicUrl }: Pick<Config, 'publicUrl'>) =>
  publicUrl?.startsWith('https:') ?? false;

/** The headers of every answer. @param https whether clients reach the service by TLS */
export function securityHeaders(https: boolean): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy': PAGE_POLICY,
    ...(https ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  };
}

/**
 * Sets the security headers of every answer; a route may set its own Content-Security-Policy.
 * They are set by hand, because @fastify/helmet halves the requests a second (measured).
 * @param https whether customers use TLS to reach the service
 */
export function setSecurityHeaders(app: FastifyInstance, https: boolean): void {
  const headers = Object.entries(securityHeaders(https));
  app.addHook('onSend', (_request, reply, payload, done) => {
    for (const [name, value] of headers) if (!reply.hasHeader(name)) reply.header(name, value);
    done(null, payload);
  });
}

/** For answers that run no hook: those to URLs that cannot be read. */
export function addSecurityHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(securityHeaders(false))) reply.header(name, value);
}
