import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
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

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A gatherer whose statements end when the test says so. Two questions are many. */
function heldBack(most?: number) {
  const batches: number[][] = [];
  const ends: (() => void)[] = [];
  const gatherer = new Gatherer(
    async (numbers: number[]) => {
      batches.push(numbers);
      await new Promise<void>((resolve) => ends.push(resolve));
      return numbers;
    },
    { least: 2, ...(most ? { most } : {}), sizeOf: () => 1 },
  );
  const end = async (statement: number) => {
    ends[statement]?.();
    for (let turns = 0; turns < 3; turns++) await turn();
  };
  return { gatherer, batches, end };
}

test('many questions are answered beside those under way, by two statements at most', async () => {
  const { gatherer, batches, end } = heldBack();
  const asked: Promise<number>[] = [];
  for (const number of [1, 2, 3, 4, 5, 6]) {
    asked.push(gatherer.ask(number));
    await turn();
  }
  assert.deepEqual(batches, [[1], [2, 3]]);
  await end(1);
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6]]);
  asked.push(gatherer.ask(7));
  await end(2);
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6]], 'one alone waits for the first');
  await end(0);
  assert.deepEqual(batches, [[1], [2, 3], [4, 5, 6], [7]]);
  await end(3);
  assert.deepEqual(await Promise.all(asked), [1, 2, 3, 4, 5, 6, 7]);
});

test('questions of many callers are divided in two halves, which begin at once', async () => {
  const { gatherer, batches, end } = heldBack();
  const asked: Promise<number>[] = [];
  const ask = (...numbers: number[]) => {
    for (const number of numbers) asked.push(gatherer.ask(number));
  };
  ask(1, 2, 3, 4, 5, 6);
  assert.deepEqual(
    batches,
    [
      [1, 2],
      [3, 4],
    ],
    'many, in the same turn',
  );
  // Six are known now, so a half is three.
  await end(0);
  assert.deepEqual(batches, [
    [1, 2],
    [3, 4],
  ]);
  ask(7);
  assert.deepEqual(batches, [
    [1, 2],
    [3, 4],
    [5, 6, 7],
  ]);
  await end(1);
  await end(2);
  ask(8);
  assert.equal(batches.length, 3, 'one waits for the end of the turn');
  await turn();
  assert.deepEqual(batches[3], [8]);
  await end(3);
  assert.deepEqual(await Promise.all(asked), [1, 2, 3, 4, 5, 6, 7, 8]);
});

test('what is asked while answers are written joins those that wait', async () => {
  const batches: number[][] = [];
  const gatherer = new Gatherer(
    async (numbers: number[]) => {
      batches.push(numbers);
      if (numbers.includes(1)) {
        later.push(gatherer.ask(2));
        // As a client does whose answer has just been written.
        setImmediate(() => later.push(gatherer.ask(3)));
      }
      return numbers;
    },
    { sizeOf: () => 1, least: 4 },
  );
  const later: Promise<number>[] = [];
  assert.equal(await gatherer.ask(1), 1);
  for (let turns = 0; turns < 3; turns++) await turn();
  assert.deepEqual(await Promise.all(later), [2, 3]);
  assert.deepEqual(batches, [[1], [2, 3]]);
});

test('a question that has waited long for one statement does not wait for the other as well', async () => {
  const { gatherer, batches, end } = heldBack();
  const asked = [1, 2, 3, 4].map((number) => gatherer.ask(number));
  asked.push(gatherer.ask(5));
  await sleep(550);
  await end(0);
  assert.deepEqual(batches, [[1, 2], [3, 4], [5]]);
  await end(1);
  await end(2);
  assert.deepEqual(await Promise.all(asked), [1, 2, 3, 4, 5]);
});

test('a half does not wait to become larger than the most', async () => {
  const { gatherer, batches, end } = heldBack(2);
  const asked = [1, 2, 3, 4, 5, 6].map((number) => gatherer.ask(number));
  await end(0);
  assert.deepEqual(batches[2], [5, 6]);
  await end(1);
  await end(2);
  assert.deepEqual(await Promise.all(asked), [1, 2, 3, 4, 5, 6]);
});

test('one statement at a time has a limited size, and larger questions are alone', async () => {
  const batches: number[][] = [];
  const gatherer = new Gatherer(
    async (numbers: number[]) => {
      batches.push(numbers);
      return numbers;
    },
    { most: 5, sizeOf: (number) => number },
  );
  const numbers = [2, 3, 1, 9, 4, 1, 1];
  assert.deepEqual(await Promise.all(numbers.map((number) => gatherer.ask(number))), numbers);
  assert.deepEqual(batches, [[2, 3], [1], [9], [4, 1], [1]]);
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
