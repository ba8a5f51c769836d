import type { FastifyInstance } from 'fastify';
import type { DeliveringFeed } from '../domain/calls/feed.ts';
import { noteFeeds } from '../domain/calls/feed-use.ts';
import type { Service } from '../service.ts';
import { realtimeRoutes } from './asterisk-realtime.ts';
import { authorizeRoute, releaseRoute } from './authorize.ts';
import { Receiver } from './bodies/receive.ts';
import { countsBody, deliveryRoute, feedOf } from './delivery.ts';
import { directoryRoutes } from './directory.ts';
import { takeInRegistrations } from './registrations.ts';
import { Senders } from './senders.ts';
import { soonOrUndefined } from './soon.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** the feed that sends, once its credentials are checked */
    feed: DeliveringFeed | undefined;
    /** only on routes that allow emergency calls: settles once the credentials are checked */
    authenticated: Promise<void> | undefined;
  }
  interface FastifyContextConfig {
    allowsEmergencyCalls?: boolean;
  }
}

/** The routes where switches deliver calls and registrations, each with its feed's credentials. */
export async function ingest(app: FastifyInstance, service: Service): Promise<void> {
  const { db, keyring, config, clock } = service;
  app.removeAllContentTypeParsers();
  // The routes read the bodies themselves, after their checks.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const receiver = new Receiver({
    rawBytes: config.ingestBodyLimitBytes,
    unpackedBytes: config.ingestUnpackedLimitBytes,
  });
  const noteSeen = noteFeeds(db, (error) => app.log.warn(error, 'not noted when a feed spoke'));
  const senders = new Senders(db, { keyring, note: (feed) => noteSeen(feed, clock()) });
  app.decorateRequest('feed', undefined);
  // Switches follow no redirects, so each path works with and without a final slash.
  app.addHook('onRoute', (route) => {
    if (!route.url.endsWith('/')) app.route({ ...route, url: `${route.url}/` });
  });
  app.decorateRequest('authenticated', undefined);
  // Callbacks: switches wait for these answers, and promises cost more than the checks.
  app.addHook('onRequest', (request, _reply, done) => {
    // Switches send any content type, even an invalid one, so the body alone decides.
    delete request.headers['content-type'];
    const { clientAddress } = request;
    const { authorization } = request.headers;
    const { allowsEmergencyCalls = false } = request.routeOptions.config;
    request.feed = senders.recent(authorization, clientAddress);
    if (request.feed) {
      done();
      return;
    }
    const authenticated = senders.authenticate(authorization, clientAddress).then((feed) => {
      request.feed = feed;
    });
    if (allowsEmergencyCalls) {
      // An emergency call does not wait for the database. Any other call waits after its number is
      // read.
      request.authenticated = authenticated;
      soonOrUndefined(authenticated).then(() => done(), done);
    } else authenticated.then(() => done(), done);
  });
  // A switch shows the answer to its operator, so the answer names the required scheme.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Basic realm="ingest"');
    done(null, payload);
  });

  deliveryRoute(app, service, senders, receiver);
  authorizeRoute(app, service, senders);
  releaseRoute(app, service);
  directoryRoutes(app, service);
  realtimeRoutes(app, service);

  app.post('/ingest/v1/registrations', async (request, reply) => {
    const now = clock();
    const feed = feedOf(request);
    const { stored, unknown, malformed, reports } = await receiver.receive(
      request.raw,
      feed.name,
      (body) => takeInRegistrations(db, body, now),
    );
    if (malformed > 0) {
      // The records themselves are not logged: a switch may put anything into them.
      request.log.warn({ feed: feed.name, malformed, reports }, 'registrations not read');
    }
    return reply
      .header('cache-control', 'no-store')
      .type('application/json; charset=utf-8')
      .send(countsBody({ stored, unknown, malformed }));
  });
}
