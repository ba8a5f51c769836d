import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createDatabase, databaseUrl } from '../support/postgres.ts';
import { type Server, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';

const PROCESSES = 4;

test('processes that share nothing but an empty database start at once, and limit together', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-many-'));
  const { connection, drop } = await createDatabase();
  const keyFile = join(folder, 'secret.key');
  await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const env = {
    DATABASE_URL: databaseUrl(connection),
    SECRET_KEY_FILE: keyFile,
    RATE_LIMIT_PER_HOUR: '6',
  };
  const start = (n: number) => startServer(join(folder, `data${n}`), { env });
  const servers = await Promise.all(Array.from({ length: PROCESSES }, (_, n) => start(n)));
  t.after(async () => {
    await Promise.all(servers.map(stop));
    await drop();
    await rm(folder, { recursive: true, force: true });
  });

  const files = await Promise.allSettled(
    servers.map((_, n) => readFile(join(folder, `data${n}`, 'admin.json'), 'utf8')),
  );
  const found = files.flatMap((file) => (file.status === 'fulfilled' ? [file.value] : []));
  assert.equal(found.length, 1, 'one of them made the administrator');
  const { apikey } = JSON.parse(found[0] ?? '') as { apikey: string };

  const headers = { authorization: `Bearer ${apikey}` };
  const ask = (n: number) =>
    post(`${servers[n % PROCESSES]?.url}/v2.1/account/info/`, undefined, headers);
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(n)));
  const count = (status: number) => answers.filter((answer) => answer.status === status).length;
  assert.deepEqual({ passed: count(200), limited: count(429) }, { passed: 6, limited: 94 });

  // A new process shares the counts.
  await stop(servers[0]);
  servers[0] = await start(0);
  assert.equal((await ask(0)).status, 429);
});

async function stop(server: Server | undefined): Promise<void> {
  server?.kill('SIGTERM');
  assert.equal(await server?.ended, 0);
}
