import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Database } from '../../src/db/database.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { report } from '../faults/support/scale.ts';
import { startChild } from '../support/child.ts';
import {
  asSuperuser,
  startPrivatePostgres,
  startRestored,
  unprivileged,
} from '../support/private-postgres.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, startServer } from '../support/server.ts';
import { waitUntil } from '../support/wait.ts';
import { newKeyFile } from './support/services.ts';
import { shipped, writeFor } from './support/shipped.ts';

test('a backup is restored to a moment between two calls, and the books balance', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-backup-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o777);
  const path = join(folder, 'pgbackrest.conf');
  const primary = await startPrivatePostgres(join(folder, 'primary'), {
    archive_mode: 'on',
    archive_command: `pgbackrest --config=${path} --stanza=account-api archive-push %p`,
  });
  writeFor(
    path,
    shipped('cluster/pgbackrest.conf', [
      [/\/srv\/pgbackrest/, join(folder, 'repository')],
      [/\/tmp\/pgbackrest/, join(folder, 'lock')],
      [/\/var\/lib\/postgresql\/15\/account-api/, join(folder, 'primary/cluster')],
      [/\/var\/run\/postgresql/, join(folder, 'primary')],
      [/pg1-port=5432/, `pg1-port=${primary.port}\npg1-user=postgres`],
    ]),
  );
  const pgbackrest = async (...args: string[]) => {
    const command = ['pgbackrest', `--config=${path}`, '--stanza=account-api', ...args];
    const child = startChild(command, { ...unprivileged(), cwd: '/' });
    assert.equal(await child.ended, 0, `${args.join(' ')}: ${child.output()}`);
  };
  await pgbackrest('stanza-create');

  const env = { DATABASE_URL: primary.url, SECRET_KEY_FILE: newKeyFile(folder) };
  const server = await startServer(join(folder, 'data'), { env });
  const promises = new Promises(await addGenericFeed(join(folder, 'data'), env));
  await promises.open(server.url, 2);
  assert.equal(await promises.deliver(server.url, 10), 200);
  await pgbackrest('backup', '--type=full');
  // It takes a backup for a moment only if that ended in an earlier second.
  await sleep(1_000);
  assert.equal(await promises.deliver(server.url, 20), 200);
  const before = [...promises.acknowledged.keys()].sort();
  const moment = await momentOf(primary.url);
  await sleep(50);
  assert.equal(await promises.deliver(server.url, 30), 200);
  const after = promises.acknowledged.size - before.length;
  assert.equal(after, 30);
  server.kill('SIGTERM');
  await server.ended;
  // The last file of the log is archived, as archive_timeout would do within a minute.
  await asSuperuser(primary, 'SELECT pg_switch_wal()');
  await asSuperuser(primary, 'CHECKPOINT');
  await primary.stop();

  const began = performance.now();
  await mkdir(join(folder, 'restored'), { mode: 0o777 });
  await chmod(join(folder, 'restored'), 0o777);
  const cluster = join(folder, 'restored/cluster');
  await pgbackrest(
    ...['restore', `--pg1-path=${cluster}`, '--type=time', `--target=${moment}`],
    '--target-action=promote',
  );
  const restored = await startRestored(join(folder, 'restored'));
  await waitUntil(() => isPrimary(restored.url));
  const tookMs = performance.now() - began;
  const db = new Database({
    connection: { connectionString: restored.url },
    poolSize: 1,
    role: 'command',
  });
  const rows = await db.query<{ id: string }>('SELECT id::text FROM call ORDER BY id');
  const books = await reconcile(db);
  await db.close();
  assert.deepEqual(
    rows.map(({ id }) => id),
    before,
  );
  assert.deepEqual([books.calls, books.imbalances], [before.length, []]);

  // The switches send the later calls again.
  const again = { ...env, DATABASE_URL: restored.url };
  const second = await startServer(join(folder, 'data2'), { env: again });
  assert.equal(await promises.deliver(second.url, 5), 200);
  second.kill('SIGTERM');
  await second.ended;
  await restored.stop();
  report(
    'base backup and log by pgBackRest, restored to a moment between two deliveries',
    '1 time',
    `${before.length} calls there, ${after} later ones not, the books balance; ${(tookMs / 1_000).toFixed(1)} s`,
  );
});

async function momentOf(url: string): Promise<string> {
  return (await ask<{ now: string }>(url, 'SELECT clock_timestamp()::text AS now')).now;
}

async function isPrimary(url: string): Promise<boolean> {
  return !(await ask<{ is: boolean }>(url, 'SELECT pg_is_in_recovery() AS is')).is;
}

async function ask<Row extends object>(url: string, sql: string): Promise<Row> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0] as Row;
  } finally {
    await client.end();
  }
}
