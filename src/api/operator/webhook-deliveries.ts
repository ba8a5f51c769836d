import * as entered from '../../domain/entered-values.ts';
import { EVENT_TYPE_NAMES } from '../../domain/event.ts';
import { findEndpoint } from '../../domain/webhook/endpoint.ts';
import { listDeliveries, requireEnabled, retryDelivery } from '../../domain/webhook/replay.ts';
import { ok, page, rowsOf } from './framework/answer.ts';
import { anyOf, choice, integer, list, optional, text } from './framework/field.ts';
import { PAGE, recordId, time } from './framework/fields.ts';
import { begin, operationSchema } from './framework/long-work.ts';
import { invalidValue } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const DELIVERIES = '/webhook-endpoints/{id}/deliveries';
const route = routesOf('events');
const W = { id: recordId };

const D = {
  ...W,
  sequence: text(entered.recordId, { description: 'Of the event', example: '48213' }),
};

const sequence = integer({
  description: 'A number of an event',
  least: 0,
  most: Number.MAX_SAFE_INTEGER,
  example: 48000,
});

const deliverySchema = s.object({
  sequence: s.whole,
  event: s.name,
  type: s.name,
  state: s.name,
  tries: s.whole,
  nextTryAt: s.orNull(s.moment),
  triedAt: s.orNull(s.moment),
  status: s.orNull(s.whole),
  error: s.orNull(s.name),
  tookMs: s.orNull(s.whole),
  reply: s.orNull(s.name),
});

const deliveries = route(`GET ${DELIVERIES}`, 'listWebhookDeliveries', {
  summary: 'Deliveries to an endpoint, newest event first',
  scope: 'webhooks:read',
  params: W,
  query: {
    state: anyOf(choice(['pending', 'delivered', 'failed'], { description: 'How they are' })),
    ...PAGE,
  },
  answers: { 200: s.pageOf(deliverySchema) },
  handle: async (call) => {
    const { service, params, query } = call;
    await findEndpoint(service.db, params.id);
    const before = call.after?.[0] as number | undefined;
    const rows = await listDeliveries(
      service.db,
      params.id,
      { states: query.state },
      { before, limit: rowsOf(call) },
    );
    return page(call, rows, ({ sequence }) => [sequence]);
  },
});

const retry = route(`POST ${DELIVERIES}/{sequence}/retry`, 'retryWebhookDelivery', {
  summary: 'Send one event again, at once and with all tries',
  scope: 'webhooks:write',
  params: D,
  body: {},
  answers: { 200: s.object({ sequence: s.whole }) },
  handle: async ({ service, actor, params, now }) => {
    await retryDelivery(service.db, actor, params, now);
    return ok({ sequence: params.sequence });
  },
});

const replay = route('POST /webhook-endpoints/{id}/replay', 'replayWebhookEvents', {
  idempotency: 'required',
  summary: 'Send events again: those of a range, or those given up since a time',
  scope: 'webhooks:write',
  params: W,
  body: {
    after: optional(sequence),
    until: optional(sequence),
    types: optional(
      list(choice(EVENT_TYPE_NAMES, { description: 'Only these types' }), {
        most: EVENT_TYPE_NAMES.length,
        least: 1,
      }),
    ),
    failedSince: optional(time('Instead of a range: events that were given up since then')),
  },
  answers: { 202: operationSchema },
  handle: async (call) => {
    const { id } = call.params;
    const { after, failedSince } = call.body;
    if ((after === undefined) === (failedSince === undefined)) {
      throw invalidValue('/after', 'Must be given, or failedSince instead');
    }
    await requireEnabled(call.service.db, id);
    return begin(call, {
      ...{ kind: 'webhook replay', subject: String(id), unit: 'events' },
      parameters: { endpoint: id, ...call.body },
    });
  },
});

export const deliveryRoutes = [deliveries, retry, replay];
