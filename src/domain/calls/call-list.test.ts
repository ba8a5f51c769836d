import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer } from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import { addDays, dayOf } from '../day.ts';
import { type CallPage, findCalls, listCalls, type SearchStep } from './call-list.ts';

const CALLS = 10_060;

let payer: number;
const api = sharedService({}, async () => {
  payer = await addCustomer(api);
  const sub = await addCustomer(api, { master: payer });
  // Three calls of two accounts start at each moment; every 1,000th has another destination.
  await api.service.db.query(
    `INSERT INTO call (billing_account, account, started_at, id, caller, called,
       talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest, received_at)
     SELECT $1::bigint, CASE WHEN n % 2 = 0 THEN $1 ELSE $2::bigint END,
       $3::timestamptz - make_interval(secs => n / 3), md5(n::text)::uuid, '2125550100',
       CASE WHEN n % 1000 = 30 THEN '415555' || lpad(n::text, 5, '0') ELSE '3125550199' END,
       0, 0, 0.025, 0, true, 'test', '', $3
     FROM generate_series(1, ${CALLS}) n`,
    [payer, sub, api.service.clock()],
  );
});

async function pages(search: string, limit: number): Promise<CallPage[]> {
  const { db, clock } = api.service;
  const today = dayOf(clock(), 'UTC');
  const range = { from: addDays(today, -2), to: today, timeZone: 'UTC' };
  const found: CallPage[] = [];
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: CallPage = await listCalls(
      db,
      { scope: { billingAccount: payer }, range, search },
      { after, limit },
    );
    found.push(page);
    after = page.next;
  }
  return found;
}

test('a search says where it ended, and goes on from there', async () => {
  const rare = await pages('415555', 25);
  assert.deepEqual(
    rare.map(({ calls, searched }) => [calls.length, searched]),
    [
      [10, 10_000],
      [1, undefined],
    ],
  );
  assert.deepEqual(
    rare.flatMap(({ calls }) => calls.map(({ called }) => called)),
    Array.from({ length: 11 }, (_, n) => `415555${String(n * 1_000 + 30).padStart(5, '0')}`),
  );
});

test('a search that finds a page full ends with it, and finds each call once', async () => {
  const few = await pages('415555', 4);
  assert.deepEqual(
    few.map(({ calls, searched }) => [calls.length, searched]),
    [
      [4, undefined],
      [4, undefined],
      [3, undefined],
    ],
  );
  const most = await pages('3125550199', CALLS);
  assert.deepEqual(
    most.map(({ calls, searched }) => [calls.length, searched]),
    [
      [9_990, 10_000],
      [CALLS - 10_001, undefined],
    ],
  );
  const all = most.flatMap(({ calls }) => calls);
  assert.equal(new Set(all.map(({ id }) => id)).size, CALLS - 11);
  const moments = all.map(({ startedAt }) => startedAt.getTime());
  assert.deepEqual(
    moments,
    moments.toSorted((a, b) => b - a),
  );
});

test('a search goes on by itself, and says how far it came until it has looked at all', async () => {
  const { db, clock } = api.service;
  const today = dayOf(clock(), 'UTC');
  const range = { from: addDays(today, -2), to: today, timeZone: 'UTC' };
  const steps = async (search: string, limit: number) => {
    const found: SearchStep[] = [];
    const filter = { scope: { billingAccount: payer }, range, search };
    for await (const step of findCalls(db, filter, { limit })) found.push(step);
    return found.map(({ calls, searched, reached, next }) => ({
      calls: calls.map(({ called }) => called.slice(-5)),
      searched,
      reached: reached && Math.round((clock().getTime() - reached.getTime()) / 1_000),
      hasNext: next !== undefined,
    }));
  };
  const tens = Array.from({ length: 10 }, (_, n) => String(n * 1_000 + 30).padStart(5, '0'));
  const back = Math.round(10_000 / 3);
  const [first, last, ...others] = await steps('415555', 25);
  assert.deepEqual(
    { ...first, reached: Math.abs((first?.reached ?? 0) - back) < 60 },
    { calls: tens, searched: 10_000, reached: true, hasNext: false },
  );
  assert.deepEqual(last, {
    calls: ['10030'],
    searched: 10_000,
    reached: undefined,
    hasNext: false,
  });
  assert.deepEqual(others, []);
  const full = await steps('415555', 4);
  assert.deepEqual(
    full.map(({ calls, hasNext }) => [calls.length, hasNext]),
    [[4, true]],
  );
  assert.deepEqual((await steps('999', 4)).at(-1), {
    calls: [],
    searched: 10_000,
    reached: undefined,
    hasNext: false,
  });
});
