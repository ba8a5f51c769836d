import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addCustomer, cloneCustomer, storeFreeCalls } from '../../../test/support/calls.ts';
import { startService, type TestService } from '../../../test/support/service.ts';
import { callPages } from './call-pages.ts';

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

test('pages of one account read its calls in the order of the index, each call once', async () => {
  const { db } = api.service;
  const username = await addCustomer(api);
  await storeFreeCalls(db, username, 6_001);
  for (const other of await cloneCustomer(db, username, 40)) await storeFreeCalls(db, other, 50);
  // Then PostgreSQL knows that the other partitions are empty.
  await db.query('VACUUM ANALYZE call');
  const before = BigInt(Date.now() + 60_000) * 1_000n;
  const span = { billingAccount: username, accounts: [username], from: 0n, before };
  // Four pages: each of the connections for pages has prepared the statement.
  const pages = await Array.fromAsync(callPages(db, span, { name: 'ids', line: `id || ' '` }));
  const ids = pages.map((page) => page.trimEnd().split(' '));
  assert.deepEqual(
    ids.map(({ length }) => length),
    [2_000, 2_000, 2_000, 1],
  );
  assert.equal(new Set(ids.flat()).size, 6_001);
  const values = `0, ${before}, '00000000-0000-0000-0000-000000000000', 2000, ${username}, ${username}`;
  const explain = `EXPLAIN EXECUTE "ids-of-one" (${values})`;
  const lines = await db.readPage<Record<string, string>>('explain', explain, []);
  const plan = lines.map((line) => line['QUERY PLAN']).join('\n');
  assert.match(plan, /Index (Only )?Scan Backward using call_\d{4}_\d{2}_pkey/);
  assert.doesNotMatch(plan, /Sort|Seq Scan/);
});
