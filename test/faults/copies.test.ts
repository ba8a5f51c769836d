import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Database } from '../../src/db/database.ts';
import { StoreUnavailable } from '../../src/db/errors.ts';
import { asSuperuser, startPrivatePostgres } from '../support/private-postgres.ts';

test('where no standby confirms changes, they are given up and reads under way go on', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-copies-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  const primary = await startPrivatePostgres(join(folder, 'primary'));
  t.after(() => primary.stop());
  const connection = { connectionString: primary.url };
  const db = new Database({ connection, poolSize: 4, copyWaitSeconds: 1 });
  t.after(() => db.close());
  await db.query('CREATE TABLE note (text text)');
  await db.query('CREATE UNLOGGED SEQUENCE runs');
  await asSuperuser(primary, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  await asSuperuser(primary, 'SELECT pg_reload_conf()');
  const read = db.query("SELECT nextval('runs') AS run, pg_sleep(4)::text AS slept");
  await assert.rejects(db.query("INSERT INTO note VALUES ('waits')"), StoreUnavailable);
  await assert.rejects(db.query("INSERT INTO note VALUES ('refused')"), StoreUnavailable);
  assert.deepEqual(await read, [{ run: 1, slept: '' }]);
});
