import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { postEntry } from '../../src/domain/books/ledger.ts';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  startContract,
} from '../support/contract.ts';

let contract: Contract;
before(async () => {
  contract = await startContract();
});
after(() => contract.api.stop());

const credit = (account: number, amount: string) =>
  postEntry(contract.api.service.db, {
    account,
    kind: 'adjustment',
    amount,
    reason: 'Test',
    actor: 'test',
    at: new Date(),
  });

test('200: the record of a new account, by the header and by the body', async () => {
  const { username, email, apikey } = await contract.signUp();
  const answer = await contract.call('info', undefined, bearer(apikey));
  const { created } = answer.body.account[0];
  assert.match(created, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
  assert.ok(Math.abs(Date.parse(created) - Date.now()) < 60_000);
  const record = {
    name: 'Example Company',
    rate: 0.0075,
    enabled: true,
    notify_threshold: 5,
    username: String(username),
    caller_id: '',
    notify: true,
    email,
    created,
    cash: 0,
  };
  assertSuccess(answer, { account: [record] });
  assertSuccess(await contract.call('info', { apikey }), { account: [record] });
});

test('200: every value that an operator may have set', async () => {
  const { username, apikey } = await contract.signUp();
  await contract.api.service.db.query(
    `UPDATE account SET name = 'Zoë "Z" <z>', rate = 0.025000, enabled = false,
       notify_threshold = 100, caller_id = '8008786160', notify = false,
       created_at = '2020-01-15T13:00:00.999+01:00', time_zone = 'America/New_York'
     WHERE username = $1`,
    [username],
  );
  await credit(username, '25.5');
  const { email, ...record } = (await contract.call('info', { apikey })).body.account[0];
  assert.deepEqual(record, {
    name: 'Zoë "Z" <z>',
    rate: 0.025,
    enabled: false,
    notify_threshold: 100,
    username: String(username),
    caller_id: '8008786160',
    notify: false,
    created: '2020-01-15T12:00:00+00:00',
    cash: 25.5,
  });
});

test('200: cash has its six places and its sign, and no others', async () => {
  const { username, apikey } = await contract.signUp();
  const cash = async () => (await contract.call('info', { apikey })).body.account[0].cash;
  await credit(username, '0.1');
  await credit(username, '0.2');
  assert.equal(await cash(), 0.3);
  await credit(username, '123456.482501');
  assert.equal(await cash(), 123456.782501);
  await credit(username, '-123456.782502');
  assert.equal(await cash(), -0.000001);
});

test('200: an account billed to another shows no cash, unless its payer lets it see the balance', async () => {
  const payer = await contract.signUp();
  const sub = await contract.addSubAccount(payer.username);
  await credit(payer.username, '12');
  const cashOf = async ({ apikey }: { apikey: string }) =>
    (await contract.call('info', { apikey })).body.account[0].cash;
  assert.deepEqual([await cashOf(payer), await cashOf(sub)], [12, 0]);
  await contract.api.service.db.query(
    'UPDATE account SET shows_balance = true WHERE username = $1',
    [sub.username],
  );
  assert.deepEqual([await cashOf(payer), await cashOf(sub)], [12, 12]);
});

test('400, 401, 429', async () => {
  assertFailure(await contract.call('info'), 400, 'Field Required: apikey');
  assertFailure(await contract.call('info', { apikey: 'x' }), 401, 'Unauthorized');
  const { apikey } = await contract.signUp();
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 6; request++) {
    assert.equal((await contract.call('info', { apikey }, address)).status, 200);
  }
  assertFailure(await contract.call('info', { apikey }, address), 429, 'Rate limit exceeded');
  contract.assertAllSeen('info');
});
