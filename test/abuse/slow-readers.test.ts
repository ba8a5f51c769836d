import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storeFreeCalls } from '../support/calls.ts';
import { readCallsSlowly } from '../support/slow-reader.ts';
import { waitUntil } from '../support/wait.ts';
import { startTarget } from './support.ts';

const DOWNLOADS = 8;
const CALLS = 60_000;
/** 130 kB/s */
const PACE = { bytes: 13_000, everyMs: 100 };
const ASKED = 21;
const MOST_TIMES_IDLE = 5;
const TRIES = 3;

const target = startTarget();

test('eight slow downloads by one customer neither end nor slow those of others', async (t) => {
  const { api, attacker, victim } = target;
  const { db } = api.service;
  const busy = await api.signUp();
  await storeFreeCalls(db, attacker.username, CALLS);
  await storeFreeCalls(db, busy.username, 5_000);
  const idleMs = await medianMs(victim.apikey);
  const readers = await Promise.all(
    Array.from({ length: DOWNLOADS }, () => readCallsSlowly(api.url, attacker.apikey, PACE)),
  );
  t.after(() => {
    for (const { socket } of readers) socket.destroy();
  });
  // Sockets hold some megabytes of each. Then every download waits for its reader, and no statement
  // runs on the database.
  await waitUntil(async () => {
    const busy = await db.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'
         AND pid <> pg_backend_pid()`,
    );
    return busy.length === 0;
  });
  // On a busy machine one comparison may fail; downloads that slow others fail all of them.
  const besideMs: number[] = [];
  do besideMs.push(await medianMs(victim.apikey));
  while (besideMs.length < TRIES && Math.min(...besideMs) >= MOST_TIMES_IDLE * idleMs);
  const least = Math.min(...besideMs);
  assert.ok(least < MOST_TIMES_IDLE * idleMs, `${besideMs} ms, and ${idleMs} when idle`);
  const long = await api.call('cdr', {}, busy.apikey);
  assert.equal(long.status, 200);
  assert.equal(long.body.cdr.length, 5_000);
  const more = await api.call('cdr', {}, attacker.apikey);
  assert.deepEqual([more.status, more.body.message], [429, 'Rate limit exceeded']);
  assert.equal(more.headers.get('retry-after'), '10');
  const answer = await readers[0]?.finish();
  const ids = [...(answer ?? '').matchAll(/"id":"([0-9a-f]{32})"/g)].map(([, id]) => id);
  assert.equal(ids.length, CALLS);
  assert.equal(new Set(ids).size, CALLS);
});

/** Milliseconds of one cdr answer: the median of several. */
async function medianMs(apikey: string): Promise<number> {
  const took: number[] = [];
  for (let n = 0; n < ASKED; n++) {
    const began = performance.now();
    const { status, body } = await target.api.call('cdr', {}, apikey);
    took.push(performance.now() - began);
    assert.equal(status, 200);
    assert.equal(body.cdr.length, 1);
  }
  return took.sort((a, b) => a - b)[(ASKED - 1) / 2] as number;
}
