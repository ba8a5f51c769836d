import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedService } from '../../../test/support/service.ts';
import type { Database } from '../../db/database.ts';
import { idempotencyKeyInUse, idempotencyKeyReused } from '../refusal.ts';
import { answerOnce, deleteOldAnswers } from './kept-answer.ts';

const HOUR_MS = 3_600_000;
// Not earlier, because the service's own job deletes what is old.
const START = new Date();
const hoursLater = (hours: number) => new Date(START.getTime() + hours * HOUR_MS);

const api = sharedService({}, async () => {
  await api.service.db.query('CREATE TABLE note (text text)');
});

/** Answers a request; by default its work inserts one note. */
function ask(key: string, options: { content?: string; now?: Date; work?: () => unknown } = {}) {
  const { content = '{}', now = START, work } = options;
  return answerOnce(api.service, { key, scope: 'test', content }, now, async (db: Database) => {
    await db.transaction((tx) => tx.query('INSERT INTO note VALUES ($1)', [key]));
    await work?.();
    return { status: 201, headers: { location: `/${key}` }, body: `${Math.random()}` };
  });
}

async function notesOf(key: string): Promise<number> {
  return (await api.service.db.query('SELECT 1 FROM note WHERE text = $1', [key])).length;
}

test('the answer is that of the first request for 72 hours', async () => {
  const first = await ask('a');
  assert.equal(first.replayed, false);
  assert.deepEqual(await ask('a', { now: hoursLater(71.9) }), { ...first, replayed: true });
  await assert.rejects(ask('a', { content: '{"b":1}' }), idempotencyKeyReused());
  assert.equal(await notesOf('a'), 1);
  const later = await ask('a', { content: '{"b":1}', now: hoursLater(72) });
  assert.equal(later.replayed, false);
  assert.notEqual(later.answer.body, first.answer.body);
  assert.equal(await notesOf('a'), 2);
});

test('of a request that failed nothing is kept', async () => {
  const failing = ask('b', { work: () => Promise.reject(new RangeError('no')) });
  await assert.rejects(failing, RangeError);
  assert.equal((await ask('b', { content: '{"b":1}' })).replayed, false);
  assert.equal(await notesOf('b'), 1);
});

test('requests at the same time wait for the first one, two seconds at most', async () => {
  const many = await Promise.all(Array.from({ length: 100 }, () => ask('c')));
  assert.deepEqual(
    many.map(({ replayed }) => replayed),
    many.map((_, n) => n > 0),
  );
  assert.equal(new Set(many.map(({ answer }) => answer.body)).size, 1);
  assert.equal(await notesOf('c'), 1);

  const slow = ask('d', { work: () => sleep(2_500) });
  await assert.rejects(ask('d'), idempotencyKeyInUse());
  const { answer } = await slow;
  assert.deepEqual(await ask('d'), { answer, replayed: true });
});

test('a request that another process does is waited for by PostgreSQL', async () => {
  const { db } = api.service;
  const first = await ask('e');
  const now = hoursLater(100);
  // Acts as another process: it claims the expired row again.
  const elsewhere = (milliseconds: number, claimedNow: () => void) =>
    db.transaction(async (tx) => {
      const claimed = await tx.query(
        `UPDATE kept_answer SET kept_at = $1 WHERE id = (SELECT max(id) FROM kept_answer)
         RETURNING id`,
        [now],
      );
      assert.equal(claimed.length, 1);
      claimedNow();
      await sleep(milliseconds);
      if (milliseconds > 2_000) throw new RangeError('it failed');
    });
  const claimed = Promise.withResolvers<void>();
  const failing = assert.rejects(elsewhere(2_500, claimed.resolve), RangeError);
  await claimed.promise;
  await assert.rejects(ask('e', { now }), idempotencyKeyInUse());
  await failing;
  const claimedAgain = Promise.withResolvers<void>();
  const done = elsewhere(500, claimedAgain.resolve);
  await claimedAgain.promise;
  assert.deepEqual(await ask('e', { now }), { ...first, replayed: true });
  await done;
  assert.equal(await notesOf('e'), 1);
});

test('what is older than 72 hours is deleted', async () => {
  const { db } = api.service;
  const count = async () => (await db.query('SELECT 1 FROM kept_answer')).length;
  await db.query('DELETE FROM kept_answer');
  await ask('f', { now: START });
  await ask('g', { now: hoursLater(1) });
  await deleteOldAnswers(db, hoursLater(71.9));
  assert.equal(await count(), 2);
  await deleteOldAnswers(db, hoursLater(72));
  assert.equal(await count(), 1);
});
