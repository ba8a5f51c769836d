import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../test/support/service.ts';

const api = sharedService({}, async () => {
  await api.service.db.query('CREATE TABLE seen (n int PRIMARY KEY)');
});

test('what is to follow a transaction follows its commit, once', async () => {
  const { db } = api.service;
  const calls: string[] = [];
  const rows = () => db.query('SELECT n FROM seen ORDER BY n');
  let seen: Promise<object[]> | undefined;
  await db.transaction(async (tx) => {
    await tx.query('INSERT INTO seen VALUES (1)');
    tx.afterCommit?.(() => {
      calls.push('after 1');
      seen = rows();
    });
    calls.push('work 1');
  });
  assert.deepEqual(await seen, [{ n: 1 }]);
  await assert.rejects(
    db.transaction(async (tx) => {
      tx.afterCommit?.(() => calls.push('after 2'));
      await tx.query('INSERT INTO seen VALUES (1)');
    }),
    /duplicate key/,
  );
  let tries = 0;
  await db.transaction(async (tx) => {
    tx.afterCommit?.(() => calls.push('after 3'));
    calls.push('work 3');
    // Raises the error of a deadlock.
    if (++tries === 1) await tx.query("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$");
  });
  assert.deepEqual(calls, ['work 1', 'after 1', 'work 3', 'work 3', 'after 3']);
  assert.deepEqual(await rows(), [{ n: 1 }]);
});
