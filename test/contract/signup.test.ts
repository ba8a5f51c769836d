import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPromotion } from '../../src/domain/account/promotion.ts';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  startContract,
} from '../support/contract.ts';
import { TESTER } from '../support/service.ts';

let contract: Contract;
before(async () => {
  contract = await startContract();
});
after(() => contract.api.stop());

const signUp = (body: object) => contract.call('signup', body);

test('200: an account with a generated username and password', async () => {
  const answer = await signUp({ name: 'Example Company', email: 'User@Example.com' });
  const { username, password } = answer.body.account;
  assert.ok(Number.isInteger(username));
  assert.match(String(username), /^[2-9][0-9]{9}$/);
  assert.match(password, /^(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z]{10}$/);
  assertSuccess(answer, {
    account: {
      name: 'Example Company',
      username,
      password,
      email: 'User@Example.com',
      masterAccount: username,
    },
    message: 'Account Information',
  });
  const [mail] = await contract.api.mails('User@Example.com');
  assert.ok(mail?.text?.includes(String(username)));
  assert.ok(!mail?.text?.includes(password));
});

test('200: a key of any kind is not looked at', async () => {
  const { apikey } = await contract.signUp();
  for (const [n, key] of ['x', apikey].entries()) {
    const body = { name: 'x', email: `key${n}@example.com`, apikey: key };
    assert.equal((await contract.call('signup', body, bearer(key))).status, 200);
  }
});

test('200: passwords and usernames differ', async () => {
  const accounts = await Promise.all(
    Array.from({ length: 12 }, (_, n) => signUp({ name: 'x', email: `many${n}@example.com` })),
  );
  const bodies = accounts.map(({ body }) => body.account);
  assert.equal(new Set(bodies.map(({ username }) => username)).size, 12);
  assert.equal(new Set(bodies.map(({ password }) => password)).size, 12);
});

test('200: every address that a mail provider gives', async () => {
  const addresses = [
    'a@example.com',
    "o'neil+voip=x@sub.mail-1.example.com",
    `${'l'.repeat(64)}@example.com`,
    `a@${'d'.repeat(63)}.example`,
    '!#$%&*/?^_`{|}~-@example.com',
    '1@1.example',
    'a@xn--bcher-kva.example',
  ];
  for (const email of addresses) {
    const { status, body } = await signUp({ name: 'x', email });
    assert.equal(status, 200, email);
    assert.equal(body.account.email, email);
  }
});

test('400: fields that are missing, in their order', async () => {
  for (const nothing of [undefined, null, '']) {
    assertFailure(
      await signUp({ name: nothing, email: nothing, promo: 1 }),
      400,
      'Field Required: name',
    );
    assertFailure(
      await signUp({ name: 1, email: nothing, promo: 1 }),
      400,
      'Field Required: email',
    );
  }
});

test('400: values at fault, in the order of the fields', async () => {
  const names = [
    1,
    0,
    true,
    false,
    {},
    [],
    ['x'],
    ' ',
    '\u00a0',
    'a\tb',
    'a\r\nBcc: b',
    '\u001b[31m',
    'x'.repeat(101),
  ];
  for (const name of names) {
    assertFailure(
      await signUp({ name, email: 'x', promo: 1 }),
      400,
      'Field: name',
      'Must be 1 to 100 characters',
    );
  }
  const emails = [
    1,
    true,
    {},
    [],
    ['a@example.com'],
    ' ',
    'x',
    'a@b',
    '@example.com',
    'a@',
    'a@.example.com',
    'a@example.com.',
    'a@example..com',
    'a@-example.com',
    'a@example-.com',
    '.a@example.com',
    'a.@example.com',
    'a..b@example.com',
    'a b@example.com',
    'a@exa mple.com',
    'a@b@example.com',
    'a@example.com\n',
    'a@example.com\r\nBcc: b@example.com',
    ' a@example.com',
    '"a b"@example.com',
    'a@[192.0.2.1]',
    '<a@example.com>',
    'A <a@example.com>',
    'a,b@example.com',
    'ä@example.com',
    'a@exämple.com',
    `${'l'.repeat(65)}@example.com`,
    `a@${'d'.repeat(64)}.example`,
    `a@${'d.'.repeat(126)}ee`,
  ];
  for (const email of emails) {
    assertFailure(
      await signUp({ name: 'x', email, promo: 1 }),
      400,
      'Field: email',
      'Must be valid',
    );
  }
});

test('400: a promo that is no string, unknown, expired or used up, before an address in use', async () => {
  const { db } = contract.api.service;
  const promotion = { amount: '5', validUntil: null, usesLimit: null };
  const hour = new Date(contract.api.service.clock().getTime() + 3_600_000);
  await createPromotion(db, TESTER, { ...promotion, code: 'HOUR', validUntil: hour }, new Date());
  await createPromotion(db, TESTER, { ...promotion, code: 'ONCE', usesLimit: 1 }, new Date());
  const used = 'promo1@example.com';
  assert.equal((await signUp({ name: 'x', email: used, promo: 'once' })).status, 200);
  assert.equal(
    (await signUp({ name: 'x', email: 'promo2@example.com', promo: 'HOUR' })).status,
    200,
  );
  for (const nothing of [undefined, null, '']) {
    const email = `promo-${nothing === undefined}-${nothing}@example.com`;
    assert.equal((await signUp({ name: 'x', email, promo: nothing })).status, 200);
  }
  contract.api.advance(3_600);
  const codes = [
    1,
    true,
    {},
    [],
    ['HOUR'],
    'x',
    ' ',
    'HOUR',
    'ONCE',
    'ONCE ',
    '%',
    "' OR 1=1",
    'x'.repeat(65),
  ];
  for (const promo of codes) {
    assertFailure(
      await signUp({ name: 'x', email: used, promo }),
      400,
      'Field: promo',
      'Must be a valid promotion code',
    );
  }
});

test('409: the address is in use, in any case of its letters, unless its account is closed', async () => {
  const email = 'twice@example.com';
  const first = await contract.signUp(email);
  for (const same of [email, 'TWICE@Example.Com']) {
    assertFailure(await signUp({ name: 'x', email: same }), 409, 'Account creation failed');
  }
  const sub = await contract.addSubAccount(first.username, 'taken-by-sub@example.com');
  assertFailure(await signUp({ name: 'x', email: sub.email }), 409, 'Account creation failed');
  await contract.close(sub);
  assert.equal((await signUp({ name: 'x', email: sub.email })).status, 200);
});

test('409: of many that sign up with one address at once, one gets it', async () => {
  const { db } = contract.api.service;
  await createPromotion(
    db,
    TESTER,
    { code: 'RACE', amount: '5', validUntil: null, usesLimit: 100 },
    new Date(),
  );
  const answers = await Promise.all(
    Array.from({ length: 20 }, () =>
      signUp({ name: 'x', email: 'race@example.com', promo: 'RACE' }),
    ),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.deepEqual(statuses, [200, ...new Array(19).fill(409)]);
  // The requests that lost have used no promotion.
  assert.deepEqual(await db.query("SELECT uses FROM promotion WHERE code = 'RACE'"), [{ uses: 1 }]);
});

test('429: the twenty-first request of an hour', async () => {
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 20; request++) {
    assert.equal((await contract.call('signup', {}, address)).status, 400);
  }
  const body = { name: 'x', email: 'limited@example.com' };
  assertFailure(await contract.call('signup', body, address), 429, 'Rate limit exceeded');
  contract.assertAllSeen('signup');
});
