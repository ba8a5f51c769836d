import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresIn } from '../../src/db/embedded/processes.ts';
import { watchDelays } from '../support/delays.ts';
import { postmasterOf } from '../support/server.ts';
import { type Answer, post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';
import { assertPromises, begin, end } from './support/begin.ts';
import { Load } from './support/load.ts';
import { report, times } from './support/scale.ts';

const EMERGENCY = ['911', '112', '933', '999'];
const WITHIN_MS = 5_000;
const EMERGENCY_WITHIN_MS = 2_000;
const BACK_WITHIN_MS = 3_000;

test('a PostgreSQL that is stopped: 503 in time, and back in time', async (t) => {
  const seconds = times(8, 30);
  const { dataDir, server, promises } = await begin(t);
  const { url } = server;
  const [customer] = promises.signups;
  const signIn = { username: customer?.username, password: customer?.password };
  const { apikey } = (await post(`${url}/v2.1/account/apikey/`, signIn)).body;
  const headers = { authorization: `Bearer ${apikey}` };
  const ask = (operation: string, body: object = {}) =>
    post(`${url}/v2.1/account/${operation}/`, body, headers);
  const { authorization } = promises;
  const callFor = (dst: string) => {
    const question = { account: customer?.username, dst, call_id: dst };
    return post(`${url}/ingest/v1/authorize`, question, { authorization });
  };
  const load = new Load(promises, () => url);
  const busyMs = watchDelays();
  await sleep(500);

  const processes = postgresIn(join(dataDir, 'postgres/data18'), await postmasterOf(dataDir));
  assert.ok(processes.length > 5);
  for (const pid of processes) process.kill(pid, 'SIGSTOP');
  const resumed = performance.now() + seconds * 1_000;
  let slowestMs = 0;
  try {
    while (performance.now() < resumed - WITHIN_MS) {
      const began = performance.now();
      const answers = await Promise.all([
        ...['info', 'cdr', 'mrc', 'registration'].map((operation) => ask(operation)),
        ask('apikey', signIn),
        ask('signup', { name: 'Example Company', email: 'late@example.com' }),
        ask('recover', { email: 'late@example.com' }),
      ]);
      slowestMs = Math.max(slowestMs, performance.now() - began);
      assert.ok(
        performance.now() - began < WITHIN_MS + busyMs(),
        `${performance.now() - began} ms`,
      );
      for (const answer of answers) assertUnavailable(answer);
      const asked = performance.now();
      for (const { status, body } of await Promise.all(EMERGENCY.map(callFor))) {
        assert.deepEqual([status, body], [200, { allow: true, max_seconds: 600, rate: '0' }]);
      }
      assert.ok(performance.now() - asked < EMERGENCY_WITHIN_MS + busyMs());
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      assert.equal((await fetch(`${url}/readyz`)).status, 503);
      await sleep(100);
    }
    await sleep(resumed - performance.now());
  } finally {
    for (const pid of processes) process.kill(pid, 'SIGCONT');
  }
  const began = performance.now();
  const before = promises.acknowledged.size;
  await waitUntil(
    async () => (await ask('info')).status === 200 && promises.acknowledged.size > before,
  );
  const backMs = performance.now() - began;
  assert.ok(backMs < BACK_WITHIN_MS + busyMs(), `${backMs} ms`);
  await load.stop();
  assert.ok(load.slowestMs < WITHIN_MS + busyMs(), `${load.slowestMs} ms`);
  assert.deepEqual([...load.statuses.keys()].sort(), [200, 503]);
  await assertPromises({ dataDir, promises });
  await end(server);
  report(
    'PostgreSQL stopped (SIGSTOP) under load: 503 with Retry-After within 5 s, emergency calls allowed, /healthz up, back within 3 s, nothing lost or doubled',
    `${seconds} s`,
    `503 after at most ${(slowestMs / 1_000).toFixed(1)} s; back after ${(backMs / 1_000).toFixed(1)} s`,
  );
});

function assertUnavailable({ status, headers, body }: Answer): void {
  assert.deepEqual(
    [status, body],
    [503, { statusCode: '503', status: 'Error', message: 'Service unavailable, please try again' }],
  );
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d*$/);
}
