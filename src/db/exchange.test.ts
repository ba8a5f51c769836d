import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createDatabase, type TestDatabase } from '../../test/support/postgres.ts';
import { Database } from './database.ts';

let database: TestDatabase;
before(async () => {
  database = await createDatabase();
});
after(() => database.drop());

const OPTIONS = { settings: { lock_timeout: "'123ms'" }, patient: false };
const SHOWN = ['show-lock-timeout', "SELECT current_setting('lock_timeout') AS value", []] as const;

for (const prepares of [true, false]) {
  test(`each exchange has its settings, ${prepares ? '' : 'not '}prepared, after a rollback, too`, async () => {
    const db = new Database({ connection: database.connection, poolSize: 2, prepares });
    const shown: unknown[] = [];
    for (const changed of [false, true, false, true]) {
      const value = await db.exchange(OPTIONS, async (send) => {
        const [row] = await send<{ value: string }>(SHOWN[0], SHOWN[1], []);
        return { result: row?.value, changed };
      });
      shown.push(value);
    }
    await db.close();
    assert.deepEqual(shown, ['123ms', '123ms', '123ms', '123ms']);
  });
}

test('a refused delivery leaves its connection and the plans that were made for it', async (t) => {
  const db = new Database({ connection: database.connection, poolSize: 1 });
  t.after(() => db.close());
  const session = () =>
    db.deliver<{ pid: number; mode: string }>(
      undefined,
      "SELECT pg_backend_pid() AS pid, current_setting('plan_cache_mode') AS mode",
      [],
    );
  const [first] = await session();
  await assert.rejects(db.deliver(undefined, 'SELECT 1 / 0', []), /division by zero/);
  assert.deepEqual(await session(), [first]);
  assert.equal(first?.mode, 'force_generic_plan');
});
