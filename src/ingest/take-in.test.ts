import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startService, type TestService } from '../../test/support/service.ts';
import type { Feed } from '../domain/calls/feed.ts';
import { takeIn } from './take-in.ts';

const FEED: Feed = {
  name: 'pbx',
  format: 'generic',
  networks: [],
  debits: 'service',
  timeZone: 'UTC',
};

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

function records(count: number, now: Date): string {
  const start = Math.floor(now.getTime() / 1_000) - 600;
  const account = 3_000_000_001;
  return Array.from({ length: count }, () =>
    JSON.stringify({ id: randomUUID(), account, start, duration: 1, dst: '911' }),
  ).join();
}

/** Takes in 4,500 records. `store` can ask how many of the three chunks were used up. */
function takeInMany(store: (used: () => number) => Promise<void>) {
  const now = api.service.clock();
  let used = 0;
  async function* chunks() {
    for (; used < 3; used++) {
      yield Buffer.from(`${used === 0 ? '[' : ','}${records(1_500, now)}${used === 2 ? ']' : ''}`);
    }
  }
  return takeIn(
    api.service.db,
    FEED,
    { raw: Buffer.alloc(0), chunks: chunks(), isLarge: true },
    {
      now,
      retentionMonths: 12,
      emergencyNumbers: new Set(),
      store: async (_feed, calls) => {
        await store(() => used);
        return { outcomes: calls.map(() => 'stored'), warningsDue: false };
      },
    },
  );
}

test('the next batch of a body is read while one is stored, and stored after it', async () => {
  const usedAfter: number[] = [];
  let storing = 0;
  const taken = await takeInMany(async (used) => {
    storing++;
    for (let waited = 0; waited < 2_000 && used() < 2; waited++) await sleep(5);
    usedAfter.push(used());
    assert.equal(storing, 1);
    storing--;
  });
  assert.equal(taken.stored, 4_500);
  assert.equal(usedAfter[0], 2);
});

test('a batch that cannot be stored ends the delivery, also if the next one was read', async () => {
  let tried = 0;
  await assert.rejects(
    takeInMany(async () => {
      tried++;
      await sleep(20);
      throw new Error('cannot be stored');
    }),
    /cannot be stored/,
  );
  assert.equal(tried, 1);
});
