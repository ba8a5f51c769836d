import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { newDataFolder } from '../support/prepared-data.ts';
import { addGenericFeed, MAIN, type Server, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const WORKERS = 2;

async function start(t: TestContext) {
  const dataDir = await newDataFolder('account-api-workers-');
  // The database of a service that was killed ends a moment later.
  t.after(() => rm(dataDir, { recursive: true, force: true, maxRetries: 10 }));
  const command = [process.execPath, MAIN, '--workers', String(WORKERS)];
  const server = await startServer(dataDir, { command });
  const { apikey } = JSON.parse(await readFile(join(dataDir, 'admin.json'), 'utf8'));
  return { dataDir, server, apikey: String(apikey) };
}

/** The workers' process ids: children of the service that run the same program. */
function workersOf(server: Server): number[] {
  return globSync('/proc/[0-9]*/stat').flatMap((file) => {
    try {
      const [pid, rest = ''] = readFileSync(file, 'utf8').split(/ \(.*\) /s);
      const parent = Number(rest.split(' ')[1]);
      const isWorker =
        parent === server.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('main.js');
      return isWorker ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

/** Requests `info` on persistent connections, like a proxy. */
function ask(server: Server, agent: Agent, apikey: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${apikey}` };
    const options = { method: 'POST', agent, headers };
    const sent = request(`${server.url}/v2.1/account/info/`, options, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject);
    sent.end();
  });
}

test('workers are replaced one by one on SIGHUP, and no request fails', async (t) => {
  const { server, apikey } = await start(t);
  const before = workersOf(server);
  assert.equal(before.length, WORKERS);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let asking = true;
  let answered = 0;
  const clients = Array.from({ length: 8 }, async () => {
    while (asking) {
      assert.equal(await ask(server, agent, apikey), 200);
      answered++;
      await sleep(20);
    }
  });
  await waitUntil(() => answered > 50);
  server.kill('SIGHUP');
  await Promise.race([server.line(/"msg":"workers are replaced"/), ...clients]);
  const enough = answered + 50;
  await waitUntil(() => answered > enough);
  asking = false;
  await Promise.all(clients);
  agent.destroy();
  const after = workersOf(server);
  assert.equal(after.length, WORKERS);
  assert.deepEqual(
    after.filter((pid) => before.includes(pid)),
    [],
  );
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

test('metrics are those of all workers, also of one that has ended', async (t) => {
  const { dataDir, server, apikey } = await start(t);
  const authorization = await addGenericFeed(dataDir);
  const refused = await post(`${server.url}/ingest/v1/calls/generic`, 'no record', {
    authorization,
  });
  assert.equal(refused.body.rejected, 1);
  const figures = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const figure = (name: string) => {
      const line = text.split('\n').find((one) => one.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.split(' ').at(-1));
    };
    return {
      asked: figure('account_api_requests_total{route="/v2.1/account/info/",status="200"}'),
      timed: figure('account_api_request_seconds_count{route="/v2.1/account/info/"}'),
      refused: figure('account_api_records_rejected'),
      heap: figure('nodejs_heap_size_used_bytes'),
    };
  };
  const askEach = async (times: number) => {
    // Each connection goes to the next worker.
    for (let n = 0; n < times; n++) assert.equal(await ask(server, new Agent(), apikey), 200);
  };
  const expect = async (asked: number) => {
    for (let n = 0; n < 2 * WORKERS; n++) {
      const { heap, ...counted } = await figures();
      assert.deepEqual(counted, { asked, timed: asked, refused: 1 });
      assert.ok((heap ?? 0) > WORKERS * 12_000_000, `${heap} bytes`);
    }
  };
  await askEach(10);
  await expect(10);
  const [victim = 0] = workersOf(server);
  process.kill(victim, 'SIGKILL');
  await waitUntil(() => {
    const now = workersOf(server);
    return now.length === WORKERS && !now.includes(victim);
  });
  // A connection to the worker that was killed may be used once more.
  await waitUntil(async () => (await figures().catch(() => undefined))?.asked === 10);
  await askEach(4);
  await expect(14);
  server.kill('SIGKILL', 'group');
  await server.ended;
});

test('a worker that is killed is started again; with the first process all end', async (t) => {
  const { server, apikey } = await start(t);
  const [victim = 0, ...others] = workersOf(server);
  process.kill(victim, 'SIGKILL');
  await waitUntil(() => {
    const now = workersOf(server);
    return now.length === WORKERS && !now.includes(victim);
  });
  assert.ok(workersOf(server).includes(others[0] ?? 0));
  const agent = new Agent();
  assert.equal(await ask(server, agent, apikey), 200);
  const workers = workersOf(server);
  server.kill('SIGKILL');
  await server.ended;
  const isAlive = (pid: number) => globSync(`/proc/${pid}/cwd`).length > 0;
  await waitUntil(() => !workers.some(isAlive));
});
