import type { FastifyInstance } from 'fastify';
import { Refusal } from '../domain/refusal.ts';
import { clientAddress, parseNetworks } from './client-address.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** the client's address, in plain form; a trusted proxy's word counts */
    clientAddress: string;
    /** the API key as it was presented, of whatever type */
    presentedKey: unknown;
  }
}

/** Gives every request its client's address. @param trustProxy CIDRs of trusted proxies */
export function decorateRequests(app: FastifyInstance, trustProxy: string[]): void {
  const isTrusted = parseNetworks(trustProxy);
  app.decorateRequest('clientAddress', '');
  app.decorateRequest('presentedKey', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    const peer = request.socket.remoteAddress;
    // A client that is gone already must not pass for a proxy.
    if (peer === undefined) throw new Refusal('malformed', 'The connection was closed');
    // RFC 9112, 3.2
    if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
      throw new Refusal('malformed', 'The request has no Host');
    }
    const forwarded = request.headers['x-forwarded-for'];
    request.clientAddress = clientAddress(
      peer,
      Array.isArray(forwarded) ? forwarded.join(',') : forwarded,
      isTrusted,
    );
    done();
  });
}
