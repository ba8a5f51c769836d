import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { postmasterOf, startServer } from '../support/server.ts';
import { waitUntil } from '../support/wait.ts';
import { assertPromises, begin, end } from './support/begin.ts';
import { Load } from './support/load.ts';
import { between, pick, report, times } from './support/scale.ts';

// On a machine that does much else, a start alone may take half a minute.
const SERVED_MS = 120_000;

test('kill -9 of the server under load', async (t) => {
  const { dataDir, server: first, promises } = await begin(t);
  const kills = times(10, 200);
  let server = first;
  const load = new Load(promises, () => server.url);
  for (let kill = 0; kill < kills; kill++) {
    const before = promises.acknowledged.size;
    await sleep(between(20, 400));
    server.kill('SIGKILL', pick(['process', 'group']));
    await server.ended;
    server = await startServer(dataDir);
    await waitUntil(() => promises.acknowledged.size > before, SERVED_MS);
  }
  await load.stop();
  await assertPromises({ dataDir, promises });
  await end(server);
  const { acknowledged, signups } = promises;
  report(
    'kill -9 of the server under load: what was acknowledged is there once, the books balance',
    `${kills} kills`,
    `${acknowledged.size} calls and ${signups.length} signups kept, mails written`,
  );
});

for (const { name, signal, count } of [
  { name: 'kill -9 of the embedded PostgreSQL', signal: 'SIGKILL', count: times(5, 50) },
  { name: 'restart of PostgreSQL', signal: 'SIGINT', count: times(3, 20) },
] as const) {
  test(`${name} under load`, async (t) => {
    const { dataDir, server, promises } = await begin(t);
    const load = new Load(promises, () => server.url);
    let slowestMs = 0;
    for (let round = 0; round < count; round++) {
      await sleep(between(50, 500));
      const postmaster = await postmasterOf(dataDir);
      process.kill(postmaster, signal);
      const began = performance.now();
      const another = async () => (await postmasterOf(dataDir).catch(() => 0)) !== postmaster;
      await waitUntil(another, SERVED_MS);
      const before = promises.acknowledged.size;
      await waitUntil(() => promises.acknowledged.size > before, SERVED_MS);
      slowestMs = Math.max(slowestMs, performance.now() - began);
    }
    await load.stop();
    assert.deepEqual(
      [...load.statuses.keys()].filter((status) => ![200, 503].includes(status)),
      [],
    );
    await assertPromises({ dataDir, promises });
    await end(server);
    report(
      `${name} under load: answers 200 or 503, comes back by itself, nothing lost or doubled`,
      `${count} times`,
      `${promises.acknowledged.size} calls kept; back within ${(slowestMs / 1_000).toFixed(1)} s`,
    );
  });
}
