import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import {
  addCustomer,
  changeSettings,
  post as credit,
  moneyOf,
  reportedCall,
} from '../../../test/support/calls.ts';
import { post, sharedService } from '../../../test/support/service.ts';
import type { AccountChanges } from '../account/account-setting.ts';
import { storeCalls } from '../calls/call.ts';
import { MAIL_QUEUE } from '../mail/message.ts';
import { tellOfStoppedCalls, warnLowBalances } from './balance-notice.ts';

const api = sharedService({}, async () => {
  // The tests run the job themselves.
  await api.service.db.query('DELETE FROM pgboss.schedule');
});

const set = (account: number, changes: AccountChanges) => changeSettings(api, account, changes);

const warn = () => warnLowBalances(api.service.db, api.service.queue);
const tell = () => tellOfStoppedCalls(api.service.db, api.service.queue);

const addressOf = (account: number) => `user-${account}@example.com`;

/** How many warnings are queued for the account's address. */
async function warnings(account: number): Promise<number> {
  const [row] = await api.service.db.query<{ count: number }>(
    "SELECT count(*) AS count FROM pgboss.job WHERE name = $1 AND data->>'to' = $2",
    [MAIL_QUEUE, addressOf(account)],
  );
  return row?.count ?? 0;
}

/** Debits by a call of a minute at `rate`, as a feed's delivery does, but wakes no job. */
async function callFor(account: number, rate: string): Promise<boolean> {
  await set(account, { rate, incrementSeconds: 60 });
  const call = reportedCall({ account, talkMicroseconds: 60_000_000 });
  const { warningsDue } = await storeCalls(api.service.db, 'x', [call], api.service.clock());
  return warningsDue;
}

test('a call that takes the balance below the threshold brings one mail', async () => {
  const account = await addCustomer(api, { cash: '5.01', rate: '0.012', increment: 60 });
  const authorization = await api.feed('generic');
  const deliver = (duration: number) =>
    post(
      `${api.url}/ingest/v1/calls/generic`,
      { id: randomUUID(), account, start: Date.now() / 1_000, duration, cid: '1', dst: '2' },
      { authorization },
    );
  await deliver(60);
  const [mail] = await api.mails(addressOf(account));
  assert.match(mail?.text ?? '', /5\.00|4\.99/);
  await deliver(60);
  await warn();
  assert.equal(await warnings(account), 1);
});

test('each crossing brings a mail of its own, at the threshold itself none', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '6' });
  assert.equal(await callFor(account, '1'), false);
  await warn();
  assert.equal(await warnings(account), 0);
  assert.equal(await callFor(account, '0.000001'), true);
  await Promise.all([warn(), warn()]);
  assert.equal(await warnings(account), 1);
  await callFor(account, '1');
  await warn();
  assert.equal(await warnings(account), 1, 'further down is no crossing');
  await credit(db, account, '0.5');
  await callFor(account, '1');
  await warn();
  assert.equal(await warnings(account), 1, 'nor is a credit that stays below');
  await credit(db, account, '10');
  await credit(db, account, '-9');
  await warn();
  assert.equal(await warnings(account), 2, 'a debit of the ledger crosses, too');
});

test('a credit before the mail was queued takes the warning back', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '6' });
  await callFor(account, '2');
  await credit(db, account, '0.5');
  assert.equal((await moneyOf(db, account))?.warning_due, true);
  await credit(db, account, '0.5');
  assert.equal((await moneyOf(db, account))?.warning_due, false);
  await warn();
  assert.equal(await warnings(account), 0);
  await callFor(account, '2');
  await warn();
  assert.equal(await warnings(account), 1);
});

test('the threshold of the time of the debit counts, and the wish of the time of the mail', async () => {
  const quiet = await addCustomer(api, { cash: '6' });
  await set(quiet, { notify: false });
  assert.equal(await callFor(quiet, '2'), false);
  await set(quiet, { notify: true });
  await callFor(quiet, '1');

  const raised = await addCustomer(api, { cash: '20' });
  await set(raised, { notifyThreshold: 15 });
  await callFor(raised, '6');

  const [silenced, lowered] = [
    await addCustomer(api, { cash: '6' }),
    await addCustomer(api, { cash: '6' }),
  ];
  await callFor(silenced, '2');
  await set(silenced, { notify: false });
  await callFor(lowered, '2');
  await set(lowered, { notifyThreshold: 3 });
  await warn();
  assert.deepEqual(
    await Promise.all([quiet, raised, silenced, lowered].map(warnings)),
    [0, 1, 0, 0],
  );
  await callFor(lowered, '2');
  await warn();
  assert.equal(await warnings(lowered), 1);
});

test('the account that pays is warned by its own settings, whoever called', async () => {
  const master = await addCustomer(api, { cash: '30' });
  const sub = await addCustomer(api, { master });
  await set(master, { notifyThreshold: 29 });
  await set(sub, { notify: false, notifyThreshold: 0 });
  assert.equal(await callFor(sub, '2'), true);
  await warn();
  assert.deepEqual([await warnings(master), await warnings(sub)], [1, 0]);
});

test('many debits at once cross once', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { cash: '15', rate: '1', increment: 60 });
  const results = await Promise.all(
    Array.from({ length: 20 }, () =>
      storeCalls(db, 'x', [reportedCall({ account, talkMicroseconds: 1 })], clock()),
    ),
  );
  assert.ok(results.some(({ warningsDue }) => warningsDue));
  await Promise.all(Array.from({ length: 5 }, () => warn()));
  assert.equal(await warnings(account), 1);
  assert.deepEqual(await moneyOf(db, account), {
    cash: '-5.000000',
    suspended: true,
    warning_due: false,
  });
});

/** Runs the job; returns how many mails about stopped calls are queued for the account. */
async function tellingsOfStoppedCalls(account: number): Promise<number> {
  await Promise.all([tell(), tell()]);
  const [row] = await api.service.db.query<{ count: number }>(
    `SELECT count(*) AS count FROM pgboss.job
     WHERE name = $1 AND data->'message'->>'kind' = 'calls stopped'
       AND data->'message'->>'username' = $2`,
    [MAIL_QUEUE, String(account)],
  );
  return row?.count ?? 0;
}

test('each time that calls stop, the customer is told once', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '2' });
  assert.equal(await tellingsOfStoppedCalls(account), 0);
  await credit(db, account, '-2.5');
  assert.equal(await tellingsOfStoppedCalls(account), 1);
  await credit(db, account, '-1');
  assert.equal(await tellingsOfStoppedCalls(account), 1);
  const [mail] = await api.mails(`user-${account}@example.com`);
  assert.equal(mail?.subject, 'Calls of your Account API account have stopped');
  assert.match(mail?.text ?? '', /Balance {2}-\$0\.50\n/);

  await credit(db, account, '10');
  assert.equal(await tellingsOfStoppedCalls(account), 1);
  await credit(db, account, '-10');
  assert.equal(await tellingsOfStoppedCalls(account), 2);
});

test('a payment before the mail was queued saves it', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '2' });
  await credit(db, account, '-2');
  await credit(db, account, '2');
  assert.equal(await tellingsOfStoppedCalls(account), 0);
});

test('warnings of many are queued in short transactions, and wait for no balance that calls lock', async () => {
  const { db } = api.service;
  const accounts: number[] = [];
  while (accounts.length < 60) accounts.push(await addCustomer(api, { cash: '4' }));
  const [locked = 0, ...others] = accounts;
  await db.query('UPDATE balance SET warning_due = true WHERE account = ANY ($1)', [accounts]);
  const counts = () => Promise.all([locked, ...others].map(warnings));
  await db.transaction(async (tx) => {
    await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [locked]);
    await warn();
    assert.deepEqual(await counts(), [0, ...others.map(() => 1)]);
  });
  await warn();
  assert.deepEqual(
    await counts(),
    accounts.map(() => 1),
  );
  const [row] = await db.query<{ transactions: number }>(
    'SELECT count(DISTINCT xmin::text)::int AS transactions FROM balance WHERE account = ANY ($1)',
    [others],
  );
  assert.equal(row?.transactions, 2);
});
