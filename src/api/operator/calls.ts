import { OUTCOME_CHOICES } from '../../domain/calls/call-outcome.ts';
import { type CallRecord, findCall, searchCalls } from '../../domain/calls/call-search.ts';
import { requireRange } from '../../domain/calls/rerating.ts';
import * as entered from '../../domain/entered-values.ts';
import { type HoldRecord, listHolds, releaseByHand } from '../../domain/rating/hold.ts';
import { registrationsOf } from '../../domain/sip/registration.ts';
import { Type } from '../../http/schema.ts';
import { ok, page, rowsOf } from './framework/answer.ts';
import { anyOf, choice, flag, optional, pattern, text } from './framework/field.ts';
import { feedName, number, PAGE, reason, time, username } from './framework/fields.ts';
import { begin, operationSchema } from './framework/long-work.ts';
import { invalidValue } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { registrationSchema, shownRegistration } from './shapes.ts';

const route = routesOf('calls');
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 31;
const MOST_DAYS = 366;

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
  outcome: s.orNull(s.name),
  billedSeconds: s.whole,
  rate: s.money,
  amount: s.orNull(s.money),
  fee: s.orNull(s.money),
  debited: Type.Boolean(),
  feed: s.name,
  receivedAt: s.moment,
});

function shownCall({ account, billingAccount, place: _, ...call }: CallRecord) {
  return { ...call, account: String(account), billingAccount: String(billingAccount) };
}

const listCalls = route('GET /calls', 'listCalls', {
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
    outcome: anyOf(choice(OUTCOME_CHOICES, { description: 'How it ended' })),
    ...PAGE,
  },
  answers: { 200: s.pageOf(callSchema) },
  handle: async (call) => {
    const { account, billingAccount, feed, outcome, number: one } = call.query;
    const { to = new Date(call.now.getTime() + DAY_MS) } = call.query;
    const { from = new Date(to.getTime() - DEFAULT_DAYS * DAY_MS) } = call.query;
    if (to <= from) throw invalidValue('/to', 'Must be after from');
    if (to.getTime() - from.getTime() > MOST_DAYS * DAY_MS) {
      throw invalidValue('/from', `Must be ${MOST_DAYS} days before to, or later`);
    }
    const search = { from, to, accounts: account, billingAccounts: billingAccount, feeds: feed };
    const rows = await searchCalls(
      call.service.reader,
      { ...search, outcomes: outcome, number: one, reach: call.reach },
      { before: call.after, limit: rowsOf(call) },
    );
    return page(call, rows, ({ place, id }) => [place, id], shownCall);
  },
});

const getCall = route('GET /calls/{id}', 'getCall', {
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

const reratings = route('POST /reratings', 'rerateCalls', {
  idempotency: 'required',
  summary: 'Price the calls of a range again; the ledger gets the difference',
  scope: 'calls:rerate',
  body: {
    from: time('Calls that started at or after'),
    to: time('Calls that started before'),
    account: optional(username('Only calls that it made, or pays for')),
    priceList: optional(text(entered.listName, { description: 'Only of accounts with this list' })),
    reason,
    dryRun: optional(flag({ description: 'Only tell what would change', example: true })),
  },
  answers: { 202: operationSchema },
  handle: async (call) => {
    const { dryRun = false, ...range } = call.body;
    if (range.to <= range.from) throw invalidValue('/to', 'Must be after from');
    await requireRange(call.service.db, range);
    return begin(call, { kind: 'rerating', parameters: { ...range, dryRun }, unit: 'calls' });
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

const getHolds = route('GET /holds', 'listHolds', {
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

const releaseHold = route('POST /holds/release', 'releaseHold', {
  summary:
    'End the hold of a call that a switch has forgotten; the call is still billed when it is reported',
  scope: 'holds:write',
  isNatural: true,
  body: {
    account: username('Who calls'),
    callId: text((given) => given, {
      description: 'Of the switch, as in the list of holds',
      example: '3c26@192.0.2.7',
      longest: 255,
    }),
  },
  answers: { 200: s.object({ released: Type.Boolean() }) },
  handle: async ({ service, actor, body, now }) =>
    ok({ released: await releaseByHand(service.db, actor, body, now) }),
});

const getRegistrations = route('GET /registrations', 'listRegistrations', {
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

export const callRoutes = [listCalls, getCall, reratings, getHolds, releaseHold, getRegistrations];
