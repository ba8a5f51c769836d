import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { countsOf } from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { changeAccount } from '../account/account.ts';
import { addAccount, NO_LIMITS } from '../account/new-account.ts';
import { postByHand } from '../books/ledger.ts';
import { storeCalls } from '../calls/call.ts';
import { busiestDestinations, usageBy } from '../calls/usage.ts';
import { postMonthlyCharges } from './charge-run.ts';
import { addService } from './recurring-charge.ts';
import { balanceByDay, monthlyStatement } from './statement.ts';

const SUB = 5_550_000_001;

let account: number;

// A customer in New York with one sub-account. The clocks there go back on 4 November 2029. A
// second of talk costs a cent.
const api = sharedService({}, async () => {
  const { db, keyring, queue } = api.service;
  account = (await api.signUp()).username;
  const at = (text: string) => new Date(text);
  const settings = { timeZone: 'America/New_York', rate: '0.6', incrementSeconds: 1 };
  await changeAccount(
    db,
    TESTER,
    { queue: api.service.queue, now: at('2029-10-01T00:00Z') },
    account,
    settings,
  );
  await addAccount(db, TESTER, keyring, {
    name: 'Branch',
    email: 'branch@example.com',
    username: SUB,
    masterAccount: account,
    role: 'customer',
    rate: '0.6',
    limits: NO_LIMITS,
    sipRealm: 'localhost',
    now: at('2029-10-01T00:00Z'),
  });
  await changeAccount(db, TESTER, { queue: api.service.queue, now: at('2029-10-01T00:00Z') }, SUB, {
    incrementSeconds: 1,
  });
  const pay = (amount: string, when: string) =>
    postByHand(db, TESTER, { account, kind: 'payment', amount, reason: 'Card', at: at(when) });
  await pay('100', '2029-10-31T12:00Z');
  const service = { account: SUB, description: 'E911', monthly: '1.5' };
  await addService(db, TESTER, service, at('2029-10-31T13:00Z'));
  await postMonthlyCharges(db, queue, { now: at('2029-11-01T05:00Z'), prorate: false });
  const call = (who: number, start: string, seconds: number, called = '8005550100') => ({
    id: randomUUID().replaceAll('-', ''),
    account: who,
    startedAt: at(start),
    talkMicroseconds: seconds * 1_000_000,
    outcome: undefined,
    caller: '2125550100',
    called,
    sourceIp: undefined,
    callerName: undefined,
    switchDebit: undefined,
    callId: undefined,
  });
  const { warningsDue: _, ...stored } = countsOf(
    await storeCalls(
      db,
      'test',
      [
        // 23:59:59 on 31 October, and the first moment of November
        call(account, '2029-11-01T03:59:59Z', 10),
        call(account, '2029-11-01T04:00:00Z', 20),
        call(SUB, '2029-11-04T05:30:00Z', 30),
        call(account, '2029-11-04T06:30:00Z', 40, '8005550101'),
        call(account, '2029-11-05T04:59:59Z', 0),
        { ...call(SUB, '2029-11-05T05:00:00Z', 99), switchDebit: { rate: '1', amount: '7.5' } },
        call(SUB, '2029-12-01T04:59:59Z', 50),
        call(SUB, '2029-12-01T05:00:00Z', 60, '8005550101'),
      ],
      at('2029-12-02T00:00Z'),
    ),
  );
  assert.deepEqual(stored, { stored: 8, duplicates: 0, unknownAccounts: [], conflicts: [] });
  await pay('5', '2029-11-20T12:00Z');
  await pay('7', '2029-12-01T12:00Z');
});

test('a statement adds up, from the balance before the month to the one after it', async () => {
  const statement = await monthlyStatement(api.service.db, account, '2029-11');
  const [charge, payment] = statement.entries;
  assert.deepEqual(statement, {
    account,
    name: 'Example Company',
    month: '2029-11',
    timeZone: 'America/New_York',
    from: new Date('2029-11-01T04:00Z'),
    to: new Date('2029-12-01T05:00Z'),
    opening: '99.900000',
    calls: [
      { account, name: 'Example Company', calls: 3, billedSeconds: 60, amount: '0.600000' },
      { account: SUB, name: 'Branch', calls: 3, billedSeconds: 179, amount: '0.800000' },
    ].sort((a, b) => a.account - b.account),
    entries: [
      {
        id: charge?.id,
        kind: 'monthly charge',
        amount: '-1.500000',
        reason: 'Monthly charge 2029-11',
        reference: 'monthly charge 2029-11',
        createdAt: new Date('2029-11-01T05:00Z'),
        paid: null,
        lines: [
          {
            month: '2029-11',
            item: 'service',
            itemId: charge?.lines[0]?.itemId,
            owner: SUB,
            name: 'E911',
            days: 30,
            amount: '1.500000',
          },
        ],
      },
      {
        id: payment?.id,
        kind: 'payment',
        amount: '5.000000',
        reason: 'Card',
        reference: null,
        createdAt: new Date('2029-11-20T12:00Z'),
        paid: null,
        lines: [],
      },
    ],
    callsAmount: '1.400000',
    entriesAmount: '3.500000',
    closing: '102.000000',
  });
});

test('a month closes with what the next one opens with, and the last with the cash', async () => {
  const { db } = api.service;
  const before = await monthlyStatement(db, account, '2029-10');
  const next = await monthlyStatement(db, account, '2029-12');
  assert.deepEqual([before.opening, before.closing], ['0.000000', '99.900000']);
  assert.deepEqual([next.opening, next.closing], ['102.000000', '108.400000']);
  const [balance] = await db.query('SELECT cash::text FROM balance WHERE account = $1', [account]);
  assert.deepEqual(balance, { cash: next.closing });
});

test('a sub-account has no statement of its own', async () => {
  await assert.rejects(monthlyStatement(api.service.db, SUB, '2029-11'), {
    code: 'not found',
    message: `${SUB} is no billing account`,
  });
});

test('the balance of each day is that at its end in the time zone', async () => {
  const range = { from: '2029-10-31', to: '2029-11-05', timeZone: 'America/New_York' };
  assert.deepEqual(await balanceByDay(api.service.db, account, range), [
    { day: '2029-10-31', cash: '99.900000' },
    { day: '2029-11-01', cash: '98.200000' },
    { day: '2029-11-02', cash: '98.200000' },
    { day: '2029-11-03', cash: '98.200000' },
    { day: '2029-11-04', cash: '97.500000' },
    { day: '2029-11-05', cash: '97.500000' },
  ]);
});

test('usage has every day, also without calls and as long as clocks make it', async () => {
  const scope = { billingAccount: account };
  const range = { from: '2029-11-03', to: '2029-11-05', timeZone: 'America/New_York' };
  const day = (start: string, [calls, answered, billedSeconds]: number[], amount: string) => ({
    start: new Date(start),
    calls,
    answered,
    billedSeconds,
    amount,
  });
  assert.deepEqual(await usageBy(api.service.db, 'day', scope, range), [
    day('2029-11-03T04:00Z', [0, 0, 0], '0.000000'),
    day('2029-11-04T04:00Z', [3, 2, 70], '0.700000'),
    day('2029-11-05T05:00Z', [1, 1, 99], '7.500000'),
  ]);
  const own = await usageBy(api.service.db, 'day', { ...scope, account }, range);
  assert.deepEqual(
    own.map(({ calls }) => calls),
    [0, 2, 0],
  );
});

test('usage by hour has the hour that comes twice as two', async () => {
  const range = { from: '2029-11-04', to: '2029-11-04', timeZone: 'America/New_York' };
  const hours = await usageBy(api.service.db, 'hour', { billingAccount: account }, range);
  assert.equal(hours.length, 25);
  const busy = hours.filter(({ calls }) => calls > 0);
  assert.deepEqual(
    busy.map(({ start, calls }) => [start.toISOString(), calls]),
    [
      ['2029-11-04T05:00:00.000Z', 1],
      ['2029-11-04T06:00:00.000Z', 1],
      ['2029-11-05T04:00:00.000Z', 1],
    ],
  );
});

test('usage by month has its first and last month as far as the range goes', async () => {
  const range = { from: '2029-10-31', to: '2030-01-01', timeZone: 'America/New_York' };
  const scope = { billingAccount: account };
  const months = await usageBy(api.service.db, 'month', scope, range);
  assert.deepEqual(
    months.map(({ start, calls }) => [start.toISOString(), calls]),
    [
      ['2029-10-31T04:00:00.000Z', 1],
      ['2029-11-01T04:00:00.000Z', 6],
      ['2029-12-01T05:00:00.000Z', 1],
      ['2030-01-01T05:00:00.000Z', 0],
    ],
  );
  const one = await usageBy(api.service.db, 'month', scope, {
    ...range,
    from: '2029-12-01',
    to: '2029-12-31',
  });
  assert.deepEqual(
    one.map(({ start }) => start.toISOString()),
    ['2029-12-01T05:00:00.000Z'],
  );
});

test('the busiest destinations come first, of the newest calls', async () => {
  const { db } = api.service;
  const range = { from: '2029-11-01', to: '2029-12-01', timeZone: 'America/New_York' };
  assert.deepEqual(await busiestDestinations(db, { billingAccount: account }, range, 1), {
    calls: 7,
    destinations: [
      { called: '8005550100', calls: 5, answered: 4, billedSeconds: 199, amount: '8.500000' },
    ],
  });
  const none = { ...range, from: '2030-01-01', to: '2030-01-01' };
  assert.deepEqual(await busiestDestinations(db, { billingAccount: account }, none, 1), {
    calls: 0,
    destinations: [],
  });
});
