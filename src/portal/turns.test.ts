import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { waitUntil } from '../../test/support/wait.ts';

const api = sharedService();
const PAGES = 40;

test('a customer who asks for many pages that take long keeps no page from others', async () => {
  const { db } = api.service;
  const one = await Visitor.signedIn(api.url, await api.signUp());
  const other = await Visitor.signedIn(api.url, await api.signUp());
  const waiting = async () => {
    const query = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    return (await db.query(query)).length;
  };
  let pages: Promise<number[]> | undefined;
  await db.transaction(async (tx) => {
    await tx.query('LOCK TABLE service IN ACCESS EXCLUSIVE MODE');
    const statusOf = async () => (await one.open('/charges')).status;
    pages = Promise.all(Array.from({ length: PAGES }, statusOf));
    await waitUntil(async () => (await waiting()) > 0);
    for (let n = 0; n < 5; n++) {
      assert.equal((await other.open('/api')).status, 200);
    }
  });
  const statuses = new Set(await pages);
  assert.ok(statuses.has(200), [...statuses].join());
});
