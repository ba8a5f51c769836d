import type { FastifyInstance } from 'fastify';
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
  const trusted = parseNetworks(trustProxy);
  app.decorateRequest('clientAddress', '');
  app.decorateRequest('presentedKey', undefined);
  app.addHook('onRequest', async (request) => {
    const forwarded = request.headers['x-forwarded-for'];
    request.clientAddress = clientAddress(
      request.socket.remoteAddress ?? '127.0.0.1',
      Array.isArray(forwarded) ? forwarded.join(',') : forwarded,
      trusted,
    );
  });
}
