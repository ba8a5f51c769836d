import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { buildApp } from '../../src/app.ts';
import { storeFreeCalls } from '../support/calls.ts';
import {
  assertFailure,
  type Contract,
  type Customer,
  newAddress,
  type OperationName,
  startContract,
} from '../support/contract.ts';
import { type Answer, post, startDocumented, type TestService } from '../support/service.ts';

const LIMITED: [OperationName, number][] = [
  ['apikey', 6],
  ['cdr', 6],
  ['info', 6],
  ['mrc', 6],
  ['recover', 20],
  ['signup', 20],
];
const UNLIMITED: OperationName[] = ['add', 'registration'];

let contract: Contract;
let customer: Customer;
let another: Awaited<ReturnType<typeof startAnother>>;
before(async () => {
  contract = await startContract();
  customer = await contract.signUp();
  another = await startAnother();
});
after(async () => {
  await another.stop();
  await contract.api.stop();
});

/** A second process on the same database. */
async function startAnother(): Promise<{ url: string; stop: () => Promise<void> }> {
  const app = await buildApp(contract.api.service, pino({ level: 'silent' }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, stop: () => app.close() };
}

const ask = (url: string, operation: string, forwardedFor: string, body: unknown = {}) =>
  post(`${url}/v2.1/account/${operation}/`, body, { 'x-forwarded-for': forwardedFor });

const countOf = (answers: Answer[], status: number) =>
  answers.filter((answer) => answer.status === status).length;

for (const [operation, limit] of LIMITED) {
  describe(operation, () => {
    test(`of a hundred requests at once to two processes, ${limit} are answered`, async () => {
      const address = newAddress();
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) =>
          ask(n % 2 ? another.url : contract.api.url, operation, address),
        ),
      );
      assert.equal(countOf(answers, 400), limit);
      assert.equal(countOf(answers, 429), 100 - limit);
    });

    test('every request counts, whatever its answer', async () => {
      const { url } = contract.api;
      const path = `${url}/v2.1/account/${operation}`;
      const headers = { 'x-forwarded-for': newAddress() };
      const requests = [
        () => post(`${path}/`, '{', { 'content-type': 'application/json', ...headers }),
        () => post(path, 'x', { 'content-type': 'text/plain', ...headers }),
        () => post(`${path}/`, `{"x":"${'x'.repeat(20_000)}"}`, headers),
        () => post(`${path}/?x`, { apikey: 'x' }, headers),
        () => post(path, { apikey: customer.apikey }, headers),
        () => post(`${path}/`, undefined, headers),
      ];
      for (let request = 0; request < limit; request++) {
        const answer = await requests[request % requests.length]?.();
        assert.notEqual(answer?.status, 429);
      }
      for (const request of requests) assertFailure(await request(), 429, 'Rate limit exceeded');
    });
  });
}

test('a process that starts later knows of all requests', async (t) => {
  const address = newAddress();
  const began = performance.now();
  for (const [operation, limit] of LIMITED) {
    for (let request = 0; request < limit; request++) {
      assert.equal((await ask(contract.api.url, operation, address)).status, 400, operation);
    }
  }
  const restarted = await startAnother();
  t.after(() => restarted.stop());
  for (const [operation] of LIMITED) {
    const answer = await ask(restarted.url, operation, address);
    assertFailure(answer, 429, 'Rate limit exceeded');
    const seconds = Number(answer.headers.get('retry-after'));
    const tookSeconds = (performance.now() - began) / 1_000;
    assert.ok(Number.isInteger(seconds) && seconds <= 3_600, `${seconds}`);
    assert.ok(seconds > 3_599 - tookSeconds, `${seconds} s after ${tookSeconds} s`);
  }
});

test('each operation is counted by itself, and what is no request to it is not counted', async () => {
  const address = newAddress();
  const { url } = contract.api;
  for (const method of ['GET', 'PUT', 'OPTIONS']) {
    for (let request = 0; request < 10; request++) {
      const headers = { 'x-forwarded-for': address };
      await fetch(`${url}/v2.1/account/info/`, { method, headers });
    }
  }
  for (const [operation, limit] of LIMITED) {
    for (let request = 0; request < limit; request++) {
      assert.equal((await ask(url, operation, address)).status, 400, operation);
    }
  }
  for (const [operation] of LIMITED) {
    assert.equal((await ask(url, operation, address)).status, 429, operation);
  }
  for (const operation of UNLIMITED) {
    for (let request = 0; request < 40; request++) {
      assert.equal((await ask(url, operation, address)).status, 400, operation);
    }
  }
});

test('addresses: IPv4 each by itself, also written as IPv6; IPv6 by /64', async () => {
  const { url } = contract.api;
  const use = async (address: string, requests = 6) => {
    for (let request = 0; request < requests; request++) {
      assert.equal((await ask(url, 'info', address)).status, 400, address);
    }
  };
  const assertUsed = async (address: string) =>
    assert.equal((await ask(url, 'info', address)).status, 429, address);
  await use('203.0.113.1');
  await assertUsed('203.0.113.1');
  await assertUsed('::ffff:203.0.113.1');
  await assertUsed('::ffff:cb00:7101');
  await use('203.0.113.2', 3);
  await use('::ffff:203.0.113.2', 3);
  await assertUsed('203.0.113.2');
  await use('2001:db8:1:1::1', 2);
  await use('2001:db8:1:1:ffff:ffff:ffff:ffff', 2);
  await use('2001:0db8:0001:0001:0:0:0:2', 2);
  await assertUsed('2001:db8:1:1::3');
  await use('2001:db8:1:2::1');
  await use('2001:db8:1::1');
});

describe('X-Forwarded-For', () => {
  let api: TestService;
  before(async () => {
    api = await startDocumented({
      RATE_LIMIT_PER_HOUR: '6',
      TRUST_PROXY: '127.0.0.0/8, 198.51.100.7, 2001:db8:ffff::/48',
    });
  });
  after(() => api.stop());

  test('the last address that is no trusted proxy counts', async () => {
    const chains = [
      '203.0.113.9',
      '198.51.100.1, 203.0.113.9',
      'garbage, 203.0.113.9',
      '203.0.113.9, 127.0.0.9',
      '198.51.100.2,203.0.113.9 ,198.51.100.7',
      '203.0.113.9, 2001:db8:ffff::1, ::ffff:127.0.0.1',
    ];
    for (const chain of chains) assert.equal((await ask(api.url, 'info', chain)).status, 400);
    assertFailure(await ask(api.url, 'info', '203.0.113.9'), 429, 'Rate limit exceeded');
    assert.equal((await ask(api.url, 'info', '203.0.113.9, 203.0.113.8')).status, 400);
  });

  test('an address with a port or in brackets, as load balancers write it, is the address', async () => {
    for (const address of ['203.0.113.7:41000', '203.0.113.7:9', '203.0.113.7']) {
      for (let n = 0; n < 2; n++) assert.equal((await ask(api.url, 'info', address)).status, 400);
    }
    assertFailure(await ask(api.url, 'info', '203.0.113.7:1'), 429, 'Rate limit exceeded');
    assert.equal((await ask(api.url, 'info', '203.0.113.6:41000')).status, 400);
    for (const address of ['[2001:db8::1]:443', '[2001:db8::1]', '[2001:DB8:0::2]:80']) {
      for (let n = 0; n < 2; n++) assert.equal((await ask(api.url, 'info', address)).status, 400);
    }
    assertFailure(await ask(api.url, 'info', '2001:db8::3'), 429, 'Rate limit exceeded');
    assertFailure(await ask(api.url, 'info', '[2001:db8::4]:1'), 429, 'Rate limit exceeded');
  });

  test('garbage counts for the peer', async () => {
    const garbage = [
      '',
      'x',
      'unknown',
      '203.0.113.9:123456',
      '203.0.113.9:',
      '[2001:db8::1',
      '[2001:db8::1]x',
      '2001:db8::1:',
      '[203.0.113.9]',
      '203.0.113.999',
      '1',
      '0x7f.1',
      '203.0.113.010',
      "' OR 1=1",
      '203.0.113.9, x',
      'x, 127.0.0.1',
      ',',
      '127.0.0.1',
      '1.2.3.4/8',
      'a'.repeat(8_000),
    ];
    const answers: Answer[] = [];
    for (const chain of garbage) answers.push(await ask(api.url, 'info', chain));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [...new Array(6).fill(400), ...new Array(garbage.length - 6).fill(429)],
    );
  });

  test('Forwarded is read where the setting says so, and then alone', async (t) => {
    const forwarded = await startDocumented({
      RATE_LIMIT_PER_HOUR: '6',
      TRUST_PROXY: '127.0.0.0/8, 198.51.100.7',
      FORWARDED_HEADER: 'forwarded',
    });
    t.after(() => forwarded.stop());
    const path = `${forwarded.url}/v2.1/account/info/`;
    const status = async (value: string, other = '203.0.113.1') =>
      (await post(path, {}, { forwarded: value, 'x-forwarded-for': other })).status;
    const same = [
      'for=203.0.113.9',
      'For="203.0.113.9:4711";proto=https;by=198.51.100.7',
      'proto=https;for=203.0.113.9',
      'for=198.51.100.1, for=203.0.113.9',
      'for="a, for=1.2.3.4, for=203.0.113.9;host="x, y"',
      'for="203.0.113.9:_port.1-b", for="198.51.100.7:80"; by=x',
    ];
    for (const value of same) assert.equal(await status(value), 400, value);
    assert.equal(await status('for=203.0.113.9', '203.0.113.2'), 429);
    assert.equal(await status('for="[2001:db8::9]:4711"'), 400);
    const garbage = ['', 'for=unknown', 'for=_hidden', 'by=203.0.113.9', 'for="203.0.113.9', 'x'];
    assert.equal(await status('for="[2001:db8::9]'), 400);
    for (const value of garbage.slice(0, 5)) await status(value);
    for (const value of garbage) assert.equal(await status(value, value), 429, value);
  });

  test('from a peer that is no trusted proxy it is not looked at', async (t) => {
    const strict = await startDocumented({
      RATE_LIMIT_PER_HOUR: '6',
      TRUST_PROXY: '198.51.100.0/24',
    });
    t.after(() => strict.stop());
    const answers: Answer[] = [];
    for (let n = 0; n < 7; n++) answers.push(await ask(strict.url, 'info', `203.0.113.${n}`));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 400, 400, 400, 400, 400, 429],
    );
  });
});

test('with nothing but a key, and over the limit, answers without Fastify are those of Fastify', async () => {
  const { apikey: key, username } = customer;
  // More than the first page of an answer.
  await storeFreeCalls(contract.api.service.db, username, 2_500);
  for (const path of ['/v2.1/account/info', '/v2.1/account/cdr']) {
    await assertAlike(path, key);
  }
});

test('without calls, and over the limit, answers without Fastify are those of Fastify', async () => {
  const { apikey } = await contract.signUp();
  await assertAlike('/v2.1/account/cdr', apikey);
});

async function assertAlike(path: string, key: string): Promise<void> {
  const address = newAddress();
  const send = async (path: string, authorization: string) => {
    const response = await fetch(`${contract.api.url}${path}`, {
      method: 'POST',
      headers: { authorization, 'x-forwarded-for': address },
    });
    const { date, 'retry-after': seconds, ...headers } = Object.fromEntries(response.headers);
    assert.ok(date);
    return { status: response.status, headers, seconds, body: await response.text() };
  };
  const shown: unknown[] = [];
  for (const presented of [`Bearer ${key}`, 'bearer', `Bearer ${key}0`, `Bearer ${key}`]) {
    // A path with a query has no shortcut.
    const { seconds: left, ...full } = await send(`${path}?a=1`, presented);
    const { seconds, ...short } = await send(path, presented);
    assert.deepEqual(short, full);
    assert.ok([0, 1].includes(Number(left ?? 0) - Number(seconds ?? 0)), `${left}, ${seconds}`);
    shown.push([full.status, left !== undefined]);
  }
  assert.deepEqual(shown, [
    [200, false],
    [401, false],
    [401, false],
    [429, true],
  ]);
}

test('RATE_LIMIT_PER_HOUR=0 turns the limit off', async (t) => {
  const api = await startDocumented();
  t.after(() => api.stop());
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => ask(api.url, 'info', '203.0.113.1')),
  );
  assert.equal(countOf(answers, 400), 30);
});

test('wrong passwords are counted for the account, wherever they come from', async (t) => {
  const api = await startContract({ SIGN_IN_FAILURES_PER_HOUR: '3' });
  t.after(() => api.api.stop());
  const { username, password } = await api.signUp();
  const wrong = { username, password: 'wrong' };
  assert.equal((await api.call('apikey', { username, password })).status, 200);
  for (let attempt = 0; attempt < 3; attempt++) {
    assertFailure(await api.call('apikey', wrong), 401, 'Invalid username or password');
  }
  assertFailure(await api.call('apikey', wrong), 429, 'Rate limit exceeded');
  assertFailure(await api.call('apikey', { username, password }), 429, 'Rate limit exceeded');
  const nobody = { username: 4592086960, password: 'wrong' };
  for (let attempt = 0; attempt < 3; attempt++) {
    assertFailure(await api.call('apikey', nobody), 401, 'Invalid username or password');
  }
  assertFailure(await api.call('apikey', nobody), 429, 'Rate limit exceeded');
});

test('seventeen addresses of one IPv6 network do not keep an account from its key', async (t) => {
  const api = await startDocumented({ RATE_LIMIT_PER_HOUR: '6', TRUST_PROXY: '127.0.0.1' });
  t.after(() => api.stop());
  const { username, password, apikey } = await api.signUp();
  const ask = (address: string, given: string) =>
    post(
      `${api.url}/v2.1/account/apikey/`,
      { username, password: given },
      { 'x-forwarded-for': address },
    );
  const statuses: number[] = [];
  for (let n = 0; n < 102; n++) {
    statuses.push((await ask(`2001:db8:17:${n % 17}::1`, 'wrong')).status);
  }
  assert.deepEqual(statuses, [...new Array(96).fill(401), ...new Array(6).fill(429)]);
  assert.deepEqual((await ask('203.0.113.40', password)).body.apikey, apikey);
  // The same from more networks; then only addresses that recently gave the right password are let
  // through.
  for (let n = 0; n < 6; n++) await ask(`2001:db8:${n + 100}::1`, 'wrong');
  assertFailure(await ask('203.0.113.41', password), 429, 'Rate limit exceeded');
  assert.deepEqual((await ask('203.0.113.40', password)).body.apikey, apikey);
});
