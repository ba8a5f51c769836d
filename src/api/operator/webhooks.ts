import type { OperatorKey } from '../../domain/access/operator-key.ts';
import type { Scope } from '../../domain/access/operator-scope.ts';
import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import * as entered from '../../domain/entered-values.ts';
import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventType } from '../../domain/event.ts';
import {
  changeEndpoint,
  createEndpoint,
  type EndpointSettings,
  findEndpoint,
  type IssuedEndpoint,
  listEndpoints,
  removeEndpoint,
  rotateWebhookSecret,
  SUBSCRIPTIONS,
  settingsOf,
  typesOf,
  type WebhookEndpoint,
} from '../../domain/webhook/endpoint.ts';
import { listDeliveries, requireEnabled, retryDelivery } from '../../domain/webhook/replay.ts';
import { Type } from '../../http/schema.ts';
import { requireAllowed, systemResolve } from '../../webhook/allowed-address.ts';
import { sendTest } from '../../webhook/send.ts';
import {
  created,
  etagOf,
  given,
  ok,
  okTagged,
  page,
  pageOfAll,
  removed,
  requireMatch,
  rowsOf,
  unlessGone,
} from './answer.ts';
import { allOptional, anyOf, choice, flag, integer, list, optional, text } from './field.ts';
import { overlapHours, PAGE, recordId, time, username } from './fields.ts';
import { begin, LONG, operationSchema } from './long-work.ts';
import { invalidValue, Problem } from './problem.ts';
import { route } from './route.ts';
import * as s from './schemas.ts';

const TAG = 'events';

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

const FIELDS = {
  url: text((given) => given, {
    description: 'https, port 443 or from 1024 on, with public addresses',
    example: 'https://crm.example.com/events',
    longest: 2_000,
  }),
  types: list(
    choice(SUBSCRIPTIONS, {
      description: 'A type, a group such as account.*, or *',
      example: 'account.*',
    }),
    { most: SUBSCRIPTIONS.length, least: 1 },
  ),
  accounts: list(username('Only events of these billing accounts and of those billed to them'), {
    most: 1_000,
  }),
  description: text(entered.words, { description: 'What it is for', example: 'CRM' }),
  enabled: flag({ description: 'Whether events are sent', example: true }),
};
const endpointSchema = s.object({
  id: s.name,
  url: s.name,
  description: s.name,
  types: s.listOf(s.name),
  accounts: s.listOf(s.username),
  enabled: Type.Boolean(),
  disabledReason: s.orNull(s.name),
  failingSince: s.orNull(s.moment),
  lastSuccessAt: s.orNull(s.moment),
  waiting: s.whole,
  failed: s.whole,
  previousUntil: s.orNull(s.moment),
  createdBy: s.name,
  createdAt: s.moment,
  etag: s.name,
  secret: Type.Optional(s.name),
});

function shownEndpoint({ id, accounts, ...endpoint }: WebhookEndpoint) {
  const etag = etagOf(settingsOf({ accounts, ...endpoint }));
  return { id: String(id), ...endpoint, accounts: accounts.map(String), etag };
}

const withSecret = ({ endpoint, secret }: IssuedEndpoint) => ({
  ...shownEndpoint(endpoint),
  secret,
});

/** @throws Problem 403 for a type that the key may not read */
function requireReadable(key: OperatorKey, { types }: Pick<EndpointSettings, 'types'>): void {
  for (const type of types.flatMap(typesOf) as EventType[]) {
    const scope: Scope = EVENT_TYPES[type].scope;
    if (key.scopes.includes(scope)) continue;
    throw new Problem(403, 'scope_required', `${type} needs ${scope}`, { about: { scope } });
  }
}

const endpoints = route({
  method: 'GET',
  path: '/webhook-endpoints',
  operationId: 'listWebhookEndpoints',
  tag: TAG,
  summary: 'The endpoints that get events, at most 20',
  scope: 'webhooks:read',
  query: PAGE,
  answers: { 200: s.pageOf(endpointSchema) },
  handle: async (call) => {
    const all = await listEndpoints(call.service.db);
    return pageOfAll(call, all, ({ id }) => String(id).padStart(16, '0'), shownEndpoint);
  },
});

const getEndpoint = route({
  method: 'GET',
  path: '/webhook-endpoints/{id}',
  operationId: 'getWebhookEndpoint',
  tag: TAG,
  summary: 'An endpoint, and how deliveries to it go',
  scope: 'webhooks:read',
  params: W,
  tagged: true,
  answers: { 200: endpointSchema },
  handle: async ({ service, params }) =>
    okTagged(shownEndpoint(await findEndpoint(service.db, params.id))),
});

const add = route({
  method: 'POST',
  path: '/webhook-endpoints',
  operationId: 'createWebhookEndpoint',
  tag: TAG,
  summary: 'Have events sent to a URL; the secret that signs them is in this answer alone',
  description:
    'The key needs the scope of each type that it subscribes to. Events are signed as Standard ' +
    'Webhooks 1.0.0 says; see docs/webhooks.md.',
  scope: 'webhooks:write',
  idempotency: 'required',
  body: { ...allOptional(FIELDS), url: FIELDS.url, types: FIELDS.types },
  answers: { 201: endpointSchema },
  handle: async ({ service, actor, key, body, now }) => {
    const { url, types, accounts = [], description = '', enabled = true } = body;
    requireReadable(key, body);
    await requireAllowed(url, service.config.webhookAllow);
    const settings = { url, types, accounts, description, enabled };
    const { db, keyring } = service;
    const issued = await createEndpoint(db, actor, { keyring, now }, settings);
    const shown = withSecret(issued);
    return created(`/webhook-endpoints/${shown.id}`, shown, { etag: shown.etag });
  },
});

const patch = route({
  method: 'PATCH',
  path: '/webhook-endpoints/{id}',
  operationId: 'changeWebhookEndpoint',
  tag: TAG,
  summary: 'Change an endpoint, disable it or enable it again',
  scope: 'webhooks:write',
  params: W,
  body: allOptional(FIELDS),
  tagged: true,
  answers: { 200: endpointSchema },
  handle: async ({ service, actor, key, params, body, headers, now }) => {
    if (body.url !== undefined) await requireAllowed(body.url, service.config.webhookAllow);
    const check = (before: WebhookEndpoint, after: EndpointSettings) => {
      requireMatch(headers, shownEndpoint(before).etag);
      requireReadable(key, after);
    };
    const change = { id: params.id, changes: given(body), check };
    const changed = await changeEndpoint(service.db, actor, change, now);
    return okTagged(shownEndpoint(changed));
  },
});

const remove = route({
  method: 'DELETE',
  path: '/webhook-endpoints/{id}',
  operationId: 'removeWebhookEndpoint',
  tag: TAG,
  summary: 'Send nothing to it any more, and forget its deliveries',
  scope: 'webhooks:write',
  params: W,
  tagged: true,
  answers: { 204: null },
  handle: async ({ service, actor, params, headers, now }) => {
    const check = (endpoint: WebhookEndpoint) =>
      requireMatch(headers, shownEndpoint(endpoint).etag);
    await removeEndpoint(service.db, actor, { id: params.id, check }, now).catch(unlessGone);
    return removed;
  },
});

const rotate = route({
  method: 'POST',
  path: '/webhook-endpoints/{id}/rotate-secret',
  operationId: 'rotateWebhookSecret',
  tag: TAG,
  summary: 'Give an endpoint a new secret; for some hours the one before signs as well',
  scope: 'webhooks:write',
  idempotency: 'required',
  params: W,
  body: { overlapHours },
  bodyIsOptional: true,
  answers: { 200: endpointSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const rotation = { id: params.id, overlapHours: body.overlapHours ?? OVERLAP_HOURS.usual };
    const { db, keyring } = service;
    const shown = withSecret(await rotateWebhookSecret(db, actor, { keyring, now }, rotation));
    return okTagged(shown);
  },
});

const test = route({
  method: 'POST',
  path: '/webhook-endpoints/{id}/test',
  operationId: 'testWebhookEndpoint',
  tag: TAG,
  summary: 'Send webhook.test now and wait for the answer, at most 15 seconds',
  scope: 'webhooks:write',
  isNatural: true,
  params: W,
  answers: {
    200: s.object({
      status: s.orNull(s.whole),
      error: s.orNull(s.name),
      tookMs: s.whole,
      reply: s.orNull(s.name),
    }),
  },
  handle: async ({ service, params }) => {
    const { id, url } = await findEndpoint(service.db, params.id);
    const tools = { ...service, allow: service.config.webhookAllow, resolve: systemResolve };
    const { status, error, tookMs, reply } = await sendTest(tools, { id, url });
    return ok({ status, error, tookMs, reply });
  },
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

const deliveries = route({
  method: 'GET',
  path: '/webhook-endpoints/{id}/deliveries',
  operationId: 'listWebhookDeliveries',
  tag: TAG,
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

const retry = route({
  method: 'POST',
  path: '/webhook-endpoints/{id}/deliveries/{sequence}/retry',
  operationId: 'retryWebhookDelivery',
  tag: TAG,
  summary: 'Send one event again, at once and with all tries',
  scope: 'webhooks:write',
  params: D,
  body: {},
  bodyIsOptional: true,
  answers: { 200: s.object({ sequence: s.whole }) },
  handle: async ({ service, actor, params, now }) => {
    await retryDelivery(service.db, actor, params, now);
    return ok({ sequence: params.sequence });
  },
});

const replay = route({
  ...LONG,
  tag: TAG,
  path: '/webhook-endpoints/{id}/replay',
  operationId: 'replayWebhookEvents',
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

export const webhookRoutes = [
  endpoints,
  add,
  getEndpoint,
  patch,
  remove,
  rotate,
  test,
  deliveries,
  retry,
  replay,
];
