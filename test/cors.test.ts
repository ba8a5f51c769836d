import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OPERATIONS } from './support/contract.ts';
import { startService, type TestService } from './support/service.ts';

const LISTED = 'https://shop.example.com';
const OTHER = 'https://evil.example';

const headersOf = (response: Response) =>
  Object.fromEntries(
    [...response.headers].filter(
      ([name, value]) =>
        // Pages vary by language, for every origin.
        /^(access-control-|vary)/.test(name) && value !== 'Accept-Language',
    ),
  );

const preflight = (url: string, origin: string, more: Record<string, string> = {}) =>
  fetch(url, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', ...more },
  });

const post = (url: string, origin: string, body = '{}') =>
  fetch(url, { method: 'POST', body, headers: { origin, 'content-type': 'application/json' } });

describe('without the setting', () => {
  let api: TestService;
  before(async () => {
    api = await startService();
  });
  after(() => api.stop());

  test('no operation, page or ingest route lets another origin in', async () => {
    const paths = [...OPERATIONS.map((name) => `/v2.1/account/${name}/`), '/sign-in'];
    for (const path of [...paths, '/ingest/v1/calls/generic', '/', '/docs/']) {
      const asked = await preflight(`${api.url}${path}`, OTHER);
      assert.equal(asked.status, 405, path);
      assert.deepEqual(headersOf(asked), {});
      assert.deepEqual(headersOf(await post(`${api.url}${path}`, OTHER)), {});
    }
  });

  test('anyone may read the document', async () => {
    const response = await fetch(`${api.url}/openapi.json`, { headers: { origin: OTHER } });
    assert.equal(response.headers.get('access-control-allow-origin'), '*');
  });
});

describe('with a list of origins', () => {
  let api: TestService;
  before(async () => {
    api = await startService({
      CORS_ORIGINS: `${LISTED}, http://localhost:3000`,
      RATE_LIMIT_PER_HOUR: '2',
    });
  });
  after(() => api.stop());

  test('a listed origin may call the operations, and read how they fail', async () => {
    const allowed = {
      'access-control-allow-origin': LISTED,
      'access-control-expose-headers': 'Retry-After, WWW-Authenticate',
      vary: 'Origin',
    };
    for (const name of OPERATIONS) {
      for (const url of [`${api.url}/v2.1/account/${name}/`, `${api.url}/v2.1/account/${name}`]) {
        const asked = await preflight(url, LISTED, {
          'access-control-request-headers': 'authorization,content-type',
        });
        assert.equal(asked.status, 204);
        assert.equal(await asked.text(), '');
        assert.deepEqual(headersOf(asked), {
          ...allowed,
          'access-control-allow-methods': 'POST',
          'access-control-allow-headers': 'Authorization, Content-Type',
          'access-control-max-age': '3600',
        });
      }
    }
    const url = `${api.url}/v2.1/account/info/`;
    const statuses: number[] = [];
    for (const body of ['{"apikey":"x"}', '{', '{}']) {
      const answer = await post(url, LISTED, body);
      assert.deepEqual(headersOf(answer), allowed);
      statuses.push(answer.status);
    }
    assert.deepEqual(statuses, [401, 400, 429]);
  });

  test('other origins may not', async () => {
    const others = [
      OTHER,
      'null',
      '',
      `${LISTED}.evil.example`,
      'http://shop.example.com',
      'https://shop.example.com:8443',
      `${LISTED}/`,
      'HTTPS://SHOP.EXAMPLE.COM',
    ];
    for (const origin of others) {
      const url = `${api.url}/v2.1/account/signup/`;
      assert.deepEqual(headersOf(await preflight(url, origin)), { vary: 'Origin' });
      assert.deepEqual(headersOf(await post(url, origin)), { vary: 'Origin' });
    }
  });

  test('pages and ingest let no other origin in', async () => {
    for (const path of ['/', '/sign-in', '/ingest/v1/calls/generic', '/healthz']) {
      assert.deepEqual(headersOf(await preflight(`${api.url}${path}`, LISTED)), {});
      assert.deepEqual(headersOf(await post(`${api.url}${path}`, LISTED)), {});
    }
  });

  test('OPTIONS that is no preflight is another method', async () => {
    const response = await fetch(`${api.url}/v2.1/account/info/`, { method: 'OPTIONS' });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'POST');
  });
});

test('with *, any origin may call the operations', async (t) => {
  const api = await startService({ CORS_ORIGINS: '*' });
  t.after(() => api.stop());
  const url = `${api.url}/v2.1/account/info/`;
  const asked = await preflight(url, OTHER);
  assert.equal(asked.status, 204);
  assert.equal(asked.headers.get('access-control-allow-origin'), '*');
  assert.equal(asked.headers.get('access-control-allow-credentials'), null);
  assert.equal((await post(url, OTHER)).headers.get('access-control-allow-origin'), '*');
});
