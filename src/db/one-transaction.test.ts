import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../test/support/service.ts';
import type { Database, Queryable } from './database.ts';
import { inOneTransaction } from './one-transaction.ts';

let db: Database;
const api = sharedService({}, async () => {
  ({ db } = api.service);
  await db.query('CREATE TABLE note (text text PRIMARY KEY)');
});

const write = (tx: Queryable, text: string) => tx.query('INSERT INTO note VALUES ($1)', [text]);
/** Opens its own transaction, like functions of the domain. */
const writeOwn = (some: Database, text: string) => some.transaction((tx) => write(tx, text));
const READ = 'SELECT text FROM note ORDER BY text';
const notes = async (some: Queryable) =>
  (await some.query<{ text: string }>(READ)).map(({ text }) => text);

test('transactions are parts of one, which begins with the first of them', async () => {
  const seen = await inOneTransaction(
    db,
    async (tx) => {
      await write(tx, 'first');
    },
    async (joined) => {
      const before = await notes(joined);
      await writeOwn(joined, 'a');
      await assert.rejects(
        joined.transaction(async (tx) => {
          await write(tx, 'b');
          await write(tx, 'a');
        }),
        { code: '23505' },
      );
      await writeOwn(joined, 'c');
      const found = await joined.find<{ n: number; text: string }>(
        'note',
        `SELECT n, text FROM unnest($1::text[]) WITH ORDINALITY AS k (text, n)
           JOIN note USING (text)`,
        'c',
      );
      const listed = await joined.findList<{ n: number; text: string }>({
        name: 'note-before',
        text: `SELECT n, text FROM unnest($2::text[]) WITH ORDINALITY AS k (text, n)
           JOIN note USING (text) WHERE text < $1`,
        values: ['d'],
        key: 'c',
      });
      const read = (await joined.read<{ text: string }>('notes', READ, [])).length;
      return { before, within: await notes(joined), outside: await notes(db), found, listed, read };
    },
  );
  assert.deepEqual(seen, {
    before: [],
    within: ['a', 'c', 'first'],
    outside: [],
    found: { n: 1, text: 'c' },
    listed: { n: 1, text: 'c' },
    read: 3,
  });
  assert.deepEqual(await notes(db), ['a', 'c', 'first']);
});

test('what is thrown at last leaves nothing, and nothing escapes the transaction', async () => {
  const before = await notes(db);
  const failing = inOneTransaction(
    db,
    async () => undefined,
    async (joined) => {
      await writeOwn(joined, 'd');
      await assert.rejects(joined.deliver(undefined, 'SELECT 1', []), TypeError);
      await assert.rejects(joined.begin(), TypeError);
      const options = { settings: {}, patient: false };
      await assert.rejects(
        joined.exchange(options, async () => ({ result: 1, changed: false })),
        TypeError,
      );
      throw new RangeError('at last');
    },
  );
  await assert.rejects(failing, RangeError);
  assert.deepEqual(await notes(db), before);
});

test('of two that lock each other out, both are done in the end', async () => {
  await writeOwn(db, 'x');
  await writeOwn(db, 'y');
  let tries = 0;
  const touch = (some: Database, text: string) =>
    some.transaction((tx) => tx.query('UPDATE note SET text = text WHERE text = $1', [text]));
  const both = Promise.withResolvers<void>();
  let locked = 0;
  const lock = (one: string, other: string) =>
    inOneTransaction(
      db,
      async () => undefined,
      async (joined) => {
        tries++;
        await touch(joined, one);
        if (++locked === 2) both.resolve();
        await both.promise;
        await touch(joined, other);
        return one;
      },
    );
  assert.deepEqual(await Promise.all([lock('x', 'y'), lock('y', 'x')]), ['x', 'y']);
  // PostgreSQL ends one of the two. It may have to again, if that one is back first.
  assert.ok(tries >= 3, `${tries} tries`);
});
