import type { OperatorKey } from '../../domain/access/operator-key.ts';
import type { Scope } from '../../domain/access/operator-scope.ts';
import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import * as entered from '../../domain/entered-values.ts';
import { EVENT_TYPES, type EventType } from '../../domain/event.ts';
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
import { Type } from '../../http/schema.ts';
import { requireAllowed, systemResolve } from '../../webhook/allowed-address.ts';
import { sendTest } from '../../webhook/send.ts';
import {
  created,
  etagOf,
  given,
  ok,
  okTagged,
  pageOfAll,
  removed,
  requireMatch,
  unlessGone,
} from './framework/answer.ts';
import { allOptional, choice, flag, list, text } from './framework/field.ts';
import { overlapHours, PAGE, recordId, username } from './framework/fields.ts';
import { Problem } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('events');
const W = { id: recordId };

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

const endpoints = route('GET /webhook-endpoints', 'listWebhookEndpoints', {
  summary: 'The endpoints that get events, at most 20',
  scope: 'webhooks:read',
  query: PAGE,
  answers: { 200: s.pageOf(endpointSchema) },
  handle: async (call) => {
    const all = await listEndpoints(call.service.db);
    return pageOfAll(call, all, ({ id }) => String(id).padStart(16, '0'), shownEndpoint);
  },
});

const getEndpoint = route('GET /webhook-endpoints/{id}', 'getWebhookEndpoint', {
  summary: 'An endpoint, and how deliveries to it go',
  scope: 'webhooks:read',
  params: W,
  tagged: true,
  answers: { 200: endpointSchema },
  handle: async ({ service, params }) =>
    okTagged(shownEndpoint(await findEndpoint(service.db, params.id))),
});

const add = route('POST /webhook-endpoints', 'createWebhookEndpoint', {
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

const patch = route('PATCH /webhook-endpoints/{id}', 'changeWebhookEndpoint', {
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

const remove = route('DELETE /webhook-endpoints/{id}', 'removeWebhookEndpoint', {
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

const rotate = route('POST /webhook-endpoints/{id}/rotate-secret', 'rotateWebhookSecret', {
  summary: 'Give an endpoint a new secret; for some hours the one before signs as well',
  scope: 'webhooks:write',
  idempotency: 'required',
  params: W,
  body: { overlapHours },
  answers: { 200: endpointSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const rotation = { id: params.id, overlapHours: body.overlapHours ?? OVERLAP_HOURS.usual };
    const { db, keyring } = service;
    const shown = withSecret(await rotateWebhookSecret(db, actor, { keyring, now }, rotation));
    return okTagged(shown);
  },
});

const test = route('POST /webhook-endpoints/{id}/test', 'testWebhookEndpoint', {
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

export const webhookRoutes = [endpoints, add, getEndpoint, patch, remove, rotate, test];
