import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPage } from './page.ts';

test('pages of any size have each row once, in order, and the last one says so', async () => {
  const rows = Array.from({ length: 7 }, (_, n) => ({ id: 10 + n }));
  for (let size = 1; size <= 8; size++) {
    const pages: object[][] = [];
    for (let after: number | null = 0; after !== null; ) {
      const place: number = after;
      const page = await readPage(
        size,
        async (limit) => rows.filter(({ id }) => id > place).slice(0, limit),
        ({ id }) => id,
      );
      pages.push(page.rows);
      after = page.next;
    }
    assert.deepEqual(pages.flat(), rows, `pages of ${size}`);
    assert.equal(pages.length, Math.ceil(rows.length / size), `pages of ${size}`);
  }
  assert.deepEqual(await readPage(5, async () => [], String), { rows: [], next: null });
});
