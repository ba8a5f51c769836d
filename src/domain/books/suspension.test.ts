import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addCustomer,
  changeSettings,
  moneyOf,
  post,
  reportedCall,
} from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import type { AccountChanges } from '../account/account-setting.ts';
import { storeCalls } from '../calls/call.ts';

const api = sharedService();

const set = (account: number, changes: AccountChanges) => changeSettings(api, account, changes);

/** Debits an account by a call of one minute at a rate of `rate`. */
async function callFor(account: number, rate: string): Promise<void> {
  await set(account, { rate, incrementSeconds: 60 });
  const call = reportedCall({ account, talkMicroseconds: 60_000_000 });
  await storeCalls(api.service.db, 'pbx1', [call], api.service.clock());
}

const isSuspended = async (account: number) =>
  (await moneyOf(api.service.db, account))?.suspended ?? false;

async function isEnabled(apikey: string): Promise<boolean> {
  return (await api.call('info', {}, apikey)).body.account[0].enabled;
}

test('a debit that uses a prepaid balance up stops calls, a credit lets them go on', async () => {
  const account = await addCustomer(api, { cash: '1' });
  await callFor(account, '0.999999');
  assert.equal(await isSuspended(account), false);
  await callFor(account, '0.000001');
  assert.equal(await isSuspended(account), true, 'at zero');
  await post(api.service.db, account, '0');
  assert.equal(await isSuspended(account), true, 'nothing was credited');
  await post(api.service.db, account, '0.000001');
  assert.equal(await isSuspended(account), false);
  await post(api.service.db, account, '-2');
  assert.equal(await isSuspended(account), true, 'by a debit of the ledger');
  await post(api.service.db, account, '1.5');
  assert.equal(await isSuspended(account), true, 'still below zero');
  await post(api.service.db, account, '5');
  assert.equal(await isSuspended(account), false);
});

test('a new account without cash is not stopped before its first debit', async () => {
  const account = await addCustomer(api);
  assert.equal(await isSuspended(account), false);
  await callFor(account, '0');
  await post(api.service.db, account, '0');
  assert.equal(await isSuspended(account), false);
  await set(account, { billing: 'prepaid' });
  assert.equal(await isSuspended(account), false);
});

test("info tells the account and those billed to it; the operator's own word stays", async () => {
  const { db } = api.service;
  const master = await api.signUp();
  const sub = await api.signUp();
  await db.query('UPDATE account SET master_account = $2 WHERE username = $1', [
    sub.username,
    master.username,
  ]);
  const states = async () => [await isEnabled(master.apikey), await isEnabled(sub.apikey)];
  await post(db, master.username, '1');
  assert.deepEqual(await states(), [true, true]);
  await callFor(sub.username, '3');
  assert.deepEqual(await states(), [false, false]);

  await set(sub.username, { enabled: false });
  await post(db, master.username, '10');
  assert.deepEqual(await states(), [true, false]);
  await callFor(master.username, '20');
  await post(db, master.username, '20');
  assert.deepEqual(await states(), [true, false]);
  await set(sub.username, { enabled: true });
  assert.deepEqual(await states(), [true, true]);
});

test('a postpaid account stops below its credit limit, or never', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '1' });
  await set(account, { billing: 'postpaid', creditLimit: '10' });
  await callFor(account, '11');
  assert.equal(await isSuspended(account), false, 'at the limit');
  await callFor(account, '0.000001');
  assert.equal(await isSuspended(account), true);
  await post(db, account, '0.000001');
  assert.equal(await isSuspended(account), false);

  await set(account, { creditLimit: '9.99' });
  assert.equal(await isSuspended(account), true, 'a lower limit counts at once');
  await set(account, { creditLimit: '10' });
  assert.equal(await isSuspended(account), false);
  await set(account, { creditLimit: '0' });
  assert.equal(await isSuspended(account), true);
  await set(account, { creditLimit: null });
  assert.equal(await isSuspended(account), false);
  await callFor(account, '1000');
  assert.equal(await isSuspended(account), false);
});

test('a change between prepaid and postpaid counts at once', async () => {
  const account = await addCustomer(api, { cash: '1' });
  await callFor(account, '3');
  await set(account, { billing: 'postpaid' });
  assert.equal(await isSuspended(account), false);
  await set(account, { billing: 'prepaid' });
  assert.equal(await isSuspended(account), true);
  await assert.rejects(set(account, { creditLimit: '5' }), {
    code: 'conflict',
    message: `${account} is prepaid; a credit limit is for postpaid accounts`,
  });
  await set(account, { billing: 'postpaid', creditLimit: '1.5' });
  assert.equal(await isSuspended(account), true);
  await set(account, { billing: 'postpaid', creditLimit: '2' });
  assert.equal(await isSuspended(account), false);
  // A prepaid account loses its credit limit, and does not get it back.
  await set(account, { billing: 'prepaid' });
  await set(account, { billing: 'postpaid' });
  const rows = await api.service.db.query('SELECT credit_limit FROM balance WHERE account = $1', [
    account,
  ]);
  assert.deepEqual(rows, [{ credit_limit: null }]);
  const sub = await addCustomer(api, { master: account });
  await assert.rejects(set(sub, { billing: 'postpaid' }), { code: 'conflict' });
});

test('debits and credits at once leave the state that the cash tells', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { rate: '1', increment: 60 });
  await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      n % 2
        ? post(db, account, '1')
        : storeCalls(db, 'x', [reportedCall({ account, talkMicroseconds: 1 })], clock()),
    ),
  );
  assert.equal((await moneyOf(db, account))?.cash, '0.000000');
  assert.equal(await isSuspended(account), true);
  await post(db, account, '1');
  assert.equal(await isSuspended(account), false);
});
