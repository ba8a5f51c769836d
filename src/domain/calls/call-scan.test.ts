import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer } from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import { type CallScan, type ScanStep, scanCalls } from './call-scan.ts';

const CALLS = 3_000;
const STEP = 1_000;

let payer: number;
let sub: number;
let range: { from: Date; to: Date };
const api = sharedService({}, async () => {
  payer = await addCustomer(api);
  sub = await addCustomer(api, { master: payer });
  const now = api.service.clock();
  range = { from: new Date(now.getTime() - 86_400_000), to: new Date(now.getTime() + 1) };
  // Three calls start at each moment; every 1,000th has another destination, and the last an owner.
  await api.service.db.query(
    `INSERT INTO call (billing_account, account, started_at, id, caller, called,
       talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest, received_at, outcome)
     SELECT $1::bigint, CASE WHEN n = ${CALLS} THEN $2::bigint ELSE $1 END,
       $3::timestamptz - make_interval(secs => n / 3), md5(n::text)::uuid, '2125550100',
       CASE WHEN n % 1000 = 30 THEN '415555' || lpad(n::text, 5, '0') ELSE '3125550199' END,
       CASE WHEN n % 1000 = 30 THEN 1000000 ELSE 0 END, 0, 0.025, 0, true,
       CASE WHEN n = 5 THEN 'second' ELSE 'first' END, '', $3,
       CASE WHEN n IN (5, 3000) THEN 'no answer' END
     FROM generate_series(1, ${CALLS}) n`,
    [payer, sub, now],
  );
});

async function scan(filter: Partial<CallScan>, limit = 25, after?: string): Promise<ScanStep[]> {
  const steps: ScanStep[] = [];
  const wanted = { ...range, search: '', ...filter };
  for await (const step of scanCalls(api.service.db, wanted, { limit, after, step: STEP })) {
    steps.push(step);
  }
  return steps;
}

const found = (steps: ScanStep[]) =>
  steps.flatMap(({ calls }) => calls.map(({ called }) => called.slice(-4)));

test('a scan looks on by itself until it has looked at all, and says how far it came', async () => {
  const steps = await scan({ search: '415555' });
  assert.deepEqual(
    steps.map(({ calls, searched, reached, next }) => [calls.length, searched, !reached, next]),
    [
      [1, 1_000, false, undefined],
      [1, 2_000, false, undefined],
      [1, 3_000, false, undefined],
      [0, 3_000, true, undefined],
    ],
  );
  assert.deepEqual(found(steps), ['0030', '1030', '2030']);
  const reached = steps.map((step) => step.reached && step.reached <= range.to);
  assert.deepEqual(reached, [true, true, true, undefined]);
  assert.deepEqual(found(await scan({ search: '999999' })), []);
});

test('it is limited by account, feed and outcome', async () => {
  const count = async (filter: Partial<CallScan>) => found(await scan(filter, 5_000)).length;
  assert.deepEqual(
    [await count({}), await count({ account: payer }), await count({ account: sub })],
    [CALLS, CALLS, 1],
  );
  assert.deepEqual([await count({ feed: 'second' }), await count({ feed: 'third' })], [1, 0]);
  assert.deepEqual(
    [
      await count({ outcome: 'answered' }),
      await count({ outcome: 'not answered' }),
      await count({ outcome: 'no answer' }),
      await count({ outcome: 'busy' }),
    ],
    [3, 2_997, 2, 0],
  );
  const later = { from: range.to, to: new Date(range.to.getTime() + 1) };
  assert.deepEqual([await count(later)], [0]);
});

test('a page ends when it is full, and the next one begins behind it', async () => {
  const ids: string[] = [];
  let after: string | undefined = '';
  while (after !== undefined) {
    const steps: ScanStep[] = await scan({}, 700, after);
    ids.push(...steps.flatMap(({ calls }) => calls.map(({ id }) => id)));
    after = steps.at(-1)?.next;
  }
  assert.deepEqual([ids.length, new Set(ids).size], [CALLS, CALLS]);
});
