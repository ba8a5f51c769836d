import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket, type Server as TcpServer } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { systemResolve } from '../../src/webhook/allowed-address.ts';
import { post } from '../../src/webhook/post.ts';
import { watchDelays } from '../support/delays.ts';
import { startReceiver } from '../support/receiver.ts';
import { embeddedConnection, runCommand, startServer } from '../support/server.ts';
import { waitUntil } from '../support/wait.ts';
import { begin, end } from './support/begin.ts';
import { Load } from './support/load.ts';
import { between, pick, report, times } from './support/scale.ts';

const ENV = { WEBHOOK_ALLOW: '127.0.0.1' };
type Listen = (socket: Socket) => void;

const DELIVERED_MS = 180_000;
// On a machine that does much else, a start alone may take half a minute.
const SERVED_MS = 120_000;

test('kill -9 of the server under load: each change has its event, and each event arrives', async (t) => {
  const { dataDir, server: first, promises } = await begin(t, ENV);
  const receiver = await startReceiver();
  const add = ['webhook', 'add', receiver.url, '--types', '*'];
  await runCommand<object>(dataDir, add, ENV);
  const { secret } = await runCommand<{ secret: string }>(dataDir, [
    ...['operator-key', 'create', 'payments', '--scopes', 'accounts:read,ledger:write'],
  ]);
  const kills = times(4, 200);
  let server = first;
  const load = new Load(promises, () => server.url);
  let paying = true;
  const pay = async () => {
    const [account] = await accountsOf(server.url, secret);
    for (let n = 0; paying; n++) {
      const body = { type: 'credit', amount: '0.01', reason: 'Card', reference: `pi_${n}` };
      await fetch(`${server.url}/operator/v1/accounts/${account}/ledger-entries`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }).catch(() => undefined);
      await sleep(20);
    }
  };
  const payments = pay();
  t.after(() => {
    paying = false;
    return load.stop().catch(() => undefined);
  });
  const slowest = { start: 0, call: 0 };
  for (let kill = 0; kill < kills; kill++) {
    await sleep(between(200, 1_500));
    server.kill('SIGKILL', pick(['process', 'group']));
    await server.ended;
    const endedAt = performance.now();
    server = await startServer(dataDir, { env: ENV });
    const readyAt = performance.now();
    const [before, answers] = [promises.acknowledged.size, new Map(load.statuses)];
    await waitUntil(() => promises.acknowledged.size > before, SERVED_MS).catch((error) => {
      const since = [...load.statuses].map(([status, count]) => [
        status,
        count - (answers.get(status) ?? 0),
      ]);
      throw new Error(`after kill ${kill + 1}, answers since the start ${JSON.stringify(since)}`, {
        cause: error,
      });
    });
    slowest.start = Math.max(slowest.start, readyAt - endedAt);
    slowest.call = Math.max(slowest.call, performance.now() - readyAt);
  }
  await load.stop();
  paying = false;
  await payments;
  const db = new pg.Client(embeddedConnection(dataDir));
  await db.connect();
  const count = async (sql: string) => Number((await db.query(sql)).rows[0].count);
  await waitUntil(
    async () =>
      (await count('SELECT count(*) FROM event WHERE sequence IS NULL')) === 0 &&
      (await count("SELECT count(*) FROM webhook_delivery WHERE state <> 'delivered'")) === 0,
    DELIVERED_MS,
  );
  const wrong = await db.query(`
    SELECT 'entry' AS what, l.id, e.id AS event FROM ledger_entry l
      FULL JOIN (SELECT account, (data->'entry'->>'id')::bigint AS entry, id FROM event
        WHERE type = 'ledger.posted') e ON e.account = l.account AND e.entry = l.id
      WHERE l.id IS NULL OR e.id IS NULL
    UNION ALL
    SELECT 'account', a.username, e.id FROM account a
      FULL JOIN (SELECT * FROM event WHERE type = 'account.created') e ON e.account = a.username
      WHERE a.username IS NULL OR e.id IS NULL
    UNION ALL
    SELECT 'balance', b.account, e.count FROM balance b LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE type = 'account.suspended')
          - count(*) FILTER (WHERE type = 'account.resumed') AS count
        FROM event WHERE event.account = b.account) e ON true
      WHERE e.count <> b.suspended::int`);
  assert.deepEqual(wrong.rows, []);
  const log = await db.query(
    'SELECT count(*)::int, min(sequence)::int, max(sequence)::int, count(DISTINCT public_id)::int AS ids FROM event',
  );
  const events = log.rows[0].count;
  assert.deepEqual(log.rows[0], { count: events, min: 1, max: events, ids: events });
  const entries = await count('SELECT count(*) FROM ledger_entry');
  assert.equal(await count("SELECT count(*) FROM event WHERE type = 'ledger.posted'"), entries);
  const sent = await db.query(
    'SELECT e.public_id AS id FROM webhook_delivery d JOIN event e USING (sequence) ORDER BY 1',
  );
  const arrived = new Set(receiver.received.map(({ event }) => event.id));
  assert.deepEqual(
    [...arrived].sort(),
    sent.rows.map(({ id }) => id),
  );
  await db.end();
  await end(server);
  receiver.stop();
  report(
    'kill -9 of the server under load: each change has one event, numbers have no gap, each event arrives',
    `${kills} kills`,
    `ready after ${seconds(slowest.start)} s at most, the first call ${seconds(slowest.call)} s later at most; ${events} events, ${entries} of them ledger entries; ${receiver.received.length} requests for ${arrived.size} events`,
  );
});

const seconds = (ms: number) => (ms / 1_000).toFixed(1);

async function accountsOf(url: string, secret: string): Promise<string[]> {
  const answer = await fetch(`${url}/operator/v1/accounts?role=customer`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  const { data } = (await answer.json()) as { data: { username: string }[] };
  return data.map(({ username }) => username);
}

test('a receiver that is slow, endless or silent ends after 15 seconds, with little memory', async () => {
  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';
  const drip =
    (text: string): Listen =>
    (socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ' '), 1_000);
      socket.on('close', () => clearInterval(timer));
      socket.on('error', () => undefined);
    };
  const flood: Listen = (socket) => {
    socket.on('error', () => undefined);
    socket.write(`${HEAD}transfer-encoding: chunked\r\n\r\n`);
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const more = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on('drain', more);
    more();
  };
  const body: Listen = (socket) => {
    socket.write(`${HEAD}content-length: 100000\r\n\r\n`);
    drip('y')(socket);
  };
  const cases = {
    'a byte of the header a second': { scheme: 'http', listen: drip(HEAD), ends: 'timed out' },
    'a byte of the body a second': { scheme: 'http', listen: body, ends: 'timed out' },
    'no answer': { scheme: 'http', listen: () => undefined, ends: 'timed out' },
    'a TLS handshake that stalls': { scheme: 'https', listen: () => undefined, ends: 'timed out' },
    'a body without end': { scheme: 'http', listen: flood, ends: null },
  };
  const before = process.memoryUsage().rss;
  const busyMs = watchDelays();
  const servers: TcpServer[] = [];
  const outcomes = await Promise.all(
    Object.entries(cases).map(async ([name, { scheme, listen, ends }]) => {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        listen(socket);
      });
      servers.push(server);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      server.unref();
      const { port } = server.address() as AddressInfo;
      const began = performance.now();
      const url = `${scheme}://127.0.0.1:${port}/`;
      const tools = { allow: ['127.0.0.1'], resolve: systemResolve };
      const { error } = await post(url, { headers: {}, body: '{}' }, tools);
      assert.equal(error, ends, name);
      return (performance.now() - began) / 1_000;
    }),
  );
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  const slowest = Math.max(...outcomes);
  assert.ok(slowest > 14.5 && slowest < 17 + busyMs() / 1_000, `${slowest} s`);
  assert.ok(grown < 40, `${grown} MiB`);
  report(
    'receivers of webhooks that send a byte a second, nothing, or without end',
    `${outcomes.length} kinds`,
    `the slowest ended after ${slowest.toFixed(1)} s, ${grown.toFixed(0)} MiB more`,
  );
});
