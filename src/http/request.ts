import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';
import type { Caller } from '../domain/access/caller.ts';
import { Refusal } from '../domain/refusal.ts';
import { clientAddress, parseNetworks } from './client-address.ts';

// No route has a character that is written with an escape, and a proxy in front that forbids a path
// may know one spelling of it alone. Sources: RFC 3986, 2.3; for the form with a host RFC 9112, 3.2.2.
// Those of numbers alone have more, and only behind the part of a path that a proxy may know.
export const ONE_SPELLING =
  /^(?:https?:\/\/[^/?#]*)?(?:\/|(?:\/[A-Za-z0-9._~-]+)+\/?|\/operator\/v1\/numbers\/(?:\+|%2B)?[0-9]+(?:\/move)?)(?:\?|$)/i;

declare module 'fastify' {
  interface FastifyRequest {
    /** the client's address, in plain form; a trusted proxy's word counts */
    clientAddress: string;
    /** the API key as it was presented, of whatever type */
    presentedKey: unknown;
    /** who the key belongs to; looked up once asked for, since some operations find it by themselves */
    caller: () => Promise<Caller>;
  }
}

/**
 * Gives every request its client's address.
 * @param trustProxy CIDRs of trusted proxies
 * @param forwardedHeader the one that they write; the other one is not looked at
 */
export function decorateRequests(
  app: FastifyInstance,
  { trustProxy, forwardedHeader }: Pick<Config, 'trustProxy' | 'forwardedHeader'>,
): void {
  const isTrusted = parseNetworks(trustProxy);
  app.decorateRequest('clientAddress', '');
  app.decorateRequest('presentedKey', undefined);
  app.decorateRequest('caller');
  app.addHook('onRequest', (request, reply, done) => {
    const peer = request.socket.remoteAddress;
    // A client that is gone already must not pass for a proxy.
    if (peer === undefined) throw new Refusal('malformed', 'The connection was closed');
    // RFC 9112, 3.2
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new Refusal('malformed', 'The request has no Host');
    }
    const forwarded = request.headers[forwardedHeader];
    request.clientAddress = clientAddress(
      peer,
      forwardedHeader,
      Array.isArray(forwarded) ? forwarded.join(',') : forwarded,
      isTrusted,
    );
    if (request.is404 || ONE_SPELLING.test(request.url)) done();
    else reply.callNotFound();
  });
}
