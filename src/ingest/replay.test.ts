import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, moneyOf } from '../../test/support/calls.ts';
import { sharedService, TESTER } from '../../test/support/service.ts';
import { addFeed, type Feed, requireFeed } from '../domain/calls/feed.ts';
import { keepRejected } from '../domain/calls/rejected-record.ts';
import { listRejected } from '../domain/calls/rejected-search.ts';
import { replayRejected } from './replay.ts';

const MISSING = 5_550_000_009;

const api = sharedService();

function replay() {
  const { db, clock } = api.service;
  return replayRejected(db, TESTER, {
    now: clock(),
    retentionMonths: 24,
    emergencyNumbers: new Set(),
  });
}

test('a body that was rejected whole is read as its records; those rejected stay by themselves', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { rate: '0.6', cash: '1' });
  const start = Math.floor(clock().getTime() / 1_000) - 60;
  const record = (id: string, payer: number) =>
    JSON.stringify({
      id,
      account: payer,
      start,
      duration: 6,
      cid: '2125550100',
      dst: '2125550101',
    });
  const unknown = record('b', MISSING);
  const raw = Buffer.from(`${record('a', account)}\n${unknown}\n`);
  // This feed was removed, so the service debits its calls.
  const feed = { name: 'removed', format: 'generic' };
  await keepRejected(db, feed, [{ reason: 'malformed', detail: 'of old', raw }], clock());
  const counts = { replayed: 1, resolved: 1, rejected: 0, stored: 1, duplicates: 0 };
  assert.deepEqual(await replay(), counts);
  assert.equal((await moneyOf(db, account))?.cash, '0.940000');
  const [left, ...others] = await listRejected(db, { after: 0, limit: 10 });
  assert.deepEqual(others, []);
  assert.deepEqual(
    [left?.reason, left?.detail],
    ['unknown account', `there is no account ${MISSING}`],
  );
  assert.deepEqual(await replay(), { ...counts, resolved: 0, rejected: 1, stored: 0 });
  assert.equal((await listRejected(db, { after: 0, limit: 10 })).length, 1);
});

test("a replayed record's numbers are read as the feed's country dials", async () => {
  const { db, keyring, clock } = api.service;
  const account = await addCustomer(api, { rate: '0.6', cash: '1' });
  const feed: Feed = {
    ...{ name: 'berlin', format: 'generic', country: 'DE' },
    ...{ networks: [], debits: 'service', timeZone: 'UTC' },
  };
  await addFeed(db, TESTER, { keyring, now: clock() }, feed);
  const start = Math.floor(clock().getTime() / 1_000) - 60;
  const rejected = ['030 123456', '110'].map((dst, n) => ({
    reason: 'unknown account' as const,
    detail: 'there was no account yet',
    raw: Buffer.from(JSON.stringify({ id: `berlin ${n}`, account, start, duration: 6, dst })),
  }));
  await keepRejected(db, await requireFeed(db, feed.name), rejected, clock());
  assert.equal((await replay()).stored, 2);
  const stored = await db.query(
    'SELECT called, emergency, amount::text FROM call WHERE account = $1 ORDER BY called',
    [account],
  );
  assert.deepEqual(stored, [
    { called: '+4930123456', emergency: null, amount: '0.060000' },
    { called: '110', emergency: true, amount: '0.000000' },
  ]);
});
