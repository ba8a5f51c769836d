import assert from 'node:assert/strict';
import { after, before, mock, test } from 'node:test';
import type pg from 'pg';
import { cloneDatabase } from '../../../test/support/postgres.ts';
import { Database } from '../../db/database.ts';
import { Refusal, unauthorized } from '../refusal.ts';
import { HourlyLimit, steadyNow, tidyLimits } from './hourly-limit.ts';

const HOUR_MS = 3_600_000;

let connection: pg.ClientConfig;
let db: Database;
let drop: () => Promise<void>;
before(async () => {
  ({ connection, drop } = await cloneDatabase());
  db = new Database({ connection, poolSize: 2 });
});
after(async () => {
  await db.close();
  await drop();
});

const refused = (retryAfterSeconds: number) => ({
  code: 'rate limited',
  message: 'Rate limit exceeded',
  retryAfterSeconds,
});

/** How many of several concurrent attempts are allowed. */
async function letIn(attempts: Promise<void>[]): Promise<number> {
  const results = await Promise.allSettled(attempts);
  for (const result of results) {
    if (result.status === 'rejected') assert.equal(result.reason.code, 'rate limited');
  }
  return results.filter(({ status }) => status === 'fulfilled').length;
}

test('an hour begins with the first attempt and ends sixty minutes later', async () => {
  let now = 1_700_000_000_000;
  const limit = new HourlyLimit(db, 'window', 2, () => now);
  await limit.count('a');
  now += 1_800_000;
  await limit.count('a');
  await assert.rejects(limit.count('a'), refused(1_800));
  now += 1_799_001;
  await assert.rejects(limit.count('a'), refused(1));
  now += 998;
  await assert.rejects(limit.count('a'), refused(1));
  now += 1;
  await limit.count('a');
  await limit.count('a');
  await assert.rejects(limit.count('a'), refused(3_600));
});

test('keys and limits are counted by themselves', async () => {
  const [first, second] = ['first', 'second'].map((name) => new HourlyLimit(db, name, 1));
  await first?.count('a');
  await first?.count('b');
  await second?.count('a');
  await assert.rejects(async () => first?.count('a'), { code: 'rate limited' });
});

test('of a hundred attempts at once, in two processes, six are let in', async () => {
  const other = new Database({ connection, poolSize: 2 });
  const limits = [db, other].map((database) => new HourlyLimit(database, 'race', 6));
  const attempts = Array.from(
    { length: 100 },
    (_, n) => limits[n % 2]?.count('a') as Promise<void>,
  );
  assert.equal(await letIn(attempts), 6);
  assert.equal(await letIn([new HourlyLimit(other, 'race', 6).count('a')]), 0);
  await other.close();
});

test('a limit that was changed applies to what was counted before', async () => {
  const one = () => new HourlyLimit(db, 'changed', 6).count('a');
  for (let attempt = 0; attempt < 6; attempt++) await one();
  const raised = new HourlyLimit(db, 'changed', 8);
  assert.equal(await letIn([raised.count('a'), raised.count('a'), raised.count('a')]), 2);
  assert.equal(await letIn([new HourlyLimit(db, 'changed', 2).count('a')]), 0);
  for (let attempt = 0; attempt < 20; attempt++) await new HourlyLimit(db, 'changed', 0).count('a');
});

test('no jump of the clock lets anybody in, or keeps anybody out', async () => {
  const limit = new HourlyLimit(db, 'clock', 1);
  await limit.count('a');
  for (const jump of [3 * HOUR_MS, -24 * HOUR_MS]) {
    mock.timers.enable({ apis: ['Date'], now: Date.now() + jump });
    await assert.rejects(limit.count('a'), { code: 'rate limited' });
    await assert.rejects(new HourlyLimit(db, 'clock', 1).count('a'), { code: 'rate limited' });
    await new HourlyLimit(db, 'clock', 1).count(`fresh ${jump}`);
    mock.timers.reset();
  }
});

test('where the database cannot write, attempts are counted in memory', async () => {
  const readOnly = new Database({
    connection: { ...connection, options: '-c default_transaction_read_only=on' },
    poolSize: 2,
  });
  let now = 1_700_000_000_000;
  const limit = new HourlyLimit(readOnly, 'read-only', 6, () => now);
  const attempts = Array.from({ length: 100 }, () => limit.count('a'));
  assert.equal(await letIn(attempts), 6);
  await limit.count('b');
  now += HOUR_MS - 1;
  await assert.rejects(limit.count('a'), refused(1));
  now += 1;
  await limit.count('a');
  await readOnly.close();
});

test('what the database counted holds when it cannot write any more', async () => {
  const options = '-c default_transaction_read_only=on';
  const readOnly = new Database({ connection: { ...connection, options }, poolSize: 2 });
  await new HourlyLimit(db, 'guarded', 1).count('a');
  const limit = new HourlyLimit(readOnly, 'guarded', 1);
  await assert.rejects(
    limit.guard('a', async () => 1),
    { code: 'rate limited' },
  );
  await readOnly.close();
});

test('guard counts what is refused as unauthorized, and nothing else', async () => {
  const limit = new HourlyLimit(db, 'guard', 2);
  const wrong = async () => {
    throw unauthorized();
  };
  for (let attempt = 0; attempt < 5; attempt++)
    assert.equal(await limit.guard('a', async () => 1), 1);
  await assert.rejects(
    limit.guard('a', async () => {
      throw new TypeError('x');
    }),
    TypeError,
  );
  const refused = async () => {
    throw new Refusal('not found', 'x');
  };
  await assert.rejects(limit.guard('a', refused), { code: 'not found' });
  await assert.rejects(limit.guard('a', wrong), { code: 'unauthorized' });
  assert.equal(await limit.guard('a', async () => 1), 1);
  await assert.rejects(limit.guard('a', wrong), { code: 'unauthorized' });
  for (const guarded of [limit, new HourlyLimit(db, 'guard', 2)]) {
    await assert.rejects(
      guarded.guard('a', () => assert.fail('it must not run')),
      { code: 'rate limited' },
    );
  }
});

test('windows that have ended are deleted, and those far ahead end within the hour', async () => {
  const at = (ms: number) => new HourlyLimit(db, 'tidy', 1, () => steadyNow() + ms);
  await at(-3 * HOUR_MS).count('ended');
  await at(-HOUR_MS / 2).count('running');
  await at(24 * HOUR_MS).count('ahead');
  await tidyLimits(db);
  const rows = await db.query<{ key: string; minutes: number }>(
    `SELECT key, round((expire - $1) / 60000.0)::int AS minutes FROM rate_limit
     WHERE key LIKE 'tidy:%' ORDER BY key`,
    [Math.floor(steadyNow())],
  );
  assert.deepEqual(rows, [
    { key: 'tidy:ahead', minutes: 60 },
    { key: 'tidy:running', minutes: 30 },
  ]);
});
