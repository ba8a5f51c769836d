import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { bearer } from '../support/contract.ts';
import { type ContractV22, startContractV22 } from '../support/contract-v2.2.ts';
import { post } from '../support/service.ts';

let contract: ContractV22;
before(async () => {
  contract = await startContractV22({ CORS_ORIGINS: '*' });
});
after(() => contract.api.stop());

const failure = (code: number, message: string) => ({
  status: 'error',
  message,
  error: { code, message },
});

/** Sends a path unchanged; fetch would normalise it. */
function ask(method: string, path: string, body = '', type = 'application/json') {
  const { hostname, port } = new URL(contract.api.url);
  const headers = body === '' ? {} : { 'content-type': type, 'content-length': body.length };
  return new Promise<{ status: number; allow: string | undefined; body: unknown }>(
    (resolve, reject) => {
      request({ hostname, port, method, path, headers }, async (response) => {
        const chunks = await response.toArray();
        const { statusCode = 0, headers } = response;
        const text = Buffer.concat(chunks).toString();
        resolve({ status: statusCode, allow: headers.allow, body: text && JSON.parse(text) });
      })
        .on('error', reject)
        .end(body);
    },
  );
}

test('paths and methods that are none', async () => {
  const notFound = { status: 404, allow: undefined, body: failure(404, 'Not found') };
  for (const path of ['/v2.2', '/v2.2/', '/v2.2/x', '/v2.2/account/', '/v2.2//account']) {
    assert.deepEqual(await ask('GET', path), notFound, path);
  }
  const bad = await ask('GET', '/v2.2/%zz');
  assert.deepEqual(bad, { status: 400, allow: undefined, body: failure(400, 'Bad request') });
  const body = failure(405, 'Method not allowed');
  assert.deepEqual(await ask('DELETE', '/v2.2/account'), {
    status: 405,
    allow: 'GET, POST, PUT',
    body,
  });
  assert.deepEqual(await ask('GET', '/v2.2/accounts'), { status: 405, allow: 'POST', body });
  const plain = await ask('GET', '/v2.1/%zz');
  assert.deepEqual(plain.body, { statusCode: '400', status: 'Error', message: 'Bad request' });
});

test('bodies that cannot be read', async () => {
  const post = (body: string, type?: string) => ask('POST', '/v2.2/accounts', body, type);
  assert.deepEqual((await post('{')).body, failure(400, 'The body must be JSON in UTF-8'));
  const array = await post('[]');
  assert.deepEqual(array.body, failure(400, 'The body must be a JSON object'));
  assert.deepEqual(
    (await post('<x/>', 'text/xml')).body,
    failure(415, 'The media type must be application/json'),
  );
  const large = await post(JSON.stringify({ name: 'x'.repeat(17_000) }));
  assert.deepEqual(large.body, failure(413, 'Body too large'));
});

test('a head that is too long', async () => {
  const { hostname, port } = new URL(contract.api.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /v2.2/account HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
  const text = Buffer.concat(await socket.toArray()).toString();
  assert.match(text, /^HTTP\/1\.1 431 /);
  assert.deepEqual(
    JSON.parse(text.split('\r\n\r\n')[1] ?? ''),
    failure(431, 'Header fields too large'),
  );
});

test('pages of other origins may use every method', async () => {
  const asked = await fetch(`${contract.api.url}/v2.2/account`, {
    method: 'OPTIONS',
    headers: { origin: 'https://shop.example.com', 'access-control-request-method': 'PUT' },
  });
  assert.equal(asked.status, 204);
  assert.equal(asked.headers.get('access-control-allow-methods'), 'GET, PUT, POST');
  assert.equal(
    asked.headers.get('access-control-allow-headers'),
    'Authorization, Content-Type, Idempotency-Key, User-Agent',
  );
});

test('an operation and its twin of v2.1 have one budget, told to the second', async () => {
  const { apikey: key } = await contract.signUp();
  const headers = { 'x-forwarded-for': '192.0.2.8' };
  const began = performance.now();
  const twin = (operation: string) =>
    post(`${contract.api.url}/v2.1/account/${operation}/`, {}, { ...headers, ...bearer(key) });
  for (const [path, operation] of [
    ['account', 'info'],
    ['account/cdr', 'cdr'],
    ['account/recurring-charges', 'mrc'],
  ] as const) {
    const statuses = [];
    for (let request = 0; request < 3; request++) {
      statuses.push((await contract.call('GET', path, { key, headers })).status);
      statuses.push((await twin(operation)).status);
    }
    assert.deepEqual(statuses, Array(6).fill(200), path);
    for (const over of [
      await contract.call('GET', path, { key, headers }),
      await twin(operation),
    ]) {
      assert.equal(over.status, 429, path);
      const left = 3_600 - Number(over.headers.get('retry-after'));
      assert.ok(left >= 0 && left <= Math.floor((performance.now() - began) / 1_000), `${left}`);
    }
  }
});

test('HEAD is answered as GET, and not counted', async () => {
  const { apikey } = await contract.signUp();
  const headers = { 'x-forwarded-for': '192.0.2.7', ...bearer(apikey) };
  for (let request = 0; request < 8; request++) {
    const url = `${contract.api.url}/v2.2/account`;
    assert.equal((await fetch(url, { method: 'HEAD', headers })).status, 200);
  }
  assert.equal((await contract.call('GET', 'account', { headers })).status, 200);
});
