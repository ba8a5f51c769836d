import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { gatherCalls } from '../domain/calls/call-gathering.ts';
import type { DeliveringFeed } from '../domain/calls/feed.ts';
import { noteFeeds } from '../domain/calls/feed-use.ts';
import { WARNING_QUEUE } from '../domain/mail/message.ts';
import { Refusal } from '../domain/refusal.ts';
import { successBody } from '../http/plain-envelope.ts';
import type { Service } from '../service.ts';
import { realtimeRoutes } from './asterisk-realtime.ts';
import { authorizeRoute, releaseRoute } from './authorize.ts';
import { Receiver } from './bodies/receive.ts';
import { directoryRoutes } from './directory.ts';
import { takeInRegistrations } from './registrations.ts';
import { Senders } from './senders.ts';
import { soonOrUndefined } from './soon.ts';
import { PARSERS, takeIn } from './take-in.ts';

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
  const { db, keyring, queue, config, clock } = service;
  app.removeAllContentTypeParsers();
  // The routes read the bodies themselves, after their checks.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  const receiver = new Receiver({
    rawBytes: config.ingestBodyLimitBytes,
    unpackedBytes: config.ingestUnpackedLimitBytes,
  });
  const store = gatherCalls(db);
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

  app.post<{ Params: { format: string } }>('/ingest/v1/calls/:format', async (request, reply) => {
    const feed = feedOf(request);
    const { format } = request.params;
    if (!Object.hasOwn(PARSERS, format)) throw new Refusal('not found', 'Not found');
    if (feed.format !== format) {
      throw new Refusal('forbidden', `The feed ${feed.name} sends ${feed.format}, not ${format}`);
    }
    const now = clock();
    const { retentionMonths, emergencyNumbers } = config;
    const { callsKeptFrom } = feed;
    const options = { now, retentionMonths, callsKeptFrom, emergencyNumbers, store };
    const {
      warningsDue,
      leftOut: _,
      ...counts
    } = await receiver.receive(request.raw, (body) => takeIn(db, feed, body, options));
    if (warningsDue) await queue.send(db, WARNING_QUEUE);
    return answer(reply, counts);
  });

  authorizeRoute(app, service, senders);
  releaseRoute(app, service);
  directoryRoutes(app, service);
  realtimeRoutes(app, service);

  app.post('/ingest/v1/registrations', async (request, reply) => {
    const now = clock();
    const feed = feedOf(request);
    const { stored, unknown, malformed, reports } = await receiver.receive(request.raw, (body) =>
      takeInRegistrations(db, body, now),
    );
    if (malformed > 0) {
      // The records themselves are not logged: a switch may put anything into them.
      request.log.warn({ feed: feed.name, malformed, reports }, 'registrations not read');
    }
    return answer(reply, { stored, unknown, malformed });
  });
}

function answer(reply: FastifyReply, counts: Record<string, number>): FastifyReply {
  const members = Object.entries(counts).map(([name, count]) => `"${name}":${count}`);
  return reply
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(successBody(members.join(',')));
}

function feedOf(request: FastifyRequest): DeliveringFeed {
  if (!request.feed) throw new Error('the feed was not authenticated');
  return request.feed;
}
