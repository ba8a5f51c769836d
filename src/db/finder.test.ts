import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { Database } from './database.ts';

let database: TestDatabase;
let db: Database;
before(async () => {
  database = await createDatabase();
  db = new Database({ connection: database.connection, poolSize: 2 });
});
after(async () => {
  await db.close();
  await database.drop();
});

/** @returns the value, the key, and how many keys shared the statement */
const find = (key: string, value: string) =>
  db.findList<{ found: string; together: number }>({
    name: 'find',
    text: `SELECT n, $1::text || key AS found, cardinality($2::text[]) AS together
           FROM unnest($2::text[]) WITH ORDINALITY AS k (key, n) WHERE key <> 'none'
           ORDER BY n DESC`,
    key,
    values: [value],
  });

test('keys asked with the same values share statements of at most eight keys', async () => {
  const asked = Array.from({ length: 20 }, (_, n) => [`${n % 6}`, n % 3 ? 'a' : 'b'] as const);
  const found = await Promise.all(asked.map(([key, value]) => find(key, value)));
  assert.deepEqual(
    found.map((row) => row?.found),
    asked.map(([key, value]) => `${value}${key}`),
  );
  const together = found.map((row) => row?.together ?? 0);
  assert.deepEqual([Math.min(...together) > 1, Math.max(...together) <= 8], [true, true]);
  // Each statement is seen once for each of its keys.
  const statements = together.reduce((sum, keys) => sum + 1 / keys, 0);
  assert.ok(statements < 8, String(statements));
});

test('a key without a row has none, and a statement that fails fails for its keys only', async () => {
  const [one, none] = await Promise.all([find('1', 'a'), find('none', 'a')]);
  assert.deepEqual([one?.found, none], ['a1', undefined]);
  const values: [string, string][] = [
    ['1', 'a'],
    ['2', '\0'],
    ['3', '\0'],
    ['4', 'a'],
  ];
  const results = await Promise.allSettled(values.map(([key, value]) => find(key, value)));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
});
