import type { Queryable } from '../../db/database.ts';
import type { OperatorKey } from '../../domain/access/operator-key.ts';
import type { Scope } from '../../domain/access/operator-scope.ts';
import { changeAccount, closeAccount } from '../../domain/account/account.ts';
import {
  type AccountRecord,
  balancesOf,
  billingAccountOf,
  findAccount,
  readAccount,
  searchAccounts,
} from '../../domain/account/account-search.ts';
import type { AccountChanges } from '../../domain/account/account-setting.ts';
import { ONBOARDINGS, onboardAccount } from '../../domain/account/onboard.ts';
import { listNumbersOfAll, servicesOf } from '../../domain/billing/item-list.ts';
import * as entered from '../../domain/entered-values.ts';
import { STAFF_ROLES } from '../../domain/role.ts';
import { registrationsOf } from '../../domain/sip/registration.ts';
import { Type } from '../../http/schema.ts';
import { SETTINGS } from './account-settings.ts';
import {
  created,
  given,
  ok,
  okTagged,
  page,
  requireMatch,
  rowsOf,
  tagged,
  unlessGone,
} from './framework/answer.ts';
import {
  allOptional,
  anyOf,
  choice,
  type Field,
  type Fields,
  flagText,
  optional,
  text,
} from './framework/field.ts';
import { PAGE, time, username } from './framework/fields.ts';
import { invalidValue, Problem, requireScope } from './framework/problem.ts';
import { type Call, routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import {
  balanceSchema,
  numberSchema,
  registrationSchema,
  serviceSchema,
  shownBalance,
  shownNumber,
  shownRegistration,
  shownService,
} from './shapes.ts';

const route = routesOf('accounts');
const A = { username: username('Its username') };

const EXPANSIONS = ['balance', 'services', 'numbers', 'registrations'] as const;
type Expansion = (typeof EXPANSIONS)[number];

const expand: Field<Expansion[]> = text(
  (given) => given.split(',').map((word) => entered.oneOf(word, EXPANSIONS)),
  { description: `What else to tell of each, separated by commas: ${EXPANSIONS.join(', ')}` },
);

const { externalId, name, email, ...terms } = s.shownSettings(SETTINGS);
const accountSchema = s.object({
  username: s.username,
  ...{ externalId, name, email },
  masterAccount: s.username,
  role: s.name,
  ...terms,
  createdAt: s.moment,
  updatedAt: s.moment,
  verifiedAt: s.orNull(s.moment),
  closedAt: s.orNull(s.moment),
  etag: Type.Optional(s.name),
  password: Type.Optional(s.name),
  apikey: Type.Optional(s.name),
  balance: Type.Optional(balanceSchema),
  services: Type.Optional(s.listOf(serviceSchema)),
  numbers: Type.Optional(s.listOf(numberSchema)),
  registrations: Type.Optional(s.listOf(registrationSchema)),
});

function shownAccount(record: AccountRecord & { place?: string }) {
  const { username, masterAccount, place: _, ...account } = record;
  return tagged({ username: String(username), masterAccount: String(masterAccount), ...account });
}

const SCOPE_OF: Partial<Record<Expansion, Scope>> = {
  balance: 'balances:read',
  registrations: 'registrations:read',
};

/** Data with its own scope needs that scope also here. @throws Problem 403 */
function requireScopes(key: OperatorKey, names: Expansion[]): void {
  for (const name of names) {
    const scope = SCOPE_OF[name];
    if (scope !== undefined) requireScope(key, scope);
  }
}

/** Adds the requested data to accounts, one statement for each kind. Such answers have no ETag. */
async function expanded(
  { service: { db }, key, now }: Pick<Call<Fields, Fields, Fields>, 'service' | 'key' | 'now'>,
  accounts: AccountRecord[],
  names: Expansion[] = [],
): Promise<object[]> {
  requireScopes(key, names);
  const usernames = accounts.map((account) => account.username);
  const has = (name: Expansion) => names.includes(name);
  const balances = has('balance') ? await balancesOf(db, usernames) : undefined;
  const services = has('services') ? await servicesOf(db, usernames) : undefined;
  const numbers = has('numbers') ? await listNumbersOfAll(db, { accounts: usernames }) : undefined;
  const phones = has('registrations')
    ? await registrationsOf(db, { accounts: usernames }, now)
    : undefined;
  const own = <Row extends { account: number }>(rows: Row[], of: number) =>
    rows.filter(({ account }) => account === of);
  return accounts.map((account) => {
    const { etag, ...shown } = shownAccount(account);
    const of = account.username;
    const balance = balances?.get(of);
    return {
      ...shown,
      ...(names.length === 0 ? { etag } : {}),
      ...(balance ? { balance: shownBalance(balance, now) } : {}),
      ...(services ? { services: own(services, of).map(shownService) } : {}),
      ...(numbers ? { numbers: own(numbers, of).map(shownNumber) } : {}),
      ...(phones ? { registrations: own(phones, of).map(shownRegistration) } : {}),
    };
  });
}

const listAccounts = route('GET /accounts', 'listAccounts', {
  summary: 'Accounts, by username or by the time of their last change',
  scope: 'accounts:read',
  query: {
    search: optional(
      text(entered.words, { description: 'Part of a name, address, username or number' }),
    ),
    externalId: anyOf(text(entered.externalId, { description: 'Of another system' })),
    email: anyOf(text(entered.email, { description: 'Its address' })),
    masterAccount: anyOf(username('Who pays for it')),
    priceList: anyOf(text(entered.listName, { description: 'Its price list' })),
    state: optional(
      choice(['open', 'closed', 'all'], { description: 'open where it is left out' }),
    ),
    enabled: optional(flagText('Whether it may call')),
    suspended: optional(flagText('Whether the balance it is paid from is used up')),
    verified: optional(flagText('Whether its address was confirmed')),
    role: optional(
      choice(['customer', ...STAFF_ROLES], { description: 'Customers, or staff with a role' }),
    ),
    updatedSince: optional(time('Changed at or after')),
    order: optional(
      choice(['username', 'updatedAt'], { description: 'username where it is left out' }),
    ),
    expand: optional(expand),
    ...PAGE,
  },
  answers: { 200: s.pageOf(accountSchema) },
  handle: async (call) => {
    const { order = 'username', expand: more, limit: _, cursor: __, ...filter } = call.query;
    const { state = 'open' } = filter;
    const found = await searchAccounts(
      call.service.db,
      { ...filter, state, reach: call.reach },
      { order, after: call.after, limit: rowsOf(call) },
    );
    const shown = new Map<number, object>();
    const all = await expanded(call, found, more);
    for (const [n, account] of found.entries()) shown.set(account.username, all[n] as object);
    const position = (row: (typeof found)[number]) =>
      order === 'username' ? [row.username] : [row.place, row.username];
    return page(call, found, position, (row) => shown.get(row.username));
  },
});

const createAccount = route('POST /accounts', 'createAccount', {
  summary: 'Make an account',
  description:
    '`onboarding` says how its owner gets in: `invite` mails a link that verifies the address and ' +
    'has the owner choose a password; `credentials` answers password and API key; `none` does neither.',
  scope: 'accounts:write',
  idempotency: 'required',
  body: {
    ...allOptional(SETTINGS),
    name: SETTINGS.name,
    email: SETTINGS.email,
    username: optional(username('Left out, it is generated')),
    masterAccount: optional(username('Who pays for it; left out, itself')),
    onboarding: optional(choice(ONBOARDINGS, { description: 'invite where it is left out' })),
  },
  answers: { 201: accountSchema },
  handle: async (call) => {
    const { username: wanted, masterAccount, onboarding = 'invite', ...settings } = call.body;
    const { db, keyring, queue, config } = call.service;
    const reaches = masterAccount !== undefined && call.reach?.includes(masterAccount);
    if (call.reach && !reaches) {
      throw new Problem(404, 'not_found', 'The key makes accounts that its accounts pay for');
    }
    if (masterAccount !== undefined) requireOwnTerms(settings, masterAccount);
    const tools = { keyring, queue, now: call.now, sipRealm: config.sipRealm };
    const made = await onboardAccount(
      db,
      call.actor,
      { ...tools, rate: config.defaultRate, limits: config.newLimits },
      { username: wanted, masterAccount, settings: given(settings), onboarding },
    );
    const account = shownAccount(await findAccount(db, made.username));
    const headers = { etag: account.etag };
    return created(`/accounts/${made.username}`, { ...account, ...made.credentials }, headers);
  },
});

/** @throws Problem 409 for terms that belong to the account that pays */
function requireOwnTerms(
  { billing, creditLimit, dayLimit }: AccountChanges,
  billingAccount: number,
): void {
  if ([billing, creditLimit, dayLimit].every((value) => value === undefined)) return;
  const detail = `billing, creditLimit and dayLimit are those of ${billingAccount}`;
  throw new Problem(409, 'not_a_billing_account', detail, {
    about: { billedTo: String(billingAccount) },
  });
}

const getAccount = route('GET /accounts/{username}', 'getAccount', {
  summary: 'An account',
  scope: 'accounts:read',
  params: A,
  query: { expand: optional(expand) },
  tagged: true,
  answers: { 200: accountSchema },
  handle: async (call) => {
    const account = await readAccount(call.service.db, call.params.username);
    if (!call.query.expand) return okTagged(shownAccount(account));
    return ok((await expanded(call, [account], call.query.expand))[0]);
  },
});

const patchAccount = route('PATCH /accounts/{username}', 'changeAccount', {
  summary: 'Change settings of an account',
  description: 'A JSON Merge Patch: what is not given stays, null clears.',
  scope: 'accounts:write',
  params: A,
  body: allOptional(SETTINGS),
  tagged: true,
  answers: { 200: accountSchema },
  handle: async (call) => {
    const { db, queue } = call.service;
    const { username: of } = call.params;
    const changes = given(call.body);
    const precondition = async (tx: Queryable) =>
      requireMatch(call.headers, shownAccount(await findAccount(tx, of)).etag);
    const tools = { queue, now: call.now, precondition };
    await changeAccount(db, call.actor, tools, of, changes as AccountChanges);
    return okTagged(shownAccount(await findAccount(db, of)));
  },
});

const close = route('POST /accounts/{username}/close', 'closeAccount', {
  summary: 'Close an account for good',
  description: 'Its credentials are refused, its services and numbers end, its books stay.',
  scope: 'accounts:close',
  params: A,
  body: { confirm: username('The same username once more') },
  answers: { 200: accountSchema },
  handle: async (call) => {
    const { db } = call.service;
    const { username: of } = call.params;
    if (call.body.confirm !== of) {
      throw invalidValue('/confirm', `Must be ${of}`);
    }
    if (!(await billingAccountOf(db, of))?.isClosed) {
      await closeAccount(db, call.actor, of, call.now).catch(unlessGone);
    }
    return okTagged(shownAccount(await findAccount(db, of)));
  },
});

export const accountRoutes = [listAccounts, createAccount, getAccount, patchAccount, close];
