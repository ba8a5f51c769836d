import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { gatherCalls } from '../domain/calls/call-gathering.ts';
import { type DeliveringFeed, FEED_FORMATS } from '../domain/calls/feed.ts';
import { WARNING_QUEUE } from '../domain/mail/message.ts';
import { Refusal } from '../domain/refusal.ts';
import { addressReader } from '../http/client-address.ts';
import { successBody } from '../http/plain-envelope.ts';
import { isTls, securityHeaders } from '../http/security-headers.ts';
import type { Shortcut } from '../http/shortcut.ts';
import type { Service } from '../service.ts';
import type { Receiver } from './bodies/receive.ts';
import type { Senders } from './senders.ts';
import { takeIn } from './take-in.ts';

const PATH = '/ingest/v1/calls/';
const ROUTE = `${PATH}:format`;
const TYPE = 'application/json; charset=utf-8';

/**
 * `POST /ingest/v1/calls/:format`: a switch delivers calls. The answer counts what became of the
 * records, and is sent once all of them are stored.
 *
 * For a single call, Fastify takes longer than all other parts of the service. So deliveries of
 * feeds that are known are taken in without it; what fails is left to it.
 */
export function deliveryRoute(
  app: FastifyInstance,
  { db, queue, config, clock }: Service,
  senders: Senders,
  receiver: Receiver,
): void {
  const store = gatherCalls(db);
  const { retentionMonths, emergencyNumbers } = config;
  const deliver = async (request: IncomingMessage, feed: DeliveringFeed): Promise<string> => {
    const { callsKeptFrom } = feed;
    const options = { now: clock(), retentionMonths, callsKeptFrom, emergencyNumbers, store };
    const {
      warningsDue,
      leftOut: _,
      ...counts
    } = await receiver.receive(request, feed.name, (body) => takeIn(db, feed, body, options));
    if (warningsDue) await queue.send(db, WARNING_QUEUE);
    return countsBody(counts);
  };

  /** why deliveries failed before they were left to Fastify */
  const failures = new WeakMap<IncomingMessage, Error>();
  app.post<{ Params: { format: string } }>(ROUTE, async (request, reply) => {
    const failure = failures.get(request.raw);
    if (failure) throw failure;
    const feed = feedOf(request);
    const { format } = request.params;
    if (!isFormat(format)) throw new Refusal('not found', 'Not found');
    if (feed.format !== format) {
      throw new Refusal('forbidden', `The feed ${feed.name} sends ${feed.format}, not ${format}`);
    }
    reply.header('cache-control', 'no-store').type(TYPE);
    return deliver(request.raw, feed);
  });

  const addressOf = addressReader(config);
  const headers = {
    ...securityHeaders(isTls(config)),
    'cache-control': 'no-store',
    'content-type': TYPE,
  };
  for (const format of FEED_FORMATS) {
    const shortcut: Shortcut = async (request, next, send) => {
      const address = addressOf(request);
      const { authorization, host } = request.headers;
      const feed =
        address !== undefined && host !== undefined && senders.recent(authorization, address);
      if (!feed || feed.format !== format) {
        next(address ?? '');
        return;
      }
      let body: string | undefined;
      try {
        body = await deliver(request, feed);
      } catch (error) {
        failures.set(request, error as Error);
      }
      if (body === undefined) next(address);
      else send({ status: 200, body }, address);
    };
    app.shortcuts.set(PATH + format, { shortcut, headers, route: ROUTE });
  }
}

const isFormat = (text: string) => FEED_FORMATS.some((format) => format === text);

/** The body of an answer that counts records. */
export function countsBody(counts: Record<string, number>): string {
  const members = Object.entries(counts).map(([name, count]) => `"${name}":${count}`);
  return successBody(members.join(','));
}

/** The feed of a request whose credentials were checked. */
export function feedOf(request: FastifyRequest): DeliveringFeed {
  if (!request.feed) throw new Error('the feed was not authenticated');
  return request.feed;
}
