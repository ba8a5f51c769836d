import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addCustomer } from '../../test/support/calls.ts';
import { SAMPLES } from '../../test/support/records.ts';
import { startService, type TestService } from '../../test/support/service.ts';
import { waitUntil } from '../../test/support/wait.ts';
import { FEED_FORMATS } from '../domain/calls/feed.ts';

const ROUTE = '/ingest/v1/calls/:format';

let api: TestService;
before(async () => {
  api = await startService({
    PUBLIC_URL: 'https://example.com',
    INGEST_BODY_LIMIT: String(128 * 1024),
  });
});
after(() => api.stop());

async function send(path: string, authorization: string, body: string | Buffer) {
  const response = await fetch(`${api.url}${path}`, {
    method: 'POST',
    headers: { authorization },
    body,
  });
  const { date, ...headers } = Object.fromEntries(response.headers);
  assert.ok(date);
  return { status: response.status, headers, body: await response.text() };
}

const logged = () =>
  api
    .logged()
    .split('\n')
    .filter((line) => line.includes('"route":"/ingest'))
    .map((line) => JSON.parse(line));

test('deliveries are answered, logged and counted alike, by the shortcut and by Fastify', async () => {
  const account = await addCustomer(api, { cash: '100' });
  const start = Math.floor(api.service.clock().getTime() / 1_000) - 600;
  const sample = (number: number) => ({ account, number, start });
  const feeds = Object.fromEntries(
    await Promise.all(
      FEED_FORMATS.map(async (format) => [format, await api.feed(format)] as const),
    ),
  );
  const deliveries: [string, string, string | Buffer][] = FEED_FORMATS.map((format, n) => {
    return [format, feeds[format] as string, SAMPLES[format](sample(n))];
  });
  const generic = feeds.generic as string;
  const record = SAMPLES.generic(sample(20));
  deliveries.push(
    ['generic', generic, gzipSync(`[${record},${record}]`)],
    ['generic', generic, gzipSync(record).subarray(0, 30)],
    ['generic', generic, '{"id":'],
    ['generic', generic, ''],
    ['generic', generic, '\n'.repeat(100_000)],
    ['generic', generic, 'x'.repeat(200_000)],
    ['kamailio', generic, record],
    ['none', generic, record],
  );
  const shown: unknown[] = [];
  for (const [format, authorization, body] of deliveries) {
    const path = `/ingest/v1/calls/${format}`;
    // Stores the calls, and makes the feed known to the shortcut.
    await send(`${path}/`, authorization, body);
    // Only the path without a last slash has the shortcut.
    const byShortcut = await send(path, authorization, body);
    assert.deepEqual(byShortcut, await send(`${path}/`, authorization, body));
    const { duplicates, rejected } = JSON.parse(byShortcut.body);
    shown.push([byShortcut.status, duplicates, rejected]);
  }
  assert.deepEqual(shown, [
    ...FEED_FORMATS.map(() => [200, 1, 0]),
    [200, 2, 0],
    [200, 0, 1],
    [200, 0, 1],
    [200, 0, 0],
    [200, 0, 0],
    [413, undefined, undefined],
    [403, undefined, undefined],
    [404, undefined, undefined],
  ]);
  await waitUntil(() => logged().length === 3 * deliveries.length);
  const [short, full] = [ROUTE, `${ROUTE}/`].map((path) =>
    logged()
      .filter(({ route }) => route === path)
      .map(({ method, status, address, msg, ms }) => {
        assert.ok(ms > 0);
        return { method, status, address, msg };
      }),
  );
  assert.deepEqual(
    short,
    full?.filter((_, n) => n % 2 === 1),
  );
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  assert.match(
    metrics,
    /account_api_requests_total\{route="\/ingest\/v1\/calls\/:format",status="200"\} 10/,
  );
  assert.match(metrics, /account_api_delivery_seconds_count\{outcome="done"\} 10/);
});

test('a delivery that fails in the shortcut is not taken in again by Fastify', async () => {
  const account = await addCustomer(api, { cash: '100' });
  const authorization = await api.feed('generic');
  const start = Math.floor(api.service.clock().getTime() / 1_000) - 600;
  const body = SAMPLES.generic({ account, number: 30, start });
  const path = '/ingest/v1/calls/generic';
  const { db } = api.service;
  await db.query(`ALTER TABLE call ADD CONSTRAINT refuses CHECK (account <> ${account})`);
  await send(path, authorization, '');
  const { status, headers, body: text } = await send(path, authorization, body);
  // The body was read already, so it would be waited for without end.
  assert.deepEqual(
    [status, headers['content-type'], JSON.parse(text)],
    [
      500,
      'application/json; charset=utf-8',
      { statusCode: '500', status: 'Error', message: 'Internal error' },
    ],
  );
  await db.query('ALTER TABLE call DROP CONSTRAINT refuses');
  assert.equal(JSON.parse((await send(path, authorization, body)).body).stored, 1);
});
