import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import { Refusal } from '../domain/refusal.ts';
import { addressReader } from './client-address.ts';
import type { PresentedKey } from './presented-key.ts';

// Allows only one spelling of a path, because a proxy that forbids a path may know only that one.
// No route needs an escaped character, except the phone number after `/numbers/`. Sources:
// RFC 3986, 2.3; for the form with a host RFC 9112, 3.2.2.
export const ONE_SPELLING =
  /^(?:https?:\/\/[^/?#]*)?(?:\/|(?:\/[A-Za-z0-9._~-]+)+\/?|\/operator\/v1\/numbers\/(?:\+|%2B)?[0-9]+(?:\/move)?)(?:\?|$)/i;

declare module 'fastify' {
  interface FastifyRequest {
    /** the client's address in plain form, from the header if the peer is a trusted proxy */
    clientAddress: string;
    presentedKey: PresentedKey;
  }
}

/** Gives every request its client's address. */
export function decorateRequests(
  app: FastifyInstance,
  config: Pick<Config, 'trustProxy' | 'forwardedHeader'>,
): void {
  const addressOf = addressReader(config);
  app.decorateRequest('clientAddress', '');
  app.decorateRequest('presentedKey');
  app.addHook('onRequest', (request, reply, done) => {
    const address = addressOf(request.raw);
    // A client that has left already must not count as a proxy.
    if (address === undefined) throw new Refusal('malformed', 'The connection was closed');
    // RFC 9112, 3.2
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new Refusal('malformed', 'The request has no Host');
    }
    request.clientAddress = address;
    if (request.is404 || ONE_SPELLING.test(request.url)) done();
    else reply.callNotFound();
  });
}
