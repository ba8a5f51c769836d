import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import pg from 'pg';
import { cloneDatabase } from '../../test/support/postgres.ts';
import { migrate, UnsupportedServer } from './migrate.ts';

const FILES = readdirSync(new URL('../../migrations', import.meta.url)).sort();

test('migrations are numbered from 1 without a gap', () => {
  const numbers = FILES.map((file) => /^([0-9]{3})_[a-z_]+[.]sql$/.exec(file)?.[1]);
  assert.deepEqual(
    numbers,
    FILES.map((_, index) => String(index + 1).padStart(3, '0')),
  );
});

test('a database of other migrations is refused, one of a newer version is not', async () => {
  const { connection, drop } = await cloneDatabase();
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const note = (name: string) =>
      client.query('INSERT INTO schema_migration (name, run_on) VALUES ($1, now())', [name]);
    await note('999_of_a_newer_version');
    await migrate(connection);
    await note('002_money_and_calls');
    await assert.rejects(migrate(connection), (error) => {
      assert.ok(error instanceof UnsupportedServer);
      assert.match(
        error.message,
        /^the database was made by an unreleased version \(its migration 002_money_and_calls /,
      );
      return true;
    });
  } finally {
    await client.end();
    await drop();
  }
});
