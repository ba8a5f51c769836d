import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Refusal } from '../domain/refusal.ts';
import { Room } from './room.ts';

const WAIT_MS = 200;

/** A room whose entries are noted. */
function watched(size: number) {
  const room = new Room(size, WAIT_MS);
  const entered: string[] = [];
  const take = async (owner: string, amount: number) => {
    await room.take(owner, amount);
    entered.push(owner + amount);
  };
  return { room, entered, take };
}

test('an owner gets half of a room, and others get in at once', async () => {
  const { room, entered, take } = watched(12);
  await take('a', 5);
  const waiting = [take('a', 2), take('a', 1)];
  await take('b', 6);
  assert.deepEqual(entered, ['a5', 'b6']);
  // What b holds does not help a, which has its share.
  assert.deepEqual([room.isWanted('a'), room.isWanted('b')], [true, false]);
  room.give('a', 5);
  await Promise.all(waiting);
  assert.deepEqual(entered, ['a5', 'b6', 'a2', 'a1']);
  assert.deepEqual([room.isWanted('a'), room.isWanted('b')], [false, false]);
});

test('owners take turns, and the requests of one keep their order', async () => {
  const { room, entered, take } = watched(4);
  await take('a', 2);
  await take('b', 2);
  const waiting = [take('a', 2), take('a', 1), take('b', 2), take('c', 1)];
  assert.ok(room.isWanted('a') && room.isWanted('b'));
  for (const [owner, amount] of [
    ['a', 2],
    ['b', 2],
    ['a', 2],
    ['c', 1],
    ['b', 2],
  ] as const) {
    room.give(owner, amount);
    await turn();
  }
  await Promise.all(waiting);
  assert.deepEqual(entered, ['a2', 'b2', 'a2', 'b2', 'c1', 'a1']);
});

test('a request that waited too long is refused, and leaves its place to the next one', async () => {
  const { room, entered, take } = watched(4);
  await take('a', 1);
  const refused = take('a', 2);
  const expected = new Refusal('busy', 'Too much at once, please try again', {
    retryAfterSeconds: 5,
  });
  const next = take('a', 1);
  await assert.rejects(refused, expected);
  await next;
  room.give('a', 2);
  await take('a', 2);
  assert.deepEqual(entered, ['a1', 'a1', 'a2']);
});
