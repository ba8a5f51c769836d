import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { cloneDatabase } from '../../test/support/postgres.ts';
import { Pulse } from './pulse.ts';

const STALL_MS = 2_800;

test('a process that stands still does not take PostgreSQL for silent', async (t) => {
  const { connection, drop } = await cloneDatabase();
  t.after(drop);
  const pulse = new Pulse(connection, {
    onlyPrimary: true,
    copyWaitMs: 5_000,
    onStandby: () => assert.fail('it is a primary'),
  });
  t.after(() => pulse.close());
  const { query } = pg.Client.prototype;
  let stalls = 0;
  t.mock.method(pg.Client.prototype, 'query', function (this: pg.Client, ...args: unknown[]) {
    const answer = Reflect.apply(query, this, args);
    stalls++;
    // Nothing of this process runs meanwhile, neither timers nor the receipt of answers.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MS);
    return answer;
  });
  let isReady: (value: string) => void = () => undefined;
  const work = pulse.guard('answers', () => new Promise<string>((resolve) => (isReady = resolve)));
  assert.equal(await pulse.restored('answers'), true);
  isReady('done');
  assert.equal(await work, 'done');
  assert.equal(stalls, 1);
});
