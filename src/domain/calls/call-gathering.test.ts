import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addCustomer, countsOf, moneyOf, reportedCall } from '../../../test/support/calls.ts';
import { startService, type TestService } from '../../../test/support/service.ts';
import { Database } from '../../db/database.ts';
import { gatherCalls } from './call-gathering.ts';

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

const none = {
  stored: 0,
  duplicates: 0,
  unknownAccounts: [],
  conflicts: [],
  warningsDue: false,
};

/** The service's database, which notes the statements that store calls. */
function watchedDatabase(fails: (values: unknown[]) => boolean = () => false) {
  const batches: number[] = [];
  const db = new Proxy(api.service.db, {
    get: (target, name) => {
      if (name !== 'deliver') {
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (...call: Parameters<Database['deliver']>) => {
        batches.push(Number(call[2].at(-1)));
        if (fails(call[2])) throw new Error('cannot be stored');
        return target.deliver(...call);
      };
    },
  });
  return { db, batches };
}

test('what comes at about the same time is stored together, and each is told its own', async () => {
  const account = await addCustomer(api, { rate: '1', cash: '100' });
  const { db, batches } = watchedDatabase();
  const store = gatherCalls(db);
  const now = api.service.clock();
  const call = reportedCall({ account });
  assert.deepEqual(countsOf(await store('pbx1', [], now)), none);
  const deliveries = [
    [],
    [reportedCall({ account }), reportedCall({ account: 9_999_999_999 }), call],
    [],
    [call, { ...call, caller: 'another' }],
    [reportedCall({ account }), reportedCall({ account: 9_999_999_999 })],
  ];
  const results = await Promise.all(deliveries.map((calls) => store('pbx1', calls, now)));
  assert.deepEqual(results.map(countsOf), [
    none,
    { ...none, stored: 2, unknownAccounts: [1] },
    none,
    { ...none, duplicates: 1, conflicts: [1] },
    { ...none, stored: 1, unknownAccounts: [1] },
  ]);
  assert.deepEqual(batches.slice(0, 1), [5]);
  assert.equal((await moneyOf(api.service.db, account))?.cash, '97.900000');
});

test('while one batch is stored the next ones gather, up to a size, feed by feed', async () => {
  const account = await addCustomer(api);
  const { db, batches } = watchedDatabase();
  const store = gatherCalls(db);
  const deliver = (count: number, feed = 'pbx1') =>
    store(
      feed,
      Array.from({ length: count }, () => reportedCall({ account })),
      api.service.clock(),
    );
  const first = deliver(10);
  await new Promise((resolve) => setImmediate(resolve));
  const others = [deliver(3_500), deliver(5_000), deliver(2_000), deliver(11_000), deliver(1)];
  await Promise.all([first, ...others]);
  assert.deepEqual(batches, [10, 8_500, 2_000, 11_000, 1]);
  batches.length = 0;
  await Promise.all([deliver(1, 'a'), deliver(2, 'b'), deliver(3, 'a')]);
  assert.deepEqual(batches.sort(), [2, 4]);
});

test('a delivery that cannot be stored fails alone', async () => {
  const account = await addCustomer(api);
  const bad = reportedCall({ account, caller: 'bad' });
  const { db } = watchedDatabase((values) => String(values[4]).includes('bad'));
  const store = gatherCalls(db);
  const deliveries = [[reportedCall({ account })], [bad], [reportedCall({ account })]];
  const results = await Promise.allSettled(
    deliveries.map((calls) => store('pbx1', calls, api.service.clock())),
  );
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal((await moneyOf(api.service.db, account))?.cash, '-0.035000');
});

test('without a database every delivery is told so', async () => {
  const db = new Database({
    connection: { host: '127.0.0.1', port: 1 },
    poolSize: 1,
    role: 'command',
    onError: () => undefined,
  });
  const store = gatherCalls(db);
  try {
    const results = await Promise.allSettled(
      [1, 2].map(() => store('pbx1', [reportedCall({ account: 3_000_000_001 })], new Date())),
    );
    for (const result of results) {
      assert.equal(result.status, 'rejected');
      assert.equal(result.reason.message, 'the database is not available');
    }
  } finally {
    await db.close();
  }
});
