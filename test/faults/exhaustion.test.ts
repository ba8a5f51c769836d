import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { storeFreeCalls } from '../support/calls.ts';
import { watchDelays } from '../support/delays.ts';
import { embeddedConnection, type Server } from '../support/server.ts';
import { post } from '../support/service.ts';
import { readCallsSlowly } from '../support/slow-reader.ts';
import { waitUntil } from '../support/wait.ts';
import { assertPromises, type Beginning, begin, end } from './support/begin.ts';
import { pick, report } from './support/scale.ts';

/** from the opening of a connection */
const CLOSED_WITHIN_MS = 20_000;
/** The server also needs time to close all idle sockets at once. */
const IDLE_CLOSED_WITHIN_MS = 30_000;
const PAUSE_MS = 100;
const SLOW_CLIENTS = 1_000;
const IDLE_SOCKETS = 5_000;
/** the number of long answers that an account may have at once */
const READERS = 8;
const FREE_CALLS = 50_000;

/** Ordinary customers, one request after another, until `stop`. */
class GoodCustomers {
  readonly tookMs: number[] = [];
  readonly #ask: ((n: number) => Promise<number>)[];
  readonly #running: Promise<void>[];
  #on = true;

  private constructor(ask: ((n: number) => Promise<number>)[]) {
    this.#ask = ask;
    this.#running = [0, 1, 2].map((n) => this.#run(n));
    // `stop` tells of a failure. After a test that fails earlier, the server is gone.
    for (const running of this.#running) running.catch(() => undefined);
  }

  static async start({ server, promises }: Omit<Beginning, 'dataDir'>): Promise<GoodCustomers> {
    const { url } = server;
    const { username, password } = promises.signups[0] ?? {};
    const signIn = { username, password };
    const { apikey } = (await post(`${url}/v2.1/account/apikey/`, signIn)).body;
    const operation = async (name: string, body: object = {}) => {
      const headers = { authorization: `Bearer ${apikey}` };
      const answer = await post(`${url}/v2.1/account/${name}/`, body, headers);
      return answer.status;
    };
    return new GoodCustomers([
      ...['info', 'cdr', 'mrc'].map((name) => () => operation(name)),
      () => operation('apikey', signIn),
      () => promises.signUp(url),
    ]);
  }

  async #run(n: number): Promise<void> {
    for (let turn = n; this.#on; turn++) {
      const began = performance.now();
      const status = (await this.#ask[turn % this.#ask.length]?.(turn)) ?? 0;
      this.tookMs.push(performance.now() - began);
      assert.equal(status, 200, `request ${turn % this.#ask.length} of a good customer`);
      await sleep(PAUSE_MS);
    }
  }

  /** @returns for the report: the number of requests and their speed */
  async stop(): Promise<string> {
    this.#on = false;
    await Promise.all(this.#running);
    const sorted = this.tookMs.sort((a, b) => a - b);
    const [median, worst] = [sorted[Math.floor(sorted.length / 2)] ?? 0, sorted.at(-1) ?? 0];
    assert.ok(sorted.length > 50, `${sorted.length} good requests`);
    const ms = (value: number) => `${Math.round(value)} ms`;
    return `${sorted.length} good requests served, median ${ms(median)}, slowest ${ms(worst)}`;
  }
}

test('200 clients wait for a locked account, and the others are served', async (t) => {
  const { dataDir, server, promises } = await begin(t);
  const good = await GoodCustomers.start({ server, promises });
  const locker = new pg.Client(embeddedConnection(dataDir));
  locker.on('error', () => undefined);
  await locker.connect();
  await locker.query('BEGIN');
  await locker.query('SELECT 1 FROM balance WHERE account = ANY($1) FOR UPDATE', [
    promises.accounts,
  ]);
  let locked = true;
  let refused = 0;
  const busyMs = watchDelays();
  const clients = Array.from({ length: 200 }, async () => {
    while (locked) {
      const began = performance.now();
      const status = await promises.deliver(server.url, 1);
      const tookMs = performance.now() - began;
      assert.equal(status, 503);
      assert.ok(tookMs < 10_000 + busyMs(), `${tookMs} ms`);
      refused++;
      await sleep(100);
    }
  });
  await sleep(10_000);
  const served = await good.stop();
  locked = false;
  await Promise.all(clients);
  await locker.query('ROLLBACK');
  await locker.end();
  const owed = promises.owed.length;
  await waitUntil(async () => {
    await promises.repeat(server.url);
    return promises.owed.length === 0;
  });
  assert.equal(promises.acknowledged.size, owed);
  await assertPromises({ dataDir, promises });
  await end(server);
  report(
    'the pool exhausted by a held lock and 200 clients: the others are served, those get 503 and lose nothing',
    '200 clients, 10 s',
    `${served}; ${refused} deliveries put off, each stored once after it`,
  );
});

test(`${SLOW_CLIENTS} slow clients are closed, and the others are served`, async (t) => {
  const { dataDir, server, promises } = await begin(t);
  const good = await GoodCustomers.start({ server, promises });
  const clients = await open(server, SLOW_CLIENTS);
  const trickles = clients.map((socket) => trickle(socket));
  const lastMs = Math.max(...(await Promise.all(clients.map(({ closedMs }) => closedMs))));
  for (const timer of trickles) clearInterval(timer);
  assert.ok(lastMs < CLOSED_WITHIN_MS, `${lastMs} ms`);
  const served = await good.stop();
  await assertPromises({ dataDir, promises });
  await end(server);
  report(
    'clients that send a byte a second: closed in time, the others are served',
    `${SLOW_CLIENTS} clients`,
    `${served}; the last slow one closed ${(lastMs / 1_000).toFixed(1)} s after it was opened`,
  );
});

test(`${IDLE_SOCKETS} idle sockets are closed, and the others are served`, async (t) => {
  const { dataDir, server, promises } = await begin(t);
  const good = await GoodCustomers.start({ server, promises });
  const clients = await open(server, IDLE_SOCKETS);
  const lastMs = Math.max(...(await Promise.all(clients.map(({ closedMs }) => closedMs))));
  assert.ok(lastMs < IDLE_CLOSED_WITHIN_MS, `${lastMs} ms`);
  const served = await good.stop();
  await assertPromises({ dataDir, promises });
  await end(server);
  report(
    'connections that send nothing: closed in time, the others are served',
    `${IDLE_SOCKETS} sockets`,
    `${served}; the last idle one closed ${(lastMs / 1_000).toFixed(1)} s after it was opened`,
  );
});

test(`${READERS} readers who take a byte a second of a long answer hold up nobody else`, async (t) => {
  const { dataDir, server, promises } = await begin(t);
  const { url } = server;
  const [reader, other] = await Promise.all(
    promises.signups.slice(0, 2).map(async ({ username, password }) => {
      const { body } = await post(`${url}/v2.1/account/apikey/`, { username, password });
      await storeFreeCallsOf(dataDir, Number(username));
      return String(body.apikey);
    }),
  );
  const readers = await Promise.all(
    Array.from({ length: READERS }, () =>
      readCallsSlowly(url, reader ?? '', { bytes: 1, everyMs: 1_000 }),
    ),
  );
  const leave = () => {
    for (const { socket } of readers) socket.destroy();
  };
  t.after(leave);
  const ask = (apikey: string | undefined) => post(`${url}/v2.1/account/cdr/`, { apikey });
  const began = performance.now();
  const served = await ask(other);
  const servedMs = performance.now() - began;
  assert.equal(served.status, 200);
  assert.equal(served.body.cdr.length, FREE_CALLS);
  assert.equal((await ask(reader)).status, 429);
  leave();
  await waitUntil(async () => (await ask(reader)).status === 200);
  await end(server);
  report(
    'readers of a byte a second take all long answers that one account may have at once: others are served',
    `${READERS} readers`,
    `another customer served after ${(servedMs / 1_000).toFixed(1)} s, their own next request gets 429`,
  );
});

async function storeFreeCallsOf(dataDir: string, account: number): Promise<void> {
  const client = new pg.Client(embeddedConnection(dataDir));
  await client.connect();
  await storeFreeCalls(
    { query: async (text, values) => (await client.query(text, values)).rows },
    account,
    FREE_CALLS,
  );
  await client.end();
}

interface Client {
  socket: Socket;
  /** how long the connection was open */
  closedMs: Promise<number>;
}

/**
 * Opens this many connections, some at a time, so that they fit in the queue of the listening
 * socket.
 */
async function open({ url }: Server, count: number): Promise<Client[]> {
  const { hostname, port } = new URL(url);
  const clients: Client[] = [];
  while (clients.length < count) {
    const some = Array.from({ length: Math.min(100, count - clients.length) }, async () => {
      const socket = connect(Number(port), hostname);
      // A connection may be closed by an end or by a reset.
      socket.on('error', () => undefined);
      socket.resume();
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      const opened = performance.now();
      const closedMs = new Promise<number>((resolve) =>
        socket.once('close', () => resolve(performance.now() - opened)),
      );
      return { socket, closedMs };
    });
    clients.push(...(await Promise.all(some)));
  }
  return clients;
}

/** Sends the start of a request, and then one byte per second of its headers or its body. */
function trickle({ socket }: Client): NodeJS.Timeout {
  const line = 'POST /v2.1/account/info/ HTTP/1.1\r\nHost: test\r\n';
  socket.write(
    pick([line, `${line}Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{`]),
  );
  return setInterval(() => socket.write('a'), 1_000);
}
