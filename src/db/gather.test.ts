import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gatherer } from './gather.ts';

test('what is asked at the same time, and while an answer is under way, is answered together', async () => {
  const batches: number[][] = [];
  const gatherer = new Gatherer(async (numbers: number[]) => {
    batches.push(numbers);
    if (batches.length === 1) later.push(gatherer.ask(4), gatherer.ask(5));
    return numbers.map((number) => number * 10);
  });
  const later: Promise<number>[] = [];
  const first = await Promise.all([1, 2, 3].map((number) => gatherer.ask(number)));
  assert.deepEqual(first, [10, 20, 30]);
  assert.deepEqual(await Promise.all(later), [40, 50]);
  assert.equal(await gatherer.ask(6), 60);
  assert.deepEqual(batches, [[1, 2, 3], [4, 5], [6]]);
});

test('a failure reaches all who asked together, and nobody after them', async () => {
  let fails = true;
  const gatherer = new Gatherer(async (questions: string[]) => {
    if (fails) throw new Error('away');
    return questions;
  });
  const results = await Promise.allSettled([gatherer.ask('a'), gatherer.ask('b')]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  fails = false;
  assert.equal(await gatherer.ask('c'), 'c');
});
