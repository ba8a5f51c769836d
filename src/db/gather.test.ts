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

test('many questions are answered beside those under way, by two statements at most', async () => {
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  const gatherer = new Gatherer(
    async (numbers: number[]) => {
      batches.push(numbers);
      await new Promise<void>((resolve) => ends.push(resolve));
      return numbers;
    },
    (numbers) => numbers.length >= 2,
  );
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const asked: Promise<number>[] = [];
  for (const number of [1, 2, 3, 4, 5, 6]) {
    asked.push(gatherer.ask(number));
    await turn();
  }
  assert.deepEqual(batches, [[1], [2, 3]]);
  ends[1]?.();
  await turn();
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6]]);
  asked.push(gatherer.ask(7));
  ends[2]?.();
  await turn();
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6]], 'one alone waits for the first');
  ends[0]?.();
  await turn();
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6], [7]]);
  ends[3]?.();
  assert.deepEqual(await Promise.all(asked), [1, 2, 3, 4, 5, 6, 7]);
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
