import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addNumber, addService } from '../../src/domain/billing/recurring-charge.ts';
import { postByHand, reverseEntry } from '../../src/domain/books/ledger.ts';
import { reportContacts } from '../../src/domain/sip/reported-contact.ts';
import {
  assertData,
  assertError,
  type ContractV22,
  newUsername,
  startContractV22,
} from '../support/contract-v2.2.ts';
import { post, TESTER } from '../support/service.ts';

const SECONDS_REQUIREMENT = 'Must be a Unix time in seconds';

let contract: ContractV22;
before(async () => {
  contract = await startContractV22();
});
after(() => contract.api.stop());

/** Asserts a limit: six requests of one address pass, the seventh does not. */
async function assertLimited(
  method: 'GET' | 'POST',
  path: string,
  options: { key?: string; body?: unknown },
) {
  const headers = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 6; request++) {
    assert.notEqual((await contract.call(method, path, { ...options, headers })).status, 429);
  }
  const answer = await contract.call(method, path, { ...options, headers });
  assertError(answer, 429, 'Rate limit exceeded');
  assert.match(answer.headers.get('retry-after') ?? '', /^[1-9][0-9]{0,3}$/);
}

test('GET account', async () => {
  const { username, email, apikey: key } = await contract.signUp();
  const answer = await contract.call('GET', 'account', { key });
  const { created } = answer.body.data;
  assert.match(created, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const record = {
    username: String(username),
    name: 'Example Company',
    email,
    enabled: true,
    created,
    cash: 0,
    timezone: 'UTC',
    authType: 0,
    notify: true,
    notifyThreshold: 5,
    rates: { nibble: 0.0075 },
  };
  assertData(answer, record);
  await contract.api.service.db.query(
    "UPDATE account SET caller_id = '8008786160', max_calls = 3 WHERE username = $1",
    [username],
  );
  const more = { ...record, callerId: '8008786160', ccs: 3 };
  assertData(await contract.call('GET', 'account', { key }), more);
  await contract.api.service.db.query(
    "UPDATE account SET caller_id = '1008786160' WHERE username = $1",
    [username],
  );
  assertData(await contract.call('GET', 'account', { key }), { ...record, ccs: 3 });
  assertError(await contract.call('GET', 'account'), 401, 'Unauthorized');
  assertError(await contract.call('GET', 'account', { key: 'x' }), 401, 'Unauthorized');
  await assertLimited('GET', 'account', { key });
  const twin = await post(
    `${contract.api.url}/v2.1/account/info/`,
    { apikey: key },
    { 'x-forwarded-for': '192.0.2.1' },
  );
  assert.equal(twin.status, 429, 'it shares its counter with info');
  contract.assertAllSeen('GET', 'account');
});

test('PUT account, of a customer', async () => {
  const { username, apikey: key } = await contract.signUp();
  const { service } = contract.api;
  const put = (body: object) => contract.call('PUT', 'account', { key, body });
  await addNumber(
    service.db,
    TESTER,
    { account: username, number: '2015551234', monthly: '1' },
    new Date(),
  );
  const change = {
    timezone: 'America/Chicago',
    notify: false,
    notifyThreshold: 7,
    callerId: '2015551234',
  };
  const rest = { ccs: null, e911: null, intl: null, sms: null, mms: null, other: 1 };
  assertData(await put({ ...change, ...rest }), { updated: Object.keys(change) });
  const { timezone, notify, notifyThreshold, callerId } = (
    await contract.call('GET', 'account', { key })
  ).body.data;
  assert.deepEqual({ timezone, notify, notifyThreshold, callerId }, change);
  const [entry] = await service.db.query(
    'SELECT actor, action, origin FROM audit_entry WHERE account = $1 ORDER BY id DESC LIMIT 1',
    [username],
  );
  const { origin, ...what } = entry as Record<string, string>;
  assert.deepEqual(what, { actor: `customer ${username}`, action: 'account changed' });
  assert.match(origin ?? '', /^api 198\.1[89]\./);
  assertData(await put({}), { updated: [] });

  assertError(await put({ ccs: 5, notify: true }), 403, 'Administrator access required');
  // Also where the value has a wrong type.
  assertError(await put({ ccs: 'many' }), 403, 'Administrator access required');
  assertError(
    await put({ callerId: '2015550000' }),
    403,
    'the caller ID is not a number of the account',
  );
  const zone = 'Field Invalid: timezone: Must be a time zone such as America/Chicago';
  assertError(await put({ timezone: 'Mars/Phobos', notify: true }), 400, zone);
  assertError(await put({ notify: 'yes' }), 400, 'Field Invalid: notify: Must be true or false');
  const after = (await contract.call('GET', 'account', { key })).body.data;
  assert.deepEqual(
    [after.notify, after.timezone, after.callerId, after.ccs],
    [false, change.timezone, change.callerId, undefined],
  );
  assertError(
    await contract.call('PUT', 'account', { key: 'x', body: { notify: true } }),
    401,
    'Unauthorized',
  );
});

test('PUT account, of an administrator and turned off', async (t) => {
  const { apikey: key } = await contract.api.administrator();
  const put = (body: object) => contract.call('PUT', 'account', { key, body });
  assertData(await put({ ccs: 4, callerId: '2015550000' }), { updated: ['callerId', 'ccs'] });
  assert.equal((await contract.call('GET', 'account', { key })).body.data.ccs, 4);
  assertError(await put({ sms: true }), 400, 'Field Invalid: sms: Not offered by this service');
  const off = await startContractV22({ API_WRITES: 'false' });
  t.after(() => off.api.stop());
  const { apikey } = await off.signUp();
  const answer = await off.call('PUT', 'account', { key: apikey, body: { notify: false } });
  assertError(answer, 403, 'Changes by API key are turned off');
});

test('POST account/api-key', async () => {
  const { username, password, apikey } = await contract.signUp();
  const ask = (body: object) => contract.call('POST', 'account/api-key', { body });
  assertData(await ask({ username, password }), { apikey });
  assertData(await ask({ username: String(username), password }), { apikey });
  assertError(await ask({ username }), 400, 'Field Required: password');
  const requirement = 'Field Invalid: username: Must be a 10-digit number';
  assertError(await ask({ username: 5, password }), 400, requirement);
  assertError(await ask({ username, password: 'x' }), 401, 'Invalid username or password');
  await assertLimited('POST', 'account/api-key', { body: { username, password } });
  contract.assertAllSeen('POST', 'account/api-key');
});

test('POST account', async () => {
  const { apikey: key } = await contract.api.administrator();
  const customer = await contract.signUp();
  const username = newUsername();
  const body = {
    username,
    name: 'Sub',
    email: 'sub@example.com',
    masterAccount: customer.username,
  };
  const created = await contract.call('POST', 'account', { key, body });
  const { password } = created.body.data;
  assert.equal(typeof password, 'string');
  const data = {
    username: String(username),
    password,
    name: 'Sub',
    email: 'sub@example.com',
    masterAccount: String(customer.username),
  };
  assertData(created, data, 201);
  assertError(
    await contract.call('POST', 'account', { key, body }),
    409,
    'Account creation failed',
  );
  assertError(
    await contract.call('POST', 'account', { key, body: { name: 'x' } }),
    400,
    'Field Required: username',
  );
  assertError(await contract.call('POST', 'account', { body: {} }), 401, 'Unauthorized');
  assertError(await contract.call('POST', 'account', { key: 'x', body }), 401, 'Unauthorized');
  const refused = await contract.call('POST', 'account', { key: customer.apikey, body });
  assertError(refused, 403, 'Administrator access required');
});

test('POST accounts', async () => {
  const ask = (body: object, headers = {}) => contract.call('POST', 'accounts', { body, headers });
  const email = 'new@example.com';
  // Clients may send any key; the operation ignores it.
  const created = await ask({ name: 'New', email, promo: null }, { authorization: 'Bearer x' });
  const { username, password } = created.body.data;
  assert.match(username, /^[2-9][0-9]{9}$/);
  assertData(created, { username, password, name: 'New', email }, 201);
  assertError(await ask({ name: 'New', email }), 409, 'Account creation failed');
  assertError(await ask({ name: 'New' }), 400, 'Field Required: email');
  assertError(await ask({ name: 'New', email: 'x' }), 400, 'Field Invalid: email: Must be valid');
});

test('POST account/recovery', async (t) => {
  const message = 'Invalid email address';
  const invalid = { requirement: 'Must be valid' };
  const ask = (body: object) => contract.call('POST', 'account/recovery', { body });
  assertError(await ask({}), 400, message, invalid);
  assertError(await ask({ email: 'x' }), 400, message, invalid);
  const email = 'nobody@example.com';
  assertData(await ask({ email }), { message: `Please check your email (${email}) for details` });
  const tells = await startContractV22({ RECOVERY_DISCLOSES: 'true' });
  t.after(() => tells.api.stop());
  const unknown = await tells.call('POST', 'account/recovery', { body: { email } });
  assertError(unknown, 404, 'Email address not found');
});

test('GET account/cdr', async () => {
  const { apikey: key } = await contract.signUp();
  const get = (query: string) => contract.call('GET', `account/cdr${query}`, { key });
  assertData(await get('?start=200&end=100'), { start: 200, end: 100, cdr: [] });
  assertData(await get('?start=100&end=200'), { start: 200, end: 100, cdr: [] });
  const { start, end } = (await get('')).body.data;
  assert.equal(start - end, 86_400);
  for (const query of ['?start=x', '?start=1&start=2']) {
    assertError(await get(query), 400, `Field Invalid: start: ${SECONDS_REQUIREMENT}`);
  }
  assertError(await contract.call('GET', 'account/cdr?start=x'), 401, 'Unauthorized');
  await assertLimited('GET', 'account/cdr', { key });
  contract.assertAllSeen('GET', 'account/cdr');
});

test('GET account/recurring-charges', async () => {
  const { username: account, apikey: key } = await contract.signUp();
  const { db } = contract.api.service;
  const get = () => contract.call('GET', 'account/recurring-charges', { key });
  assertData(await get(), { charges: [], total: 0 });
  await addService(db, TESTER, { account, description: 'E911', monthly: '1.5' }, new Date());
  await addNumber(db, TESTER, { account, number: '2015557777', monthly: '20' }, new Date());
  const charges = [
    { amount: 1.5, description: 'E911' },
    { amount: 20, description: 'DID 12015557777' },
  ];
  assertData(await get(), { charges, total: 21.5 });
  assertError(await contract.call('GET', 'account/recurring-charges'), 401, 'Unauthorized');
  await assertLimited('GET', 'account/recurring-charges', { key });
  contract.assertAllSeen('GET', 'account/recurring-charges');
});

test('GET account/payments and account/credits', async () => {
  const { username: account, apikey: key } = await contract.signUp();
  const { db } = contract.api.service;
  const at = new Date('2026-05-18T12:00:00Z');
  const book = { account, reason: 'Test', at };
  const payment = { ...book, kind: 'payment' } as const;
  const adjustment = { ...book, kind: 'adjustment' } as const;
  await postByHand(db, TESTER, { ...payment, amount: '25', reference: 'wire 1' });
  const { id } = await postByHand(db, TESTER, { ...payment, amount: '7.5' });
  await reverseEntry(db, TESTER, { account, entry: id, reason: 'Test' }, at);
  await postByHand(db, TESTER, { ...adjustment, amount: '3' });
  await postByHand(db, TESTER, { ...adjustment, amount: '-2' });
  const date = '2026-05-18T12:00:00Z';
  const payments = [
    { amount: 7.5, date, status: 'Reversed' },
    { amount: 25, date, status: 'Completed', transactionId: 'wire 1' },
  ];
  assertData(await contract.call('GET', 'account/payments', { key }), { payments });
  const credits = (query: string) => contract.call('GET', `account/credits${query}`, { key });
  const given = { credits: [{ amount: 3, paid: true, date }] };
  assertData(await credits(''), given);
  assertData(await credits('?status=paid'), given);
  assertData(await credits('?status=unpaid'), { credits: [] });
  const lent = { ...book, kind: 'credit on invoice', amount: '50' } as const;
  const { id: credit } = await postByHand(db, TESTER, lent);
  const unpaid = { amount: 50, paid: false, date };
  assertData(await credits(''), { credits: [unpaid, ...given.credits] });
  assertData(await credits('?status=unpaid'), { credits: [unpaid] });
  assertData(await credits('?status=paid'), given);
  await postByHand(db, TESTER, { ...payment, amount: '50', settles: credit });
  assertData(await credits(''), { credits: [{ ...unpaid, paid: true }, ...given.credits] });
  assertData(await credits('?status=unpaid'), { credits: [] });
  const settled = { amount: 50, date, status: 'Completed' };
  const all = [settled, ...payments];
  assertData(await contract.call('GET', 'account/payments', { key }), { payments: all });
  assertError(await credits('?status=x'), 400, 'Field Invalid: status: Must be paid or unpaid');
  assertError(await contract.call('GET', 'account/payments'), 401, 'Unauthorized');
  assertError(await contract.call('GET', 'account/credits'), 401, 'Unauthorized');
});

test('GET account/registration', async () => {
  const { username, apikey: key } = await contract.signUp();
  const { db, clock } = contract.api.service;
  const get = () => contract.call('GET', 'account/registration', { key });
  assertError(await get(), 404, 'Not registered');
  const now = clock();
  await reportContacts(db, [
    {
      user: String(username),
      contact: `sip:${username}@192.0.2.1:5060`,
      received: undefined,
      userAgent: 'Phone/1',
      reportedAt: now,
      expiresAt: new Date(now.getTime() + 3_600_500),
    },
  ]);
  const answer = await get();
  const { expires } = answer.body.data;
  assert.ok(expires > 3_500 && expires <= 3_600);
  assertData(answer, { uri: `sip:${username}@192.0.2.1:5060`, agent: 'Phone/1', expires });
  assertError(await contract.call('GET', 'account/registration'), 401, 'Unauthorized');
});
