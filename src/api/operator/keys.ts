import {
  changeOperatorKey,
  createOperatorKey,
  findOperatorKey,
  type KeySettings,
  listOperatorKeys,
  type OperatorKey,
  revokeOperatorKey,
  rotateOperatorKey,
} from '../../domain/access/operator-key.ts';
import { SCOPES } from '../../domain/access/operator-scope.ts';
import { OVERLAP_HOURS } from '../../domain/access/secret-overlap.ts';
import { requireNoWider } from '../../domain/access/wider-key.ts';
import * as entered from '../../domain/entered-values.ts';
import { Type } from '../../http/schema.ts';
import {
  created,
  etagOf,
  given,
  ok,
  okTagged,
  page,
  removed,
  requireMatch,
  rowsOf,
} from './framework/answer.ts';
import {
  allOptional,
  choice,
  decimal,
  group,
  list,
  nullable,
  optional,
  pattern,
  text,
} from './framework/field.ts';
import { overlapHours, PAGE, time, username } from './framework/fields.ts';
import { invalidValue } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('keys');
const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 365;

const K = {
  id: pattern('^key_[0-9A-Za-z]{1,40}$', {
    description: 'Its id',
    example: 'key_7Hq2mZ0a1B2c3D4e',
  }),
};
const limit = nullable(decimal(entered.moneyOrMore, { description: 'Amount', example: '500' }));

const FIELDS = {
  name: text(entered.accountName, { description: 'What it is for', example: 'payments' }),
  scopes: list(choice(SCOPES, { description: 'What it may do', example: 'ledger:write' }), {
    most: SCOPES.length,
    least: 1,
  }),
  networks: list(
    text(entered.network, { description: 'Where it may come from', example: '192.0.2.0/24' }),
    {
      most: 100,
    },
  ),
  accounts: list(username('Billing accounts that it is for'), { most: 1_000 }),
  amountLimits: group(
    { entry: optional(limit), day: optional(limit) },
    'What one entry, and all of a day in UTC, may move',
  ),
  expiresAt: nullable(time('null: it does not expire')),
};
const keySchema = s.object({
  id: s.name,
  name: s.name,
  scopes: s.listOf(s.name),
  networks: s.listOf(s.name),
  accounts: s.listOf(s.username),
  amountLimits: s.object({ entry: s.orNull(s.money), day: s.orNull(s.money) }),
  expiresAt: s.orNull(s.moment),
  tail: s.name,
  createdBy: s.name,
  createdAt: s.moment,
  revokedAt: s.orNull(s.moment),
  previousExpiresAt: s.orNull(s.moment),
  lastUsedAt: s.orNull(s.moment),
  lastAddress: s.orNull(s.name),
  etag: s.name,
  secret: Type.Optional(s.name),
});

function shownKey({ accounts, entryLimit, dayLimit, ...key }: OperatorKey) {
  const shown = {
    ...key,
    accounts: accounts.map(String),
    amountLimits: { entry: entryLimit, day: dayLimit },
  };
  const { name, scopes, networks, expiresAt, tail, revokedAt, amountLimits } = shown;
  const settings = { name, scopes, networks, accounts, amountLimits, expiresAt, tail, revokedAt };
  return { ...shown, etag: etagOf(settings) };
}

const self = route('GET /self', 'getSelf', {
  summary: 'The key that asks: what a client checks at its start',
  scope: null,
  answers: { 200: keySchema },
  handle: async ({ key }) => ok(shownKey(key)),
});

const listKeys = route('GET /keys', 'listKeys', {
  summary: 'The keys, newest first, without their secrets',
  scope: 'keys:read',
  query: PAGE,
  answers: { 200: s.pageOf(keySchema) },
  handle: async (call) => {
    const [at, id] = (call.after ?? []) as [string?, string?];
    const before = at === undefined ? undefined : ([new Date(at), String(id)] as [Date, string]);
    const rows = await listOperatorKeys(call.service.db, { before, limit: rowsOf(call) });
    return page(call, rows, (key) => [key.createdAt, key.id], shownKey);
  },
});

const getKey = route('GET /keys/{id}', 'getKey', {
  summary: 'A key without its secret',
  scope: 'keys:read',
  params: K,
  tagged: true,
  answers: { 200: keySchema },
  handle: async ({ service, params }) =>
    okTagged(shownKey(await findOperatorKey(service.db, params.id))),
});

const createKey = route('POST /keys', 'createKey', {
  summary: 'Make a key that may do no more than this one; its secret is in this answer alone',
  description:
    `It expires in ${DEFAULT_DAYS} days, or with this one, where nothing else is said. A key with ` +
    '`keys:write` is made in the portal or by the command alone.',
  scope: 'keys:write',
  idempotency: 'required',
  body: { ...allOptional(FIELDS), name: FIELDS.name, scopes: FIELDS.scopes },
  answers: { 201: keySchema },
  handle: async ({ service, actor, key, body, now }) => {
    const inAYear = new Date(now.getTime() + DEFAULT_DAYS * DAY_MS);
    const expiresAt = key.expiresAt && key.expiresAt < inAYear ? key.expiresAt : inAYear;
    const settings: KeySettings = {
      name: body.name,
      scopes: body.scopes,
      networks: body.networks ?? key.networks,
      accounts: body.accounts ?? key.accounts,
      entryLimit: body.amountLimits?.entry ?? key.entryLimit,
      dayLimit: body.amountLimits?.day ?? key.dayLimit,
      expiresAt: body.expiresAt === undefined ? expiresAt : body.expiresAt,
    };
    if (settings.expiresAt && settings.expiresAt <= now) {
      throw invalidValue('/expiresAt', 'Must not be past');
    }
    requireNoWider(key, settings);
    const { db, keyring } = service;
    const issued = await createOperatorKey(db, actor, { keyring, now }, settings);
    const shown = shownKey(issued.key);
    const headers = { etag: shown.etag };
    return created(`/keys/${shown.id}`, { ...shown, secret: issued.secret }, headers);
  },
});

const patchKey = route('PATCH /keys/{id}', 'changeKey', {
  summary: 'Change a key that may do no more than this one',
  scope: 'keys:write',
  params: K,
  body: allOptional(FIELDS),
  tagged: true,
  answers: { 200: keySchema },
  handle: async ({ service, actor, key, params, body, headers, now }) => {
    const { amountLimits, ...changes } = body;
    const limits = {
      ...(amountLimits?.entry === undefined ? {} : { entryLimit: amountLimits.entry }),
      ...(amountLimits?.day === undefined ? {} : { dayLimit: amountLimits.day }),
    };
    const check = (before: OperatorKey, after: OperatorKey) => {
      requireMatch(headers, shownKey(before).etag);
      requireNoWider(key, before);
      requireNoWider(key, after);
    };
    const wanted = given({ ...changes, ...limits });
    const change = { id: params.id, changes: wanted, check };
    return okTagged(shownKey(await changeOperatorKey(service.db, actor, change, now)));
  },
});

const rotateKey = route('POST /keys/{id}/rotate', 'rotateKey', {
  summary: 'Give a key a new secret; the one before counts for some hours more',
  description: 'A key may renew itself, and those that may do no more than it.',
  scope: 'keys:write',
  idempotency: 'required',
  params: K,
  body: { overlapHours },
  answers: { 200: keySchema },
  handle: async ({ service, actor, key, params, body, now }) => {
    const { db, keyring } = service;
    const issued = await rotateOperatorKey(
      db,
      actor,
      { keyring, now },
      {
        id: params.id,
        overlapHours: body.overlapHours ?? OVERLAP_HOURS.usual,
        check: (other) => {
          if (other.id !== key.id) requireNoWider(key, other);
        },
      },
    );
    return okTagged({ ...shownKey(issued.key), secret: issued.secret });
  },
});

const revokeKey = route('DELETE /keys/{id}', 'revokeKey', {
  summary: 'Refuse a key from now on, both its secrets',
  scope: 'keys:write',
  params: K,
  tagged: true,
  answers: { 204: null },
  handle: async ({ service, actor, key, params, headers, now }) => {
    const check = (other: OperatorKey) => {
      if (other.revokedAt === null) requireMatch(headers, shownKey(other).etag);
      if (other.id !== key.id) requireNoWider(key, other);
    };
    await revokeOperatorKey(service.db, actor, { id: params.id, check }, now);
    return removed;
  },
});

export const keyRoutes = [self, listKeys, getKey, createKey, patchKey, rotateKey, revokeKey];
