import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, countsOf, moneyOf, reportedCall } from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import { Database } from '../../db/database.ts';
import { gatherCalls, laneOf } from './call-gathering.ts';

const api = sharedService();

const none = {
  stored: 0,
  duplicates: 0,
  unknownAccounts: [],
  conflicts: [],
  warningsDue: false,
};

/** Two new accounts whose calls are stored by different statements. */
async function accountsOfBothLanes(): Promise<[number, number]> {
  const first = await addCustomer(api);
  let second = first;
  while (laneOf(second) === laneOf(first)) second = await addCustomer(api);
  return [first, second];
}

/** The service's database; it records the statements that store calls. */
function watchedDatabase(fails: (values: unknown[]) => boolean = () => false) {
  const batches: number[] = [];
  const db = new Proxy(api.service.db, {
    get: (target, name) => {
      if (name !== 'deliver') {
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (...call: Parameters<Database['deliver']>) => {
        const [ids] = call[2];
        batches.push(String(ids).split(',').length);
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

test('while one batch is stored the next ones gather, up to a size', async () => {
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
  // Of one account, so it is not divided; the next one has the other lane.
  const large = [deliver(700), deliver(1_000)];
  const others = [deliver(500), deliver(500), deliver(500), deliver(500), deliver(1)];
  await Promise.all([first, ...large, ...others]);
  assert.deepEqual(batches.slice(0, 3), [10, 700, 1_000]);
  assert.deepEqual(batches.slice(3).sort(), [1, 1_000, 1_000]);
});

test('accounts are spread evenly over the lanes, however their usernames are spaced', () => {
  for (const step of [1, 2, 7, 10, 16, 100, 500, 1_000, 65_536]) {
    const usernames = Array.from({ length: 200 }, (_, n) => 2_125_550_000 + n * step);
    const first = usernames.filter((username) => laneOf(username) === laneOf(usernames[0])).length;
    assert.ok(first > 80 && first < 120, `${first} of 200 at a distance of ${step}`);
  }
});

test('a large delivery is stored by two statements, each for its own accounts', async () => {
  const accounts = await accountsOfBothLanes();
  const { db, batches } = watchedDatabase();
  const store = gatherCalls(db);
  const calls = Array.from({ length: 600 }, (_, n) => reportedCall({ account: accounts[n % 2] }));
  const unknown = calls.findIndex(({ account }) => laneOf(account) === laneOf(9_999_999_999));
  calls[unknown] = reportedCall({ account: 9_999_999_999 });
  assert.deepEqual(countsOf(await store('pbx1', calls, api.service.clock())), {
    ...none,
    stored: 599,
    unknownAccounts: [unknown],
  });
  assert.deepEqual(batches, [300, 300]);
});

test('beside another delivery a large one is stored by one statement, a very large one by two', async () => {
  const accounts = await accountsOfBothLanes();
  const { db, batches } = watchedDatabase();
  const store = gatherCalls(db);
  const deliver = (count: number) => {
    const calls = Array.from({ length: count }, (_, n) =>
      reportedCall({ account: accounts[n % 2] }),
    );
    return store('pbx1', calls, api.service.clock());
  };
  const first = deliver(600);
  // Its statements begin before the next deliveries come.
  while (batches.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const stored = await Promise.all([first, deliver(700), deliver(1_200)]);
  assert.deepEqual(
    stored.map((result) => countsOf(result).stored),
    [600, 700, 1_200],
  );
  assert.deepEqual(batches.sort(), [300, 300, 600, 600, 700]);
});

test('of calls with the same id in a large delivery the first one counts', async () => {
  const [first, second] = await accountsOfBothLanes();
  const store = gatherCalls(api.service.db);
  const calls = Array.from({ length: 600 }, () => reportedCall({ account: first }));
  calls[11] = { ...(calls[10] as (typeof calls)[0]), account: second };
  const { stored } = await api.service.db.transaction(async (tx) => {
    await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [first]);
    const stored = store('pbx1', calls, api.service.clock());
    // The second one is not locked.
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { stored };
  });
  assert.deepEqual(countsOf(await stored), { ...none, stored: 599, conflicts: [11] });
});

test('small deliveries of all feeds are stored together, each under the name of its feed', async () => {
  const account = await addCustomer(api);
  const { db, batches } = watchedDatabase();
  const store = gatherCalls(db);
  const call = () => reportedCall({ account });
  const large = Array.from({ length: 51 }, call);
  const deliveries = { a: [call()], b: [call(), call()], c: large };
  await Promise.all(
    Object.entries(deliveries).map(([feed, calls]) => store(feed, calls, api.service.clock())),
  );
  assert.deepEqual(
    batches.sort((one, other) => one - other),
    [3, 51],
  );
  const stored = await api.service.db.query(
    'SELECT feed, count(*) AS calls FROM call WHERE billing_account = $1 GROUP BY feed ORDER BY feed',
    [account],
  );
  assert.deepEqual(stored, [
    { feed: 'a', calls: 1 },
    { feed: 'b', calls: 2 },
    { feed: 'c', calls: 51 },
  ]);
});

test('an account that stays locked holds up its own feed alone', async () => {
  const [locked, free] = [await addCustomer(api), await addCustomer(api)];
  const store = gatherCalls(api.service.db);
  const deliver = (feed: string, account: number) =>
    store(feed, [reportedCall({ account })], api.service.clock());
  await api.service.db.transaction(async (tx) => {
    await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [locked]);
    const [held, other] = [deliver('a', locked), deliver('b', free)];
    const settled = held.then(
      () => 'stored',
      (error: Error) => error.message,
    );
    assert.equal((await other).outcomes[0], 'stored');
    assert.equal(await settled, 'the database is not available');
  });
  assert.equal((await deliver('a', locked)).outcomes[0], 'stored');
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
