import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbedded } from '../../src/db/embedded/index.ts';
import { startChild } from '../support/child.ts';
import { watchDelays } from '../support/delays.ts';
import { freePort } from '../support/free-port.ts';
import { startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';
import { end } from './support/begin.ts';
import { report } from './support/scale.ts';

// A server with the same protocol, such as Valkey, can replace it.
const SERVER = process.env.LIMITS_SERVER?.split(' ') ?? ['redis-server'];

test('limits counted by a real Redis hold across processes, and nobody waits for one that is gone', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-redis-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const startRedis = async () => {
    const redis = startChild([...SERVER, '--port', String(port), '--save', '', '--dir', folder]);
    await redis.line(/Ready to accept connections/);
    return redis;
  };
  let redis = await startRedis();
  const postgres = await openEmbedded({ dataDir: join(folder, 'postgres'), role: 'server' });
  const { host, user, database } = postgres.connection;
  const keyFile = join(folder, 'secret.key');
  await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const env = {
    DATABASE_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host)}`,
    SECRET_KEY_FILE: keyFile,
    LIMITS_URL: `redis://127.0.0.1:${port}`,
    RATE_LIMIT_PER_HOUR: '6',
  };
  const start = (n: number) => startServer(join(folder, `data${n}`), { env });
  const servers = [await start(0), await start(1)];
  const file = await readFile(join(folder, 'data0', 'admin.json'), 'utf8');
  const headers = { authorization: `Bearer ${JSON.parse(file).apikey}` };
  const ask = async (operation: string, n = 0) => {
    const url = `${servers[n % 2]?.url}/v2.1/account/${operation}/`;
    return (await post(url, undefined, headers)).status;
  };
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ask('info', n)));
  const count = (status: number) => answers.filter((answer) => answer === status).length;
  assert.deepEqual({ passed: count(200), limited: count(429) }, { passed: 6, limited: 94 });
  await end(servers[0] as NonNullable<(typeof servers)[0]>);
  servers[0] = await start(0);
  assert.equal(await ask('info', 0), 429);

  redis.kill('SIGKILL');
  await redis.ended;
  const busyMs = watchDelays();
  const began = performance.now();
  for (let n = 0; n < 6; n++) assert.equal(await ask('mrc'), 200);
  assert.equal(await ask('mrc'), 429);
  assert.ok(performance.now() - began < 10_000 + busyMs());
  // Each process has tried again by then, and told it once.
  await sleep(1_500);
  const told = servers.map((server) => server?.output().match(/^.*LIMITS_URL/gm)?.length);
  assert.deepEqual(told, [1, 1]);
  redis = await startRedis();
  // Redis counts again: the second process sees the requests of the first.
  let asked = 0;
  await waitUntil(async () => {
    asked++;
    return (await ask('cdr', asked % 2)) === 429;
  });
  await Promise.all(servers.map(end));
  await postgres.stop();
  redis.kill('SIGTERM');
  await redis.ended;
  report(
    'limits counted by a real Redis, two processes: exactly 6 pass, also after a restart; without it requests go on',
    '100 at once',
    '6 passed, 94 refused',
  );
});
