import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  type Customer,
  startContract,
} from '../support/contract.ts';
import { post } from '../support/service.ts';

const DAY = 86_400;

let contract: Contract;
let feed: string;
before(async () => {
  contract = await startContract();
  feed = await contract.api.feed('generic');
});
after(() => contract.api.stop());

const nowSeconds = () => Math.floor(contract.api.service.clock().getTime() / 1_000);

/** Delivers calls like a switch. @param authorization a feed's */
async function deliver(calls: object[], authorization = feed): Promise<void> {
  const { body } = await post(`${contract.api.url}/ingest/v1/calls/generic`, calls, {
    authorization,
  });
  assert.equal(body.stored, calls.length, JSON.stringify(body));
}

const call = (account: number, id: string, start: number, more: object = {}) => ({
  id,
  account,
  start,
  duration: 39.54,
  cid: '8666326621',
  dst: '8008786160',
  ...more,
});

/** The ids of an answer's rows, in order. */
async function idsOf({ apikey }: Customer, range: object = {}): Promise<string[]> {
  const answer = await contract.call('cdr', range, bearer(apikey));
  assert.equal(answer.status, 200);
  return answer.body.cdr.map((row: { id: string }) => row.id);
}

const uuid = (n: number) => `f2ce9c30a4d14c5e8d2f6b7a8c9d${String(n).padStart(4, '0')}`;

test('200: rows with every member, and with only those that every call has', async () => {
  const customer = await contract.signUp();
  const { username, apikey } = customer;
  await contract.api.service.db.query('UPDATE account SET rate = 0.025 WHERE username = $1', [
    username,
  ]);
  const start = nowSeconds() - 600;
  const full = { ip: '192.0.2.13', cn: '"TOLL FREE CALL"' };
  await deliver([
    call(username, uuid(1), start, full),
    call(username, uuid(2), start - 1, { duration: 0, cid: 'anonymous', dst: '911' }),
  ]);
  const byswitch = await contract.api.feed('generic', { debits: 'switch' });
  await deliver([call(username, uuid(3), start - 2, { rate: '1.00', duration: 60 })], byswitch);
  const rows = [
    {
      id: uuid(1),
      key: [String(username), String(start)],
      value: {
        cid: '8666326621',
        dst: '8008786160',
        ip: '192.0.2.13',
        dur: '40',
        nr: '0.025',
        ba: '0.017500',
        cn: 'TOLL%20FREE%20CALL',
      },
    },
    {
      id: uuid(2),
      key: [String(username), String(start - 1)],
      value: { cid: 'anonymous', dst: '911', dur: '0', nr: '0', ba: '0.000000' },
    },
    {
      id: uuid(3),
      key: [String(username), String(start - 2)],
      value: { cid: '8666326621', dst: '8008786160', dur: '60', nr: '1' },
    },
  ];
  assertSuccess(await contract.call('cdr', {}, bearer(apikey)), { cdr: rows });
  assertSuccess(await contract.call('cdr', { apikey }), { cdr: rows });
});

test('200: no calls', async () => {
  const { apikey } = await contract.signUp();
  assertSuccess(await contract.call('cdr', { apikey }), { cdr: [] });
});

test('200: the last 24 hours unless told otherwise, both bounds included', async () => {
  const customer = await contract.signUp();
  const { username } = customer;
  const now = nowSeconds();
  await deliver([
    call(username, uuid(1), now + 600),
    call(username, uuid(2), now - 60),
    call(username, uuid(3), now - DAY + 60),
    call(username, uuid(4), now - DAY - 60),
    call(username, uuid(5), now - 2 * DAY),
  ]);
  assert.deepEqual(await idsOf(customer), [uuid(2), uuid(3)]);
  assert.deepEqual(await idsOf(customer, { start: null, end: '' }), [uuid(2), uuid(3)]);
  assert.deepEqual(await idsOf(customer, { start: now + 600 }), [uuid(1), uuid(2), uuid(3)]);
  assert.deepEqual(await idsOf(customer, { end: now - 2 * DAY }), [
    uuid(2),
    uuid(3),
    uuid(4),
    uuid(5),
  ]);
  assert.deepEqual(await idsOf(customer, { end: now - 2 * DAY + 1 }), [uuid(2), uuid(3), uuid(4)]);
  assert.deepEqual(await idsOf(customer, { start: now - 60, end: now - 60 }), [uuid(2)]);
  assert.deepEqual(await idsOf(customer, { start: now - 61, end: now - DAY }), [uuid(3)]);
});

test('200: backwards, forwards, as integers and as digits, a range is the same', async () => {
  const customer = await contract.signUp();
  const now = nowSeconds();
  await deliver([
    call(customer.username, uuid(1), now - 100),
    call(customer.username, uuid(2), now - 200),
    call(customer.username, uuid(3), now - 300),
  ]);
  const [newer, older] = [now - 100, now - 200];
  for (const range of [
    { start: newer, end: older },
    { start: older, end: newer },
    { start: String(newer), end: String(older) },
    { start: String(older), end: newer },
  ]) {
    assert.deepEqual(await idsOf(customer, range), [uuid(1), uuid(2)]);
  }
  assert.deepEqual(await idsOf(customer, { start: 0, end: 99_999_999_999 }), [
    uuid(1),
    uuid(2),
    uuid(3),
  ]);
  assert.deepEqual(await idsOf(customer, { start: '0', end: '00000000000' }), []);
});

test('200: a start within a second belongs to that second', async () => {
  const customer = await contract.signUp();
  const { username } = customer;
  const second = nowSeconds() - 100;
  await deliver([
    call(username, uuid(1), second + 0.9),
    call(username, uuid(2), second + 0.1),
    call(username, uuid(4), second),
    call(username, uuid(3), second),
  ]);
  const all = [uuid(1), uuid(2), uuid(4), uuid(3)];
  assert.deepEqual(await idsOf(customer, { start: second, end: second }), all);
  assert.deepEqual(await idsOf(customer, { start: second + 1, end: second + 2 }), []);
  const { cdr } = (await contract.call('cdr', {}, bearer(customer.apikey))).body;
  for (const row of cdr) assert.deepEqual(row.key, [String(username), String(second)]);
});

test('200: an account sees its own calls, whoever pays', async () => {
  const payer = await contract.signUp();
  const sub = await contract.addSubAccount(payer.username);
  const now = nowSeconds();
  await deliver([call(payer.username, uuid(1), now - 10), call(sub.username, uuid(2), now - 20)]);
  assert.deepEqual(await idsOf(payer), [uuid(1)]);
  assert.deepEqual(await idsOf(sub), [uuid(2)]);
});

test('200: thousands of rows, and names of any script', async () => {
  const customer = await contract.signUp();
  const now = nowSeconds();
  const calls = Array.from({ length: 3_000 }, (_, n) =>
    call(customer.username, uuid(n), now - 3_600 - n, { cn: 'Zoë "O\'Neil" 100% 東京 \u{1f600}' }),
  );
  await deliver(calls);
  const { body } = await contract.call('cdr', {}, bearer(customer.apikey));
  assert.deepEqual(
    body.cdr.map((row: { id: string }) => row.id),
    calls.map(({ id }) => id),
  );
  const { cn } = body.cdr[0].value;
  assert.equal(decodeURIComponent(cn), 'Zoë "O\'Neil" 100% 東京 \u{1f600}');
  assert.match(cn, /^[\w%.!~*'()-]+$/);
});

test('200: numbers with characters that JSON escapes', async () => {
  const { username, apikey } = await contract.signUp();
  const texts = ['"', '\\', '\\"', 'a"b\\\\n\\u0022"', '\u0001\n\u007f', '"\u2028\ud83d\ude00/'];
  const start = nowSeconds() - 600;
  await deliver(texts.map((cid, n) => call(username, uuid(200 + n), start - n, { cid })));
  const { body } = await contract.call('cdr', {}, bearer(apikey));
  assert.deepEqual(
    body.cdr.map((row: { value: { cid: string } }) => row.value.cid),
    texts.map((text) => text.replaceAll(/\p{Cc}/gu, '\ufffd')),
  );
});

test('200: each of many requests at once gets the calls of its own key', async () => {
  const customers = await Promise.all(Array.from({ length: 5 }, () => contract.signUp()));
  const start = nowSeconds() - 600;
  await deliver(customers.map(({ username }, n) => call(username, uuid(100 + n), start)));
  const asked = Array.from({ length: 60 }, (_, n) => n % 7);
  const rows = await Promise.all(
    asked.map(async (n) => {
      // Without a body, the last day is read; a range has a statement of its own.
      const body = n === 6 ? { start: start + 1, end: start - 1 } : undefined;
      const answer = await contract.call('cdr', body, bearer(customers[n % 6]?.apikey ?? 'x'));
      const { status } = answer;
      return [status, ...(answer.body.cdr ?? []).map((row: { id: string }) => row.id)];
    }),
  );
  assert.deepEqual(
    rows,
    asked.map((n) => (n === 5 ? [401] : [200, uuid(100 + (n % 6))])),
  );
});

test('400: bounds at fault, start first', async () => {
  const { apikey } = await contract.signUp();
  const wrong = [
    -1,
    1.5,
    1e12,
    1e300,
    true,
    [],
    {},
    'x',
    ' ',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '1700000000000',
    '2023-11-14T22:13:20Z',
    '1700000000 ',
  ];
  for (const value of wrong) {
    const range = { start: value, end: 'x' };
    const requirement = 'Must be a Unix time in seconds';
    assertFailure(
      await contract.call('cdr', range, bearer(apikey)),
      400,
      'Field: start',
      requirement,
    );
    assertFailure(
      await contract.call('cdr', { end: value }, bearer(apikey)),
      400,
      'Field: end',
      requirement,
    );
  }
});

test('400, 401, 429', async () => {
  assertFailure(await contract.call('cdr', { start: 'x' }), 400, 'Field Required: apikey');
  assertFailure(await contract.call('cdr', { apikey: 'x', start: 'x' }), 401, 'Unauthorized');
  const { apikey } = await contract.signUp();
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 6; request++) {
    assert.equal((await contract.call('cdr', { apikey }, address)).status, 200);
  }
  assertFailure(await contract.call('cdr', { apikey }, address), 429, 'Rate limit exceeded');
  contract.assertAllSeen('cdr');
});
