import { findAccount } from '../../domain/account/account-search.ts';
import { findNumber, listNumbersOfAll, servicesOf } from '../../domain/billing/item-list.ts';
import {
  addService,
  removeNumber,
  removeService,
  setNumber,
} from '../../domain/billing/recurring-charge.ts';
import * as entered from '../../domain/entered-values.ts';
import { Refusal } from '../../domain/refusal.ts';
import {
  created,
  ok,
  page,
  removed,
  requireReach,
  rowsOf,
  unlessGone,
} from './framework/answer.ts';
import {
  anyOf,
  decimal,
  type Fields,
  optional,
  pattern,
  text,
  type ValuesOf,
} from './framework/field.ts';
import { number, PAGE, recordId, time, username } from './framework/fields.ts';
import { Problem } from './framework/problem.ts';
import { type Call, routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { numberSchema, serviceSchema, shownNumber, shownService } from './shapes.ts';

const route = routesOf('services and numbers');
const A = { username: username('Its username') };
const N = { number };

const monthly = decimal(entered.monthlyAmount, { description: 'Amount a month', example: '1.50' });

const listServices = route('GET /accounts/{username}/services', 'listServices', {
  summary: 'The monthly services of an account',
  scope: 'accounts:read',
  params: A,
  query: PAGE,
  answers: { 200: s.pageOf(serviceSchema) },
  handle: async (call) => {
    const { username: account } = call.params;
    await findAccount(call.service.db, account);
    const after = (call.after?.[0] as number | undefined) ?? 0;
    const rows = await servicesOf(call.service.db, [account], { after, limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id], shownService);
  },
});

const createService = route('POST /accounts/{username}/services', 'addService', {
  summary: 'Give an account a monthly service',
  scope: 'services:write',
  idempotency: 'required',
  params: A,
  body: {
    description: text(entered.serviceDescription, { description: 'On bills', example: 'E911' }),
    monthly,
  },
  answers: { 201: serviceSchema },
  handle: async ({ service, actor, params, body, now }) => {
    const wanted = { account: params.username, ...body };
    const id = await addService(service.db, actor, wanted, now);
    const [added] = await servicesOf(service.db, [params.username], { after: id - 1, limit: 1 });
    return created(`/accounts/${params.username}/services/${id}`, added && shownService(added));
  },
});

const endService = route('DELETE /accounts/{username}/services/{id}', 'removeService', {
  summary: 'End a monthly service',
  scope: 'services:write',
  params: { ...A, id: recordId },
  answers: { 204: null },
  handle: async ({ service, actor, params, now }) => {
    const which = { account: params.username, id: params.id };
    await findAccount(service.db, params.username);
    await removeService(service.db, actor, which, now).catch(unlessGone);
    return removed;
  },
});

const listNumbers = route('GET /numbers', 'listNumbers', {
  summary: 'The phone numbers of all accounts, by number',
  scope: 'accounts:read',
  query: {
    account: anyOf(username('Who has them')),
    prefix: optional(
      pattern('^\\+?[0-9]{0,15}$', {
        description: 'First digits, as the numbers are kept',
        example: '+4420',
      }),
    ),
    updatedSince: optional(time('Given to their account at or after')),
    ...PAGE,
  },
  answers: { 200: s.pageOf(numberSchema) },
  handle: async (call) => {
    const { account: accounts, prefix, updatedSince } = call.query;
    const filter = { accounts, prefix, updatedSince, reach: call.reach };
    const after = (call.after?.[0] as string | undefined) ?? '';
    const rows = await listNumbersOfAll(call.service.db, filter, { after, limit: rowsOf(call) });
    return page(call, rows, (row) => [row.number], shownNumber);
  },
});

const getNumber = route('GET /numbers/{number}', 'getNumber', {
  summary: 'Who has a number',
  scope: 'accounts:read',
  params: N,
  answers: { 200: numberSchema },
  handle: async ({ service, params, reach }) =>
    ok(shownNumber(await findNumber(service.db, params.number, reach))),
});

const putNumber = route('PUT /numbers/{number}', 'putNumber', {
  summary: 'Give an account a number, or a number another monthly price',
  scope: 'numbers:write',
  params: N,
  body: { account: username('Who is to have it'), monthly },
  answers: { 200: numberSchema, 201: numberSchema },
  handle: (call) => assign(call, call.body),
});

const moveNumber = route('POST /numbers/{number}/move', 'moveNumber', {
  summary: 'Give a number to another account in one step, so that no call falls between',
  scope: 'numbers:write',
  params: N,
  body: { account: username('Who is to have it'), monthly: optional(monthly) },
  answers: { 200: numberSchema },
  handle: async (call) => {
    const before = await findNumber(call.service.db, call.params.number, call.reach);
    const { account, monthly: price = before.monthly } = call.body;
    return assign(call, { account, monthly: price }, before.account);
  },
});

async function assign(
  {
    service: { db },
    actor,
    params,
    now,
    reach,
  }: Pick<Call<Fields, Fields, Fields>, 'service' | 'actor' | 'now' | 'reach'> & {
    params: ValuesOf<typeof N>;
  },
  { account, monthly: price }: { account: number; monthly: string },
  from?: number,
) {
  if (reach) await requireReach(db, reach, account);
  const wanted = { account, number: params.number, monthly: price };
  const set = () => setNumber(db, actor, wanted, now, from);
  const done = await set().catch(async (error) => {
    if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
    const owner = await findNumber(db, params.number, reach).catch(() => undefined);
    // An equal request was a moment earlier.
    if (owner?.account === account && from === undefined) return set();
    const about: Record<string, string> = owner ? { username: String(owner.account) } : {};
    throw new Problem(409, 'number_in_use', error.message, { about });
  });
  const shown = shownNumber(await findNumber(db, params.number));
  return done === 'added' ? created(`/numbers/${params.number}`, shown) : ok(shown);
}

const deleteNumber = route('DELETE /numbers/{number}', 'removeNumber', {
  summary: 'Take a number from its account',
  scope: 'numbers:write',
  params: N,
  answers: { 204: null },
  handle: async ({ service, actor, params, now, reach }) => {
    const found = await findNumber(service.db, params.number, reach).catch(unlessGone);
    if (found) await removeNumber(service.db, actor, found, now).catch(unlessGone);
    return removed;
  },
});

export const itemRoutes = [
  listServices,
  createService,
  endService,
  listNumbers,
  getNumber,
  putNumber,
  moveNumber,
  deleteNumber,
];
