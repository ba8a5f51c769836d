import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { renewPassword } from '../../src/domain/account/credentials.ts';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  type Customer,
  newUsername,
  startContract,
} from '../support/contract.ts';
import { TESTER } from '../support/service.ts';

let contract: Contract;
let customer: Customer;
before(async () => {
  contract = await startContract();
  customer = await contract.signUp();
});
after(() => contract.api.stop());

test('200: the current key, the same one at each call', async () => {
  const { username, password } = customer;
  const first = await contract.call('apikey', { username, password });
  assert.match(first.body.apikey, /^[0-9a-f]{32}$/);
  assertSuccess(first, { apikey: first.body.apikey });
  assertSuccess(await contract.call('apikey', { username: String(username), password }), {
    apikey: first.body.apikey,
  });
});

test('200: an Authorization header is not looked at, nor an apikey in the body', async () => {
  const { username, password, apikey } = customer;
  const other = await contract.signUp();
  for (const authorization of ['Bearer', 'Bearer x', `Bearer ${other.apikey}`, 'Basic eDp5', '']) {
    const answer = await contract.call('apikey', { username, password }, { authorization });
    assertSuccess(answer, { apikey });
  }
  assertSuccess(await contract.call('apikey', { username, password, apikey: 1 }), { apikey });
  assertFailure(await contract.call('apikey', {}, bearer(apikey)), 400, 'Field Required: username');
});

test('200: a new password has another key, and the old key is refused', async () => {
  const { username, password, apikey } = await contract.signUp();
  const { db, keyring, queue } = contract.api.service;
  const renewed = await renewPassword(db, TESTER, { keyring, queue, now: new Date() }, username);
  assertFailure(
    await contract.call('apikey', { username, password }),
    401,
    'Invalid username or password',
  );
  const answer = await contract.call('apikey', { username, password: renewed.password });
  assert.notEqual(answer.body.apikey, apikey);
  assertSuccess(answer, { apikey: renewed.apikey });
  assertFailure(await contract.call('info', { apikey }), 401, 'Unauthorized');
});

test('400: fields that are missing', async () => {
  const { username, password } = customer;
  for (const nothing of [undefined, null, '']) {
    assertFailure(
      await contract.call('apikey', { username: nothing, password: nothing }),
      400,
      'Field Required: username',
    );
    assertFailure(
      await contract.call('apikey', { username, password: nothing }),
      400,
      'Field Required: password',
    );
    assertFailure(
      await contract.call('apikey', { username: nothing, password }),
      400,
      'Field Required: username',
    );
  }
});

test('400: values at fault, the username first', async () => {
  const { username, password } = customer;
  const wrong = [
    0,
    -1,
    1.5,
    999_999_999,
    10_000_000_000,
    4592086960.5,
    1e300,
    true,
    {},
    [],
    [4592086960],
    '459208696',
    '45920869600',
    '0592086960',
    ' 4592086960',
    '4592086960 ',
    '+4592086960',
    '4592086960\n',
    '4592086960.0',
    '٤592086960',
    'x',
    ' ',
  ];
  for (const value of wrong) {
    assertFailure(
      await contract.call('apikey', { username: value, password: 1 }),
      400,
      'Field: username',
      'Must be a 10-digit number',
    );
  }
  for (const value of [0, 1234567890, true, false, {}, [], [password], { $ne: '' }]) {
    assertFailure(
      await contract.call('apikey', { username, password: value }),
      400,
      'Field: password',
      'Must be a string',
    );
  }
});

test('401: whatever does not belong together', async () => {
  const { username, password } = customer;
  const closed = await contract.signUp();
  await contract.close(closed);
  const other = await contract.signUp();
  const pairs: [number, string][] = [
    [username, 'wrong'],
    [username, `${password} `],
    [
      username,
      password.toUpperCase() === password ? password.toLowerCase() : password.toUpperCase(),
    ],
    [username, other.password],
    [username, '\u{1f511}'.repeat(1_000)],
    [newUsername(), password],
    [closed.username, closed.password],
  ];
  for (const [name, word] of pairs) {
    assertFailure(
      await contract.call('apikey', { username: name, password: word }),
      401,
      'Invalid username or password',
    );
  }
});

test('429: the seventh request of an hour, whatever it holds', async () => {
  const { username, password } = customer;
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 6; request++) {
    assert.equal((await contract.call('apikey', { username }, address)).status, 400);
  }
  const seventh = await contract.call('apikey', { username, password }, address);
  assertFailure(seventh, 429, 'Rate limit exceeded');
  contract.assertAllSeen('apikey');
});
