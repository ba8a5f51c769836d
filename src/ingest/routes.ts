import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { gatherCalls } from '../domain/calls/call-gathering.ts';
import { setAside } from '../domain/calls/call-refused.ts';
import { authenticateFeed, type KnownFeed, noteFeeds } from '../domain/calls/feed.ts';
import { WARNING_QUEUE } from '../domain/mail/message.ts';
import { Refusal } from '../domain/refusal.ts';
import { reportContacts } from '../domain/sip/registration.ts';
import { parseNetworks } from '../http/client-address.ts';
import { successBody } from '../http/envelope.ts';
import type { Service } from '../service.ts';
import { authorizeRoute, releaseRoute } from './authorize.ts';
import { isGzip } from './gzip.ts';
import { type ParsedRegistrations, parseRegistrations } from './registrations.ts';
import { PARSERS, takeIn } from './take-in.ts';

const gunzipAsync = promisify(gunzip);
const DAMAGED_GZIP: ParsedRegistrations = {
  contacts: [],
  malformed: [{ detail: 'damaged gzip', line: 1 }],
};
const MALFORMED_SHOWN = 5;

declare module 'fastify' {
  interface FastifyRequest {
    /** the switch that sends, once its credentials were checked */
    feed: KnownFeed | undefined;
  }
}

/** Where switches deliver calls and registrations, each with the credentials of its feed. */
export async function ingest(app: FastifyInstance, service: Service): Promise<void> {
  const { db, keyring, queue, config, clock } = service;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer', bodyLimit: config.ingestBodyLimitBytes },
    async (_request: FastifyRequest, raw: Buffer) => raw,
  );
  const store = gatherCalls(db);
  const noteSeen = noteFeeds(db, (error) => app.log.warn(error, 'not noted when a feed spoke'));
  app.decorateRequest('feed', undefined);
  app.addHook('onRequest', async (request) => {
    const [name, secret] = basicCredentials(request.headers.authorization);
    const feed = await authenticateFeed(db, keyring, name, secret);
    if (feed.networks.length > 0 && !parseNetworks(feed.networks)(request.clientAddress)) {
      throw new Refusal('forbidden', `The feed ${name} may not send from this address`);
    }
    request.feed = feed;
    noteSeen(feed, clock());
    // Switches label bodies as they like, also with what is no media type: the body decides.
    delete request.headers['content-type'];
  });
  // A switch tells its operator what it was answered, so the scheme it must use is named.
  app.addHook('onSend', async (_request, reply) => {
    if (reply.statusCode === 401) reply.header('www-authenticate', 'Basic realm="ingest"');
  });

  app.post<{ Params: { format: string } }>('/ingest/v1/calls/:format', async (request, reply) => {
    const feed = feedOf(request);
    const { format } = request.params;
    if (!Object.hasOwn(PARSERS, format)) throw new Refusal('not found', 'Not found');
    if (feed.format !== format) {
      throw new Refusal('forbidden', `The feed ${feed.name} sends ${feed.format}, not ${format}`);
    }
    const now = clock();
    const body = await unpack(request, config.ingestUnpackedLimitBytes);
    if (!body) {
      const raw = request.body as Buffer;
      const refusal = { reason: 'malformed', detail: 'damaged gzip', raw } as const;
      await setAside(db, feed, [refusal], now);
      return answer(reply, { stored: 0, duplicates: 0, unbilled: 0, refused: 1 });
    }
    const { refusals, warningsDue, ...counts } = await takeIn(db, feed, body, {
      now,
      retentionMonths: config.retentionMonths,
      store,
    });
    if (warningsDue) await queue.start(db, WARNING_QUEUE);
    return answer(reply, counts);
  });

  authorizeRoute(app, service);
  releaseRoute(app, service);

  app.post('/ingest/v1/registrations', async (request, reply) => {
    const now = clock();
    const body = await unpack(request, config.ingestUnpackedLimitBytes);
    const { contacts, malformed } = body ? parseRegistrations(body, now) : DAMAGED_GZIP;
    const stored = await reportContacts(db, contacts);
    if (malformed.length > 0) {
      // Not as they came: who knows what else a switch puts into them.
      const reports = malformed.slice(0, MALFORMED_SHOWN);
      const detail = { feed: feedOf(request).name, malformed: malformed.length, reports };
      request.log.warn(detail, 'registrations not read');
    }
    return answer(reply, {
      stored,
      unknown: contacts.length - stored,
      malformed: malformed.length,
    });
  });
}

function answer(reply: FastifyReply, counts: Record<string, number>): FastifyReply {
  const members = Object.entries(counts).map(([name, count]) => `"${name}":${count}`);
  return reply
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(successBody(members.join(',')));
}

function feedOf(request: FastifyRequest): KnownFeed {
  if (!request.feed) throw new Error('the feed was not authenticated');
  return request.feed;
}

function basicCredentials(header: string | undefined): [string, string] {
  const [, encoded] = /^basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(header ?? '') ?? [];
  const text = Buffer.from(encoded ?? '', 'base64').toString();
  const colon = text.indexOf(':');
  // The database can hold no NUL, and so no feed is called so.
  if (colon < 1 || text.includes('\0')) throw new Refusal('unauthorized', 'Unauthorized');
  return [text.slice(0, colon), text.slice(colon + 1)];
}

/**
 * The body's bytes, unpacked where they are gzip, whatever the headers say.
 * @returns undefined for damaged gzip @throws Refusal 'too large'
 */
async function unpack(request: FastifyRequest, limitBytes: number): Promise<Buffer | undefined> {
  const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  if (!isGzip(body)) return body;
  try {
    return await gunzipAsync(body, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Refusal('too large', `The unpacked body has more than ${limitBytes} bytes`);
    }
    return undefined;
  }
}
