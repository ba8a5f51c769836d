import { type CallRecord, findCall, searchCalls } from '../../domain/calls/call-search.ts';
import {
  addFeed,
  FEED_FORMATS,
  findFeed,
  type ListedFeed,
  listFeeds,
  removeFeed,
} from '../../domain/calls/feed.ts';
import {
  dismissRejected,
  type RejectedView,
  searchRejected,
  viewRejected,
} from '../../domain/calls/rejected-record.ts';
import * as entered from '../../domain/entered-values.ts';
import { DEFAULT_COUNTRY } from '../../domain/numbering-plan.ts';
import { type HoldRecord, listHolds } from '../../domain/rating/hold.ts';
import { Refusal } from '../../domain/refusal.ts';
import { registrationsOf } from '../../domain/sip/registration.ts';
import { Type } from '../../http/schema.ts';
import { replayRejected } from '../../ingest/replay.ts';
import {
  created,
  ok,
  page,
  pageTo,
  removed,
  requireMatch,
  rowsOf,
  tagged,
  unlessGone,
} from './answer.ts';
import { anyOf, choice, list, optional, pattern, text } from './field.ts';
import { number, PAGE, reason, recordId, time, username } from './fields.ts';
import { invalidValue } from './problem.ts';
import { route } from './route.ts';
import * as s from './schemas.ts';
import { registrationSchema, shownRegistration } from './shapes.ts';

const CALLS = 'calls';
const FEEDS = 'feeds';
const REJECTED = 'rejected records';
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 31;
const MOST_DAYS = 366;

const feedName = text(entered.feedName, { description: 'Name of the switch', example: 'switch-1' });

const feedSchema = s.object({
  name: s.name,
  format: s.name,
  networks: s.listOf(s.name),
  debits: s.name,
  timeZone: s.name,
  country: s.name,
  createdAt: s.moment,
  lastSeenAt: s.orNull(s.moment),
  etag: s.name,
  secret: Type.Optional(s.name),
});

function shownFeed({ lastSeenAt, plan: _, ...feed }: ListedFeed) {
  const { etag, ...settings } = tagged(feed);
  return { ...settings, lastSeenAt, etag };
}

const listAllFeeds = route({
  method: 'GET',
  path: '/feeds',
  operationId: 'listFeeds',
  tag: FEEDS,
  summary: 'The switches that may send calls',
  scope: 'feeds:read',
  answers: { 200: s.pageOf(feedSchema) },
  handle: async (call) => pageTo(call, (await listFeeds(call.service.db)).map(shownFeed), null),
});

const putFeed = route({
  method: 'PUT',
  path: '/feeds/{name}',
  operationId: 'putFeed',
  tag: FEEDS,
  summary: 'Give a switch credentials; its secret is in this answer alone',
  scope: 'feeds:write',
  idempotency: 'required',
  params: { name: feedName },
  body: {
    format: choice(FEED_FORMATS, { description: 'How it writes its calls', example: 'freeswitch' }),
    networks: optional(
      list(
        text(entered.network, { description: 'An address or a CIDR', example: '192.0.2.0/24' }),
        {
          most: 100,
        },
      ),
    ),
    debits: optional(
      choice(['service', 'switch'], { description: 'Who takes the price of a call' }),
    ),
    timeZone: optional(text(entered.timeZone, { description: 'Of times without one' })),
    country: optional(
      text(entered.country, { description: 'Where it dials, ISO 3166-1', example: 'GB' }),
    ),
  },
  answers: { 200: feedSchema, 201: feedSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { db, keyring } = service;
    const { networks = [], debits = 'service', timeZone = 'UTC', format } = body;
    const { country = DEFAULT_COUNTRY } = body;
    const wanted = { name: params.name, format, networks, debits, timeZone, country };
    try {
      const secret = await addFeed(db, actor, { keyring, now }, wanted);
      const shown = shownFeed((await findFeed(db, params.name)) as ListedFeed);
      return created(`/feeds/${params.name}`, { ...shown, secret }, { etag: shown.etag });
    } catch (error) {
      const found = await findFeed(db, params.name);
      if (!found || !(error instanceof Refusal)) throw error;
      const { createdAt: _, lastSeenAt: __, ...settings } = found;
      const same = Object.entries(wanted).every(
        ([name, value]) =>
          JSON.stringify(value) === JSON.stringify(settings[name as keyof typeof settings]),
      );
      if (!same) throw error;
      const shown = shownFeed(found);
      return ok(shown, { etag: shown.etag });
    }
  },
});

const deleteFeed = route({
  method: 'DELETE',
  path: '/feeds/{name}',
  operationId: 'removeFeed',
  tag: FEEDS,
  summary: 'Refuse a switch from now on; its calls stay',
  scope: 'feeds:write',
  params: { name: feedName },
  tagged: true,
  answers: { 204: null },
  handle: async ({ service, actor, params, headers, now }) => {
    const found = await findFeed(service.db, params.name);
    if (!found) return removed;
    requireMatch(headers, shownFeed(found).etag);
    await removeFeed(service.db, actor, params.name, now).catch(unlessGone);
    return removed;
  },
});

const callSchema = s.object({
  id: s.name,
  start: s.moment,
  account: s.username,
  billingAccount: s.username,
  caller: s.name,
  callerName: s.orNull(s.name),
  called: s.name,
  sourceIp: s.orNull(s.name),
  talkSeconds: s.whole,
  billedSeconds: s.whole,
  rate: s.money,
  amount: s.orNull(s.money),
  debited: Type.Boolean(),
  feed: s.name,
  receivedAt: s.moment,
});

function shownCall({ account, billingAccount, place: _, ...call }: CallRecord) {
  return { ...call, account: String(account), billingAccount: String(billingAccount) };
}

const listCalls = route({
  method: 'GET',
  path: '/calls',
  operationId: 'listCalls',
  tag: CALLS,
  summary: 'Calls of all accounts, newest first',
  description: `A range of ${MOST_DAYS} days at most; where it is left out, the last ${DEFAULT_DAYS}.`,
  scope: 'calls:read',
  query: {
    account: anyOf(username('Who called')),
    billingAccount: anyOf(username('Who pays')),
    from: optional(time('Started at or after')),
    to: optional(time('Started before')),
    number: optional(number),
    feed: anyOf(feedName),
    ...PAGE,
  },
  answers: { 200: s.pageOf(callSchema) },
  handle: async (call) => {
    const { account, billingAccount, feed, number: one } = call.query;
    const { to = new Date(call.now.getTime() + DAY_MS) } = call.query;
    const { from = new Date(to.getTime() - DEFAULT_DAYS * DAY_MS) } = call.query;
    if (to <= from) throw invalidValue('/to', 'Must be after from');
    if (to.getTime() - from.getTime() > MOST_DAYS * DAY_MS) {
      throw invalidValue('/from', `Must be ${MOST_DAYS} days before to, or later`);
    }
    const search = { from, to, accounts: account, billingAccounts: billingAccount, feeds: feed };
    const rows = await searchCalls(
      call.service.reader,
      { ...search, number: one, reach: call.reach },
      { before: call.after, limit: rowsOf(call) },
    );
    return page(call, rows, ({ place, id }) => [place, id], shownCall);
  },
});

const getCall = route({
  method: 'GET',
  path: '/calls/{id}',
  operationId: 'getCall',
  tag: CALLS,
  summary: 'A call',
  scope: 'calls:read',
  params: {
    id: pattern('^[0-9a-f]{32}$', {
      description: 'Its id',
      example: 'e3b0c44298fc1c149afbf4c8996fb924',
    }),
  },
  query: { start: time('Its start: a call is known by both') },
  answers: { 200: callSchema },
  handle: async ({ service, params, query, reach }) =>
    ok(shownCall(await findCall(service.reader, { ...params, ...query }, reach))),
});

const rejectedSchema = s.object({
  id: s.name,
  feed: s.name,
  format: s.name,
  reason: s.name,
  detail: s.name,
  receivedAt: s.moment,
  resolvedAt: s.orNull(s.moment),
  dismissedReason: s.orNull(s.name),
  rawBase64: Type.Optional(s.name),
});

function shownRejected({ id, ...record }: RejectedView) {
  return { id: String(id), ...record };
}

const listRejected = route({
  method: 'GET',
  path: '/rejected-records',
  operationId: 'listRejectedRecords',
  tag: REJECTED,
  summary: 'Records that could not be billed, oldest first',
  scope: 'rejected:read',
  query: {
    state: optional(choice(['open', 'resolved'], { description: 'Left out, both' })),
    feed: anyOf(feedName),
    reason: anyOf(text(entered.words, { description: 'Why it was rejected' })),
    ...PAGE,
  },
  answers: { 200: s.pageOf(rejectedSchema) },
  handle: async (call) => {
    const { state, feed: feeds, reason: reasons } = call.query;
    const after = (call.after?.[0] as number | undefined) ?? 0;
    const filter = { state, feeds, reasons };
    const rows = await searchRejected(call.service.db, filter, { after, limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id], shownRejected);
  },
});

const getRejected = route({
  method: 'GET',
  path: '/rejected-records/{id}',
  operationId: 'getRejectedRecord',
  tag: REJECTED,
  summary: 'A rejected record with the bytes that came',
  scope: 'rejected:read',
  params: { id: recordId },
  answers: { 200: rejectedSchema },
  handle: async ({ service, params }) => {
    const { raw, ...record } = await viewRejected(service.db, params.id);
    return ok({ ...shownRejected(record), rawBase64: raw.toString('base64') });
  },
});

const replayOne = route({
  method: 'POST',
  path: '/rejected-records/{id}/replay',
  operationId: 'replayRejectedRecord',
  tag: REJECTED,
  summary: 'Take a rejected record in once more',
  scope: 'rejected:write',
  isNatural: true,
  params: { id: recordId },
  body: {},
  bodyIsOptional: true,
  answers: {
    200: s.object({
      resolved: Type.Boolean(),
      stored: s.whole,
      duplicates: s.whole,
      reason: s.name,
      detail: s.name,
    }),
  },
  handle: async ({ service, actor, params, now }) => {
    const { db, config } = service;
    const before = await viewRejected(db, params.id);
    const { retentionMonths, emergencyNumbers } = config;
    const counts =
      before.resolvedAt === null
        ? await replayRejected(db, actor, {
            now,
            retentionMonths,
            emergencyNumbers,
            ids: [params.id],
          })
        : { stored: 0, duplicates: 0 };
    const { resolvedAt, reason: why, detail } = await viewRejected(db, params.id);
    const { stored, duplicates } = counts;
    return ok({ resolved: resolvedAt !== null, stored, duplicates, reason: why, detail });
  },
});

const dismiss = route({
  method: 'POST',
  path: '/rejected-records/{id}/dismiss',
  operationId: 'dismissRejectedRecord',
  tag: REJECTED,
  summary: 'Close a rejected record that need not be billed; what was sent stays',
  scope: 'rejected:write',
  params: { id: recordId },
  body: { reason },
  answers: { 200: rejectedSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const { db } = service;
    const before = await viewRejected(db, params.id);
    if (before.resolvedAt === null) {
      await dismissRejected(db, actor, { ids: [params.id], reason: body.reason }, now);
    }
    const { raw: _, ...record } = await viewRejected(db, params.id);
    return ok(shownRejected(record));
  },
});

const holdSchema = s.object({
  account: s.username,
  billingAccount: s.username,
  callId: s.name,
  called: s.name,
  amount: s.money,
  grantedAt: s.moment,
  expiresAt: s.moment,
});

function shownHold({ account, billingAccount, ...hold }: HoldRecord) {
  return { ...hold, account: String(account), billingAccount: String(billingAccount) };
}

const getHolds = route({
  method: 'GET',
  path: '/holds',
  operationId: 'listHolds',
  tag: CALLS,
  summary: 'Calls in progress that something is held for',
  scope: 'holds:read',
  query: { account: optional(username('Who calls, or pays')), ...PAGE },
  answers: { 200: s.pageOf(holdSchema) },
  handle: async (call) => {
    const filter = { account: call.query.account, reach: call.reach };
    const place = { after: call.after, limit: rowsOf(call) };
    const rows = await listHolds(call.service.db, filter, call.now, place);
    return page(call, rows, ({ billingAccount, callId }) => [billingAccount, callId], shownHold);
  },
});

const getRegistrations = route({
  method: 'GET',
  path: '/registrations',
  operationId: 'listRegistrations',
  tag: CALLS,
  summary: 'Where phones are registered now',
  scope: 'registrations:read',
  query: { account: anyOf(username('Whose phone')), ...PAGE },
  answers: { 200: s.pageOf(registrationSchema) },
  handle: async (call) => {
    const filter = { accounts: call.query.account, reach: call.reach };
    const place = { after: call.after, limit: rowsOf(call) };
    const rows = await registrationsOf(call.service.db, filter, call.now, place);
    return page(call, rows, ({ account, contact }) => [account, contact], shownRegistration);
  },
});

export const switchRoutes = [
  listAllFeeds,
  putFeed,
  deleteFeed,
  listCalls,
  getCall,
  listRejected,
  getRejected,
  replayOne,
  dismiss,
  getHolds,
  getRegistrations,
];
