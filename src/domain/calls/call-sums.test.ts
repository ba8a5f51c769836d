import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, countsOf, reportedCall } from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import type { Queryable } from '../../db/database.ts';
import { changeAccount } from '../account/account.ts';
import { balanceByDay, monthlyStatement } from '../billing/statement.ts';
import { addDays, type DayRange, dayOf } from '../day.ts';
import { storeCalls } from './call.ts';
import { markBusy, sumCalls } from './call-sums.ts';
import { rerateCalls } from './rerating.ts';
import { usageBy } from './usage.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let account: number;
let sub: number;
let range: DayRange;
const api = sharedService({}, async () => {
  // Early in an hour, so no new hour ends while the tests move the clock forward a little.
  api.advance((HOUR_MS - (Date.now() % HOUR_MS)) / 1_000 + 300);
  await api.service.db.query('DELETE FROM pgboss.schedule');
  account = await addCustomer(api, { cash: '1000', rate: '0.6', minimum: 1, increment: 1 });
  sub = await addCustomer(api, { master: account, rate: '0.6', minimum: 1, increment: 1 });
  // An offset of half an hour, so days do not begin with UTC hours.
  const timeZone = 'Asia/Kolkata';
  const { db, queue, clock } = api.service;
  await changeAccount(db, TESTER, { queue, now: clock() }, account, { timeZone });
  const today = dayOf(clock(), timeZone);
  range = { from: addDays(today, -3), to: today, timeZone };
});

/** Stores calls of both accounts, at random moments of the last days. */
async function store(count: number, withinMs = 3 * DAY_MS): Promise<void> {
  const { db, clock } = api.service;
  const calls = Array.from({ length: count }, (_, n) =>
    reportedCall({
      account: n % 3 === 0 ? sub : account,
      startedAt: new Date(clock().getTime() - Math.floor(Math.random() * withinMs)),
      talkMicroseconds: Math.floor(Math.random() * 100) * 1_000_000,
      ...(n % 5 === 0 ? { switchDebit: { rate: '1', amount: '0.5' } } : {}),
    }),
  );
  assert.equal(countsOf(await storeCalls(db, 'test', calls, clock())).stored, count);
}

/** Runs the job twice, with the job's delay after an announcement in between. */
async function sumTwice(): Promise<void> {
  const { db, clock } = api.service;
  await sumCalls(db, clock());
  await sumCalls(db, new Date(clock().getTime() + 11 * 60_000));
}

/** Repeats the job until all is summed: transactions of other tests on the server delay it. */
async function sumAll(): Promise<void> {
  await waitUntil(async () => {
    await sumTwice();
    return (await hours(false)) === 0;
  });
}

/** All sums of calls that pages show. */
async function told(db: Queryable = api.service.db) {
  const whole = { billingAccount: account };
  return {
    days: await usageBy(db, 'day', whole, range),
    hours: await usageBy(db, 'hour', whole, range),
    subDays: await usageBy(db, 'day', { ...whole, account: sub }, range),
    balances: await balanceByDay(db, account, range),
    statement: await monthlyStatement(db, account, range.to.slice(0, 7)),
  };
}

/** Asserts that sums and calls give the same result at one moment. */
async function assertExact(message?: string): Promise<void> {
  const [withSums, fromCalls] = await api.service.db.transaction(async (tx) => {
    const first = await told(tx);
    // Replaces the real table in this transaction.
    await tx.query(
      'CREATE TEMPORARY TABLE call_sum_hour (LIKE public.call_sum_hour) ON COMMIT DROP',
    );
    return [first, await told(tx)];
  }, 'REPEATABLE READ');
  assert.deepEqual(withSums, fromCalls, message);
}

async function hours(complete: boolean): Promise<number> {
  const [row] = await api.service.db.query<{ count: number }>(
    'SELECT count(*) AS count FROM call_sum_hour WHERE billing_account = $1 AND complete = $2',
    [account, complete],
  );
  return row?.count ?? 0;
}

test('sums tell what the calls tell, and leave the last hours to the calls', async () => {
  await store(500);
  await markBusy(api.service.db, account);
  const before = await told();
  await sumAll();
  assert.deepEqual(await told(), before);
  assert.ok((await hours(true)) >= 65, `${await hours(true)} of 70 hours`);
  assert.equal(await hours(false), 0);
  const [kept] = await api.service.db.query<{ calls: number }>(
    'SELECT sum(calls) AS calls FROM call_sum WHERE billing_account = $1',
    [account],
  );
  assert.ok((kept?.calls ?? 0) > 450);

  // Wrong sums change the result, so the sums are really read.
  await api.service.db.query('UPDATE call_sum SET calls = calls + 1 WHERE account = $1', [sub]);
  assert.notDeepEqual((await told()).subDays, before.subDays);
  await api.service.db.query('UPDATE call_sum SET calls = calls - 1 WHERE account = $1', [sub]);
});

test('calls that come late are told at once, also while sums are made', async () => {
  const { db, clock } = api.service;
  await sumAll();
  let isDone = false;
  const summing = (async () => {
    while (!isDone) await sumCalls(db, new Date(clock().getTime() + 11 * 60_000));
  })();
  for (let round = 0; round < 12; round++) {
    await Promise.all([store(20), store(20), store(5, HOUR_MS)]);
    await assertExact(`round ${round}`);
  }
  isDone = true;
  await summing;
  await sumAll();
  await assertExact();
  assert.equal(await hours(false), 0);
});

test('an hour is not summed while a statement may not know that it is announced', async () => {
  const { db, clock } = api.service;
  await sumAll();
  await db.query('DELETE FROM call_sum_hour WHERE hour < $1', [
    new Date(clock().getTime() - DAY_MS),
  ]);
  const complete = await hours(true);
  await db.transaction(async (tx) => {
    // Gets a transaction id before the announcement, like a statement that stores calls.
    await tx.query('SELECT pg_current_xact_id()');
    await sumTwice();
    assert.equal(await hours(true), complete);
    assert.ok((await hours(false)) > 40);
  });
  await sumAll();
  assert.equal(await hours(false), 0);
  await assertExact();
});

test('what is priced again is told at once, and balances stay what they were', async () => {
  const { db, queue, clock } = api.service;
  await sumAll();
  const before = await told();
  await changeAccount(db, TESTER, { queue, now: clock() }, sub, { rate: '1.2' });
  const all = { from: new Date(clock().getTime() - 4 * DAY_MS), to: clock() };
  await rerateCalls(db, TESTER, { ...all, reason: 'New rates' }, { now: clock() });
  const after = await told();
  await assertExact();
  assert.notDeepEqual(after.subDays, before.subDays);
  assert.deepEqual(after.balances.slice(0, -1), before.balances.slice(0, -1));
  await sumAll();
  assert.deepEqual(await told(), after);
});

test('an account that many calls come of is busy before anyone looks', async () => {
  const { db, clock } = api.service;
  const many = await addCustomer(api, {});
  const isBusyAfter = async (count: number) => {
    const calls = Array.from({ length: count }, () => reportedCall({ account: many }));
    await storeCalls(db, 'test', calls, clock());
    await sumCalls(db, clock());
    const rows = await db.query('SELECT 1 FROM busy_account WHERE account = $1', [many]);
    return rows.length > 0;
  };
  assert.equal(await isBusyAfter(99), false);
  assert.equal(await isBusyAfter(1), true);
});

test('an account whose page had to add up many calls is busy from then on', async () => {
  const { db, clock } = api.service;
  const many = await addCustomer(api, {});
  const batch = async () => {
    const startedAt = new Date(clock().getTime() - DAY_MS);
    const calls = Array.from({ length: 5_000 }, () => reportedCall({ account: many, startedAt }));
    await storeCalls(db, 'test', calls, clock());
  };
  const isBusy = async () => {
    await usageBy(db, 'day', { billingAccount: many }, range);
    const rows = await db.query('SELECT 1 FROM busy_account WHERE account = $1', [many]);
    return rows.length > 0;
  };
  for (let n = 0; n < 4; n++) await batch();
  assert.equal(await isBusy(), false);
  await batch();
  assert.equal(await isBusy(), true);
});
