import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BatchOptions, readBatches, readShort, TooManyRecords } from './batches.ts';
import { linesOf } from './lines.ts';
import type { Chunks, Piece } from './pieces.ts';

function* read({ bytes }: Piece) {
  for (const line of linesOf(bytes)) yield line.bytes.toString();
}

/** The number of records that are read from lines, and why reading stopped. */
async function readAll(lines: string, options?: BatchOptions<string>) {
  let records = 0;
  try {
    for await (const batch of readBatches([Buffer.from(lines)], read, options)) {
      records += batch.length;
    }
  } catch (error) {
    if (!(error instanceof TooManyRecords)) throw error;
    return [records, error.message];
  }
  return [records, undefined];
}

test('of a delivery no more than 500,000 records are read, of a file all', async () => {
  const isGood = () => true;
  assert.deepEqual(await readAll('x\n'.repeat(500_000), { isGood }), [500_000, undefined]);
  const more = 'x\n'.repeat(500_001);
  assert.deepEqual(await readAll(more, { isGood }), [
    500_000,
    'read no further than 500000 records',
  ]);
  assert.deepEqual(await readAll(more), [500_001, undefined]);
});

test('of a delivery that is mostly damaged no more than 10,000 damaged records are read', async () => {
  const isGood = (record: string) => record === 'good';
  const [good, damaged] = ['good\n'.repeat(10_001), 'x\n'.repeat(10_001)];
  const all = [20_002, undefined];
  assert.deepEqual(await readAll(good + damaged, { isGood }), all);
  assert.deepEqual(await readAll(`${good}${damaged}x`, { isGood }), [
    20_002,
    'read no further than 20002 records, of which most are damaged',
  ]);
  assert.deepEqual(await readAll(damaged + good, { isGood }), [
    10_000,
    'read no further than 10000 records, of which most are damaged',
  ]);
  assert.deepEqual(await readAll(damaged + good), all);
});

test('a short body is read at once, any other is left to batches', () => {
  const short = 'x\n'.repeat(512);
  assert.deepEqual(readShort([Buffer.from(short)], read), Array(512).fill('x'));
  const others = [[], [Buffer.from(`${short}x`)], [Buffer.from('x'), Buffer.from('x')]];
  for (const chunks of others) assert.equal(readShort(chunks, read), undefined);
});

/** How often other work gets a turn while a body is read. */
async function turnsWhile(chunks: Chunks, reader: typeof read): Promise<number> {
  let turns = 0;
  let isDone = false;
  const turn = () => {
    turns++;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  for await (const _ of readBatches(chunks, reader));
  isDone = true;
  return turns;
}

test('others have their turn after some milliseconds, also where no record is found', async () => {
  const slow = function* (piece: Piece) {
    for (const record of read(piece)) {
      const end = performance.now() + 1;
      while (performance.now() < end);
      yield record;
    }
  };
  const records = await turnsWhile([Buffer.from('x\n'.repeat(200))], slow);
  assert.ok(records >= 20, `${records} turns in 200 ms of records`);
  // The reader checks each byte, which takes at least 50 ms.
  const blanks = await turnsWhile([Buffer.alloc(64 * 1024 * 1024, ' ')], read);
  assert.ok(blanks >= 5, `${blanks} turns in 64 MiB of blanks`);
});
