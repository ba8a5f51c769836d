import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCustomer } from '../../test/support/calls.ts';
import { sharedService } from '../../test/support/service.ts';
import { waitUntil } from '../../test/support/wait.ts';

const PATH = '/ingest/v1/authorize';

let authorization: string;
const api = sharedService({ PUBLIC_URL: 'https://example.com' }, async () => {
  authorization = await api.feed('generic');
});

async function send(path: string, body: string) {
  const response = await fetch(`${api.url}${path}`, {
    method: 'POST',
    headers: { authorization },
    body,
  });
  const { date, ...headers } = Object.fromEntries(response.headers);
  assert.ok(date);
  return { status: response.status, headers, body: await response.text() };
}

const requests = () =>
  api
    .logged()
    .split('\n')
    .filter((line) => line.includes(`"route":"${PATH}`))
    .map((line) => JSON.parse(line));

test('questions are answered, logged and counted alike, by the shortcut and by Fastify', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '100' });
  const poor = await addCustomer(api, { rate: '0.06', cash: '0.001' });
  const bodies = [
    { account, dst: '2125550123', call_id: 'a' },
    { account, dst: '+442055501234', call_id: 'b', rewrite: true },
    { account, dst: '911', call_id: 'c', rewrite: true },
    { account, dst: '999', call_id: 'd' },
    { account: poor, dst: '2125550123', call_id: 'e' },
    { account: 9_999_999_999, dst: '2125550123', call_id: 'f' },
    { account, dst: 'nobody', call_id: 'g' },
    { account, dst: '2125550123' },
  ].map((body) => JSON.stringify(body));
  bodies.push('', '{"account":', '{"account": 1, "account": 2}', 'x'.repeat(17_000));
  const shown: unknown[] = [];
  for (const body of bodies) {
    // Only the path without a last slash has the shortcut. Then the same question is repeated.
    const byFastify = await send(`${PATH}/`, body);
    assert.deepEqual(await send(PATH, body), byFastify);
    shown.push(byFastify.status);
  }
  assert.deepEqual(shown, [200, 200, 200, 200, 402, 402, 402, 400, 400, 400, 400, 413]);
  await waitUntil(() => requests().length === 2 * bodies.length);
  const [short, full] = [PATH, `${PATH}/`].map((path) =>
    requests()
      .filter(({ route }) => route === path)
      .map(({ level, method, status, address, msg, ms }) => {
        assert.ok(ms > 0);
        return { level, method, status, address, msg };
      }),
  );
  assert.deepEqual(short, full);
  assert.equal(new Set(requests().map(({ requestId }) => requestId)).size, 2 * bodies.length);
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  const counted = [PATH, `${PATH}/`].map((path) =>
    metrics
      .split('\n')
      .filter((line) => line.startsWith(`account_api_requests_total{route="${path}"`))
      .map((line) => line.slice(line.indexOf('status='))),
  );
  assert.deepEqual(counted[0], counted[1]);
  assert.equal(counted[0]?.length, 4);
});

test('a refused call counts with the time that the shortcut took, and a client may leave before its answer', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.001' });
  const question = (callId: string) =>
    JSON.stringify({ account, dst: '2125550123', call_id: callId });
  const earlier = requests().length;
  await send(PATH, question('first'));
  await waitUntil(() => requests().length === earlier + 1);
  const before = requests().length;
  const { db } = api.service;
  const { waiting } = await db.transaction(async (tx) => {
    await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [account]);
    const left = connect(Number(new URL(api.url).port), '127.0.0.1');
    const body = question('left');
    left.write(
      `POST ${PATH} HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await waitUntil(async () => {
      const [waits] = await db.query(
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      return waits !== undefined;
    });
    const waiting = send(PATH, question('waits'));
    await sleep(400);
    left.destroy();
    return { waiting };
  });
  assert.equal((await waiting).status, 402);
  await waitUntil(() => requests().length === before + 2);
  const noted = requests().slice(before);
  assert.deepEqual(noted.map(({ status }) => status).sort(), [400, 402]);
  const times = noted.map(({ ms }) => ms);
  assert.ok(
    times.every((ms) => ms >= 150),
    String(times),
  );
  assert.equal((await send(PATH, question('after'))).status, 402);
});
