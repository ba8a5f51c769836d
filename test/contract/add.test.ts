import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  type Customer,
  newUsername,
  startContract,
} from '../support/contract.ts';

const ADMINISTRATORS_ONLY = 'Unauthorized — administrator access required';

let contract: Contract;
let administrator: string;
let payer: Customer;
before(async () => {
  contract = await startContract();
  administrator = (await contract.api.administrator()).apikey;
  payer = await contract.signUp();
});
after(() => contract.api.stop());

const account = (more: object = {}) => ({
  name: 'Sub Ltd',
  username: newUsername(),
  email: 'sub@example.com',
  ...more,
});

const add = (body: object) => contract.call('add', body, bearer(administrator));

test('200: an account that pays for itself, by the header and by the body', async () => {
  for (const way of ['header', 'body']) {
    const wanted = account();
    const answer =
      way === 'header'
        ? await add(wanted)
        : await contract.call('add', { apikey: administrator, ...wanted });
    const { password } = answer.body.account;
    assert.match(password, /^(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z]{10}$/);
    assertSuccess(answer, {
      account: { ...wanted, password, masterAccount: wanted.username },
      message: 'Account Information',
    });
    const { username } = wanted;
    const { apikey } = (await contract.call('apikey', { username, password })).body;
    const [record] = (await contract.call('info', { apikey })).body.account;
    assert.equal(record.username, String(username));
    assert.equal(record.rate, 0.0075);
  }
});

test('200: billed to another account, numbers as integers or digits', async () => {
  const wanted = account({ masterAccount: payer.username });
  const { body } = await add(wanted);
  assert.deepEqual(body.account, { ...wanted, password: body.account.password });
  const username = newUsername();
  const digits = account({ username: String(username), masterAccount: String(payer.username) });
  const second = (await add(digits)).body.account;
  assert.equal(second.username, username);
  assert.equal(second.masterAccount, payer.username);
  const own = await add(account({ username: String(username + 1), masterAccount: username + 1 }));
  assert.equal(own.body.account.masterAccount, username + 1);
  for (const nothing of [null, '']) {
    const { body } = await add(account({ masterAccount: nothing }));
    assert.equal(body.account.masterAccount, body.account.username);
  }
});

test('200: an address may be used again, also one in use by a customer', async () => {
  assert.equal((await add(account({ email: payer.email }))).status, 200);
  assert.equal((await add(account({ email: payer.email.toUpperCase() }))).status, 200);
});

test('200: the account is what was asked for, kept as given', async () => {
  const name = 'Zoë & "Söhne" <b>';
  const email = 'First.Last+tag@Mail.Example.COM';
  const { body } = await add(account({ name, email, promo: 'x', role: 'administrator' }));
  assert.equal(body.account.name, name);
  assert.equal(body.account.email, email);
  const { username, password } = body.account;
  const { apikey } = (await contract.call('apikey', { username, password })).body;
  assertFailure(await contract.call('add', account({ apikey })), 401, ADMINISTRATORS_ONLY);
});

test('400: fields that are missing, in their order', async () => {
  const order = ['apikey', 'name', 'username', 'email'];
  for (const nothing of [undefined, null, '']) {
    const body: Record<string, unknown> = { masterAccount: 'x' };
    for (const field of order) body[field] = nothing;
    for (const field of order) {
      assertFailure(await contract.call('add', body), 400, `Field Required: ${field}`);
      body[field] = field === 'apikey' ? administrator : 'x';
    }
  }
  assertFailure(await add({}), 400, 'Field Required: name');
});

test('400: a missing field is told before a wrong key, a wrong key before a wrong value', async () => {
  const body = { name: 'x', username: 'x', email: 'x', masterAccount: 'x' };
  assertFailure(
    await contract.call('add', { ...body, email: '' }, bearer('x')),
    400,
    'Field Required: email',
  );
  assertFailure(await contract.call('add', body, bearer('x')), 401, ADMINISTRATORS_ONLY);
  assertFailure(await contract.call('add', body, bearer(payer.apikey)), 401, ADMINISTRATORS_ONLY);
});

test('400: values at fault, in the order of the fields', async () => {
  const wrong: Record<string, [unknown[], string]> = {
    name: [
      [1, true, {}, [], ' ', '\t', 'a\nb', 'a\u007fb', 'x'.repeat(101)],
      'Must be 1 to 100 characters',
    ],
    username: [
      [0, 1.5, 999_999_999, 10_000_000_000, '0123456789', 'x', true, {}, []],
      'Must be a 10-digit number',
    ],
    email: [
      [1, true, {}, [], 'x', 'a@b', '@example.com', 'a@', 'a b@example.com', 'a@example..com'],
      'Must be valid',
    ],
    masterAccount: [
      [0, 1.5, 999_999_999, '0123456789', 'x', true, {}, []],
      'Must be a 10-digit number',
    ],
  };
  const fields = Object.keys(wrong);
  for (const [position, field] of fields.entries()) {
    const [values, requirement] = wrong[field] ?? [[], ''];
    const later = Object.fromEntries(fields.slice(position + 1).map((name) => [name, true]));
    for (const value of values) {
      const answer = await add(account({ ...later, [field]: value }));
      assertFailure(answer, 400, `Field: ${field}`, requirement);
    }
  }
});

test('400: the billing account must be there, open, and pay for itself', async () => {
  const sub = await contract.addSubAccount(payer.username);
  const closed = await contract.signUp();
  await contract.close(closed);
  for (const masterAccount of [newUsername(), sub.username, closed.username]) {
    assertFailure(
      await add(account({ masterAccount })),
      400,
      'Field: masterAccount',
      'Must be a billing account',
    );
  }
});

test('401: a key that is not an administrator’s, and no key at all', async () => {
  for (const key of ['x', '0123456789abcdef0123456789abcdef', payer.apikey]) {
    assertFailure(await contract.call('add', account(), bearer(key)), 401, ADMINISTRATORS_ONLY);
    assertFailure(await contract.call('add', account({ apikey: key })), 401, ADMINISTRATORS_ONLY);
  }
  assertFailure(await contract.call('add', account()), 400, 'Field Required: apikey');
});

test('429: many wrong keys from one address; a good one is let through', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.50' };
  const ask = (key: string) => contract.call('add', account(), { ...headers, ...bearer(key) });
  const wrong = await Promise.all(Array.from({ length: 120 }, (_, n) => ask(`wrong ${n}`)));
  assert.ok(wrong.every(({ status }) => status === 401));
  assertFailure(await ask('wrong'), 429, 'Rate limit exceeded');
  assertFailure(await ask(payer.apikey), 429, 'Rate limit exceeded');
  assert.equal((await ask(administrator)).status, 200);
  assert.equal((await contract.call('add', account(), bearer('wrong'))).status, 401);
});

test('409: the username is taken, also by a closed account', async () => {
  assertFailure(await add(account({ username: payer.username })), 409, 'Account creation failed');
  const closed = await contract.signUp();
  await contract.close(closed);
  assertFailure(
    await add(account({ username: String(closed.username) })),
    409,
    'Account creation failed',
  );
});

test('409: of many that ask for one username at once, one gets it', async () => {
  const username = newUsername();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => add(account({ username, email: `race${n}@example.com` }))),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...new Array(19).fill(409)]);
  const { db } = contract.api.service;
  // The requests that lost hold no address either.
  const held = await db.query<{ held: number }>(
    `SELECT sum(accounts)::int AS held FROM email_address WHERE address_key LIKE 'race%'`,
  );
  assert.deepEqual(held, [{ held: 1 }]);
  contract.assertAllSeen('add');
});
