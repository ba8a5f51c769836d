import { spendLimit } from '../../domain/access/operator-key-use.ts';
import { balanceOf } from '../../domain/account/account-search.ts';
import { requireBalance } from '../../domain/books/balance.ts';
import {
  type Admit,
  type LedgerKind,
  postByHand,
  reverseEntry,
} from '../../domain/books/ledger.ts';
import { type EntryRecord, findEntry, searchEntries } from '../../domain/books/ledger-search.ts';
import * as entered from '../../domain/entered-values.ts';
import { Type } from '../../http/schema.ts';
import { created, ok, page, rowsOf } from './framework/answer.ts';
import {
  anyOf,
  choice,
  decimal,
  FieldFault,
  type Fields,
  optional,
  text,
} from './framework/field.ts';
import { PAGE, reason, recordId, time, username } from './framework/fields.ts';
import { invalidValue } from './framework/problem.ts';
import { type Call, routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';
import { balanceSchema, shownBalance } from './shapes.ts';

const ENTRY = '/accounts/{username}/ledger-entries/{id}';
const route = routesOf('money');
const A = { username: username('Its username') };

const KINDS = [
  'promotion',
  'payment',
  'adjustment',
  'credit on invoice',
  'monthly charge',
  'reversal',
] as const;

const entrySchema = s.object({
  id: s.name,
  account: s.username,
  kind: s.name,
  amount: s.money,
  reason: s.name,
  reference: s.orNull(s.name),
  actor: s.name,
  createdAt: s.moment,
  reversed: Type.Boolean(),
  paid: s.orNull(Type.Boolean()),
  lines: s.listOf(
    s.object({
      month: s.name,
      item: s.name,
      owner: s.username,
      name: s.name,
      days: s.whole,
      amount: s.money,
    }),
  ),
});

const postedSchema = s.object({
  posted: Type.Boolean(),
  entry: entrySchema,
  balance: balanceSchema,
});

function shownEntry({ id, account, lines, ...entry }: EntryRecord) {
  return { id: String(id), account: String(account), ...entry, lines };
}

const getBalance = route('GET /accounts/{username}/balance', 'getBalance', {
  summary: 'What whoever pays for an account may spend',
  scope: 'balances:read',
  params: A,
  answers: { 200: balanceSchema },
  handle: async ({ service, params, now }) =>
    ok(shownBalance(await balanceOf(service.db, params.username), now)),
});

const FILTER = {
  kind: anyOf(choice(KINDS, { description: 'Of these kinds' })),
  reference: anyOf(text(entered.words, { description: 'With these references' })),
  from: optional(time('Posted at or after')),
  to: optional(time('Posted before')),
};

const listEntries = route('GET /accounts/{username}/ledger-entries', 'listLedgerEntries', {
  summary: 'What was posted to a billing account, newest first; calls are not in it',
  scope: 'balances:read',
  params: A,
  query: { ...FILTER, ...PAGE },
  answers: { 200: s.pageOf(entrySchema) },
  handle: async (call) => {
    const { db } = call.service;
    const { kind: kinds, reference: references, from, to } = call.query;
    await requireBalance(db, call.params.username);
    const filter = { account: call.params.username, kinds, references, from, to };
    const rows = await searchEntries(db, filter, { before: beforeOf(call), limit: rowsOf(call) });
    return page(call, rows, ({ id }) => [id], shownEntry);
  },
});

const findByReference = route('GET /ledger-entries', 'findLedgerEntries', {
  summary: 'Entries of all accounts with a reference, newest first',
  scope: 'balances:read',
  query: {
    reference: text(entered.words, {
      description: 'Such as the id of a payment',
      example: 'stripe:pi_3Q',
    }),
    ...PAGE,
  },
  answers: { 200: s.pageOf(entrySchema) },
  handle: async (call) => {
    const filter = { references: [call.query.reference], reach: call.reach };
    const rows = await searchEntries(call.service.db, filter, {
      before: beforeOf(call),
      limit: rowsOf(call),
    });
    return page(call, rows, ({ id }) => [id], shownEntry);
  },
});

const beforeOf = ({ after }: { after: unknown[] | undefined }) => after?.[0] as number | undefined;

const getEntry = route(`GET ${ENTRY}`, 'getLedgerEntry', {
  summary: 'An entry of the ledger',
  scope: 'balances:read',
  params: { ...A, id: recordId },
  answers: { 200: entrySchema },
  handle: async ({ service, params }) =>
    ok(shownEntry(await findEntry(service.db, params.username, params.id))),
});

const TYPES = ['credit', 'debit'] as const;

const postEntry = route('POST /accounts/{username}/ledger-entries', 'postLedgerEntry', {
  summary: 'Credit or debit a billing account',
  description:
    'The reference counts once for an account, for ever: the same one again answers 200 and the ' +
    'first entry, and changes nothing.',
  scope: 'ledger:write',
  params: A,
  body: {
    type: choice(TYPES, { description: 'Whether the balance goes up or down', example: 'credit' }),
    amount: decimal(entered.amount, { description: 'An amount above 0', example: '25.00' }),
    reason,
    reference: text(readReference, {
      description: 'Counts once for the account, such as the id of a payment',
      example: 'stripe:pi_3Q',
    }),
    kind: optional(
      choice(['payment', 'adjustment', 'credit on invoice'], {
        description:
          'Of a credit: payment where it is left out. A credit on invoice is lent until a payment ' +
          'settles it. A debit is an adjustment',
      }),
    ),
    settles: optional(
      text(entered.recordId, {
        description:
          'Of a payment: the id of the unpaid credit on invoice of this amount that it pays',
        example: '17',
      }),
    ),
  },
  answers: { 200: postedSchema, 201: postedSchema },
  handle: async (call) => {
    const {
      type,
      amount,
      reason: why,
      reference,
      kind = type === 'credit' ? 'payment' : 'adjustment',
      settles,
    } = call.body;
    if (type === 'debit' && kind !== 'adjustment') {
      throw invalidValue('/kind', 'A debit is an adjustment');
    }
    if (settles !== undefined && kind !== 'payment') {
      throw invalidValue('/settles', 'Only a payment settles a credit on invoice');
    }
    const entry = {
      account: call.params.username,
      kind: kind as LedgerKind,
      amount: type === 'credit' ? amount : `-${amount}`,
      reason: why,
      reference,
      settles,
      at: call.now,
    };
    return posted(call, await postByHand(call.service.db, call.actor, entry, admitBy(call)));
  },
});

function readReference(given: string): string {
  try {
    return entered.reference(given);
  } catch (error) {
    if (!(error instanceof entered.InvalidValue)) throw error;
    if (error.problem.key !== 'reservedReference') throw error;
    throw new FieldFault('reference_reserved', "Must not be one of the service's own references");
  }
}

const reverse = route(`POST ${ENTRY}/reversal`, 'reverseLedgerEntry', {
  summary: 'Take an entry back by one of the opposite amount, once',
  scope: 'ledger:write',
  params: { ...A, id: recordId },
  body: { reason },
  answers: { 200: postedSchema, 201: postedSchema },
  handle: async (call) => {
    const { username: account, id: entry } = call.params;
    const reversal = { account, entry, reason: call.body.reason };
    return posted(
      call,
      await reverseEntry(call.service.db, call.actor, reversal, call.now, admitBy(call)),
    );
  },
});

type AnyCall = Pick<Call<Fields, Fields, Fields>, 'service' | 'key' | 'now'> & {
  params: { username: number };
};

/** Counts posted amounts against the limits of the key. */
function admitBy({ key, now }: AnyCall): Admit {
  return (tx, amount) => spendLimit(tx, key, amount, now);
}

async function posted({ service, params, now }: AnyCall, result: { id: number; posted: boolean }) {
  const { username: account } = params;
  const body = {
    posted: result.posted,
    entry: shownEntry(await findEntry(service.db, account, result.id)),
    balance: shownBalance(await balanceOf(service.db, account), now),
  };
  return result.posted
    ? created(`/accounts/${account}/ledger-entries/${result.id}`, body)
    : ok(body);
}

export const ledgerRoutes = [
  getBalance,
  listEntries,
  findByReference,
  getEntry,
  postEntry,
  reverse,
];
