import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { post } from '../support/service.ts';
import { startTarget } from './support.ts';

const CONNECTIONS = 4;
// At most 640 kB per second for all connections together.
const PAUSE_MS = 100;
const PROBES = 60;
const TRIES = 4;
const MOST_TIMES_IDLE = { median: 5, slow: 20 };

// The same work. Made for each host, the smallest page takes five times as long.
const MOST_TIMES_ONE_HOST = 3;

const target = startTarget();
// As long as a body may be; its last character is allowed in no name and no number.
const LONG = 'a'.repeat(15_900);

/** Another client's response time in milliseconds: the median, and the slowest tenth. */
async function waiting(): Promise<{ median: number; slow: number }> {
  const times: number[] = [];
  for (let probe = 0; probe < PROBES; probe++) {
    const started = performance.now();
    const { status } = await fetch(`${target.api.url}/healthz`);
    times.push(performance.now() - started);
    assert.equal(status, 200);
    await sleep(20);
  }
  times.sort((a, b) => a - b);
  const [median = 0, slow = 0] = [times[PROBES / 2], times[Math.floor(PROBES * 0.9)]];
  return { median, slow };
}

/** On a busy machine one comparison may fail; a body that holds others up fails all of them. */
async function assertUnmoved(what: string, attack: () => Promise<unknown>): Promise<void> {
  await attack();
  const told: string[] = [];
  for (let tries = 0; tries < TRIES; tries++) {
    const idle = await waiting();
    let over = false;
    const attackers = Array.from({ length: CONNECTIONS }, async () => {
      while (!over) {
        await attack();
        await sleep(PAUSE_MS);
      }
    });
    const attacked = await waiting();
    over = true;
    await Promise.all(attackers);
    const isMedianUnmoved = attacked.median < MOST_TIMES_IDLE.median * idle.median;
    if (isMedianUnmoved && attacked.slow < MOST_TIMES_IDLE.slow * idle.slow) return;
    told.push(JSON.stringify({ idle, attacked }));
  }
  assert.fail(`${what}: ${told.join(', ')}`);
}

test('bodies made to be slow to check hold up no other client', async () => {
  const long: Record<string, unknown>[] = [
    { name: `${LONG}\u0001` },
    { email: `${LONG}@` },
    { username: `${'1'.repeat(15_900)}x` },
  ];
  let sent = 0;
  await assertUnmoved('bodies', () => {
    const operation = sent % 2 ? 'signup' : 'add';
    const body = { name: 'x', email: 'x', username: 1, apikey: 'x', ...long[sent++ % 3] };
    return post(`${target.api.url}/v2.1/account/${operation}/`, body);
  });
});

/** CPU time of some requests, in milliseconds. The service runs in this process. */
async function cpuOf(path: string): Promise<number> {
  const started = process.cpuUsage();
  for (let n = 0; n < 30; n++) {
    const { status } = await fetch(`${target.api.url}${path}`, { method: 'HEAD' });
    assert.equal(status, 200, path);
  }
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1_000;
}

/** The time for which this process could do nothing else while 30 clients named their hosts. */
async function busyOf(path: string, hostOf: (n: number) => string): Promise<number> {
  const started = performance.eventLoopUtilization();
  for (let n = 0; n < 30; n++) {
    const headers = { host: hostOf(n) };
    const asked = request(`${target.api.url}${path}`, { method: 'HEAD', headers, agent: false });
    const [{ statusCode }] = await once(asked.end(), 'response');
    assert.equal(statusCode, 200, path);
  }
  return performance.eventLoopUtilization(started).active;
}

test('documents and pages of the reference take as little as a file, because they are made once', async () => {
  const documents = ['/docs/', '/docs/v2.2/', '/docs/operator/'];
  for (const path of [
    ...documents,
    '/openapi.json',
    '/v2.2/openapi.json',
    '/operator/openapi.json',
  ]) {
    await fetch(`${target.api.url}${path}`, { method: 'HEAD' });
    const told: string[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      const file = await cpuOf('/assets/portal.js');
      const made = await cpuOf(path);
      if (made < 4 * file) break;
      told.push(`${made.toFixed()} ms, a file ${file.toFixed()}`);
    }
    assert.ok(told.length < TRIES, `${path}: ${told.join(', ')}`);
  }
});

test('clients that name many hosts do not have the reference made for each', async () => {
  for (const path of ['/docs/', '/docs/v2.2/', '/docs/operator/']) {
    const one: number[] = [];
    const many: number[] = [];
    for (let tries = 0; tries < TRIES; tries++) {
      one.push(await busyOf(path, () => 'same.example'));
      many.push(await busyOf(path, (n) => `name${tries}-${n}.example`));
    }
    const times = Math.min(...many) / Math.min(...one);
    assert.ok(times < MOST_TIMES_ONE_HOST, `${path}: ${one} ms of one host, ${many} of many`);
  }
});
