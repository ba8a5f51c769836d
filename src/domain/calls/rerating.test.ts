import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  addCustomer,
  changeSettings,
  cloneCustomer,
  countsOf,
  moneyOf,
  reportedCall,
} from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import type { Database, Queryable } from '../../db/database.ts';
import type { AccountChanges } from '../account/account-setting.ts';
import { addNumber } from '../billing/recurring-charge.ts';
import { listEntries } from '../books/ledger.ts';
import { reconcile } from '../books/proof.ts';
import { readPriceFile } from '../rating/price-csv.ts';
import { importPrices } from '../rating/price-import.ts';
import { storeCalls } from './call.ts';
import { previewRerating, type ReratingResult, rerateCalls } from './rerating.ts';
import type { ReratingRange } from './rerating-page.ts';

const api = sharedService();

const HOUR_MS = 3_600_000;
const reason = 'New rates were late';
// Each test has its own range, so the tests do not see each other's calls.
let nextStart = Date.UTC(2026, 0, 1);
function newRange(): ReratingRange {
  const from = new Date(nextStart);
  nextStart += HOUR_MS;
  return { from, to: new Date(nextStart) };
}

const set = (account: number, changes: AccountChanges) => changeSettings(api, account, changes);

/** Stores calls of a minute each. They start one second apart, from the range's first moment on. */
async function callsIn({ from }: ReratingRange, accounts: (number | undefined)[], called?: string) {
  const calls = accounts.map((account, n) =>
    reportedCall({
      account,
      startedAt: new Date(from.getTime() + n * 1_000),
      talkMicroseconds: 60_000_000,
      ...(called ? { called } : {}),
    }),
  );
  const result = await storeCalls(api.service.db, 'x', calls, api.service.clock());
  assert.equal(countsOf(result).stored, calls.length);
  return calls;
}

const rerate = (range: ReratingRange, db: Database = api.service.db) =>
  rerateCalls(db, TESTER, { ...range, reason }, { now: api.service.clock() });

async function assertBooks() {
  assert.deepEqual((await reconcile(api.service.db)).imbalances, []);
}

const entriesOf = async (account: number) =>
  (await listEntries(api.service.db, account, { limit: 50 })).map(
    ({ kind, amount, reason, reference, actor }) => ({ kind, amount, reason, reference, actor }),
  );

test('calls show what they cost now, each payer gets the difference once, the old price is kept', async () => {
  const { db } = api.service;
  const range = newRange();
  const user = await api.signUp();
  const master = user.username;
  const sub = await addCustomer(api, { master, rate: '0.01' });
  const other = await addCustomer(api, { rate: '0.02', cash: '1' });
  await set(master, { rate: '0.03' });
  const [first] = await callsIn(range, [master, sub, sub, other, other, other]);
  const outside = await callsIn({ ...range, from: range.to }, [master]);
  nextStart += HOUR_MS;
  await set(master, { rate: '0.06', minimumSeconds: 90 });
  await set(sub, { rate: '0.005' });
  await set(other, { rate: '0.021' });

  const expected: ReratingResult = {
    calls: 6,
    changed: 6,
    adjustments: [
      { account: master, amount: '-0.050000' },
      { account: other, amount: '-0.003000' },
    ].sort((a, b) => a.account - b.account),
  };
  const before = [await moneyOf(db, master), await moneyOf(db, other)];
  assert.deepEqual(await previewRerating(db, range), expected);
  assert.deepEqual([await moneyOf(db, master), await moneyOf(db, other)], before);
  const steps: [string, number][] = [];
  const done = await rerateCalls(
    db,
    TESTER,
    { ...range, reason },
    { now: api.service.clock(), onProgress: (step, count) => steps.push([step, count]) },
  );
  assert.deepEqual(done, expected);
  assert.deepEqual(steps, [
    ['rating', 6],
    ['posting', 2],
    ['applying', 6],
  ]);
  assert.equal((await moneyOf(db, master))?.cash, '-0.130000');
  assert.equal((await moneyOf(db, other))?.cash, '0.937000');
  const [entry] = await entriesOf(other);
  assert.deepEqual(entry, {
    kind: 'adjustment',
    amount: '-0.003000',
    reason,
    reference: entry?.reference,
    actor: 'tester',
  });
  assert.match(entry?.reference ?? '', /^rerating \d+$/);
  await assertBooks();

  const seconds = (at: Date) => Math.floor(at.getTime() / 1_000);
  const { body } = await api.call(
    'cdr',
    { start: seconds(range.to), end: seconds(range.from) },
    user.apikey,
  );
  assert.deepEqual(
    body.cdr.map((row: { id: string; value: { nr: string; ba: string } }) => [
      row.id,
      row.value.nr,
      row.value.ba,
    ]),
    [
      [outside[0]?.id, '0.03', '0.030000'],
      [first?.id, '0.06', '0.090000'],
    ],
  );
  const kept = await db.query(
    `SELECT rate_before::text AS rate, billed_seconds_before AS seconds, amount_before::text AS amount
     FROM call_rating WHERE id = $1`,
    [first?.id],
  );
  assert.deepEqual(kept, [{ rate: '0.030000', seconds: 60, amount: '0.030000' }]);

  // A repeated run changes nothing. With the old rates the first state returns.
  assert.deepEqual(await rerate(range), { calls: 6, changed: 0, adjustments: [] });
  assert.equal((await entriesOf(other)).length, 2);
  await set(other, { rate: '0.02' });
  assert.deepEqual((await rerate({ ...range, account: other })).adjustments, [
    { account: other, amount: '0.003000' },
  ]);
  assert.equal((await moneyOf(db, other))?.cash, '0.940000');
  await assertBooks();
});

test('prices by destination count, and calls that come in keep the own rate', async () => {
  const { db, clock } = api.service;
  const range = newRange();
  const account = await addCustomer(api, { rate: '0.5' });
  await addNumber(db, TESTER, { account, number: '8005550155', monthly: '1' }, clock());
  await callsIn(range, [account, account]);
  await callsIn(
    { ...range, from: new Date(range.from.getTime() + 60_000) },
    [undefined],
    '8005550155',
  );
  const { prices } = await readPriceFile('prefix,rate,name,minimum,increment\n1,0.1,,1,1');
  await importPrices(db, TESTER, 'late', prices, { now: clock(), replace: true, dryRun: false });
  await set(account, { priceList: 'late' });
  const bystander = await addCustomer(api, { rate: '0.5' });
  await callsIn({ ...range, from: new Date(range.from.getTime() + 120_000) }, [bystander]);
  await set(bystander, { rate: '0.7' });
  assert.deepEqual(await rerate({ ...range, priceList: 'late' }), {
    calls: 3,
    changed: 2,
    adjustments: [{ account, amount: '0.800000' }],
  });
  await assert.rejects(rerate({ ...range, priceList: 'none-such' }), { code: 'not found' });
  await assert.rejects(rerate({ ...range, account: 9_999_999_999 }), { code: 'not found' });
});

test('what the switch debited and what cost nothing is left as it is', async () => {
  const { db, clock } = api.service;
  const range = newRange();
  const account = await addCustomer(api, { rate: '0.5', cash: '1' });
  const startedAt = range.from;
  const calls = [
    reportedCall({ account, startedAt, switchDebit: { rate: '0.1', amount: '0.1' } }),
    reportedCall({ account, startedAt, switchDebit: { rate: '0.1', amount: undefined } }),
    reportedCall({ account, startedAt, talkMicroseconds: 0 }),
  ];
  await storeCalls(db, 'x', calls, clock());
  await set(account, { rate: '0.9' });
  assert.deepEqual(await rerate(range), { calls: 3, changed: 1, adjustments: [] });
  assert.equal((await moneyOf(db, account))?.cash, '1.000000');
  assert.equal((await entriesOf(account)).length, 1, 'no entry over nothing');
});

/**
 * A database whose transactions fail from the given one on, before or just after their commit.
 */
function dyingDatabase(at: number, committed: boolean): Database {
  let count = 0;
  const transaction = async <T>(work: (tx: Queryable) => Promise<T>): Promise<T> => {
    if (count++ < at) return api.service.db.transaction(work);
    if (committed && count === at + 1) await api.service.db.transaction(work);
    throw new Error('killed');
  };
  return new Proxy(api.service.db, {
    get: (target, name) => {
      if (name === 'transaction') return transaction;
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('killed at any moment the books are right, and started again it goes on to the same end', async () => {
  const { db } = api.service;
  for (let at = 0; at <= 4; at++) {
    for (const committed of [false, true]) {
      const range = newRange();
      const account = await addCustomer(api, { rate: '0.01', cash: '10' });
      const other = await addCustomer(api, { rate: '0.01', cash: '10' });
      await callsIn(range, [account, other, account]);
      await set(account, { rate: '0.02' });
      await set(other, { rate: '0.005' });
      const died = rerate(range, dyingDatabase(at, committed));
      if (at < 4) await assert.rejects(died, { message: 'killed' });
      else await died;
      await assertBooks();
      const expected = {
        calls: 3,
        changed: 3,
        adjustments: [
          { account, amount: '-0.020000' },
          { account: other, amount: '0.005000' },
        ],
      };
      const isDone = at === 4 || (at === 3 && committed);
      const again = await rerate(range);
      assert.deepEqual(again, isDone ? { calls: 3, changed: 0, adjustments: [] } : expected);
      assert.equal((await moneyOf(db, account))?.cash, '9.960000', `${at} ${committed}`);
      assert.equal((await moneyOf(db, other))?.cash, '9.995000', `${at} ${committed}`);
      assert.equal((await entriesOf(account)).length, 2);
      await assertBooks();
    }
  }
});

test('two at once do the work once; another range waits until it is done', async () => {
  const { db } = api.service;
  const range = newRange();
  const account = await addCustomer(api, { rate: '0.01', cash: '10' });
  await callsIn(range, Array(5).fill(account));
  await set(account, { rate: '0.02' });
  await assert.rejects(rerate(range, dyingDatabase(1, false)), { message: 'killed' });
  await assert.rejects(rerate({ ...range, account }), {
    code: 'conflict',
    message:
      /another run is not finished; finish it first with --from 2026-01-01T\d\d:00:00\+00:00 --to \S+ --reason 'New rates were late'$/,
  });
  const results = await Promise.all([rerate(range), rerate(range), rerate(range)]);
  for (const { changed } of results) assert.ok(changed === 5 || changed === 0);
  assert.equal((await moneyOf(db, account))?.cash, '9.900000');
  assert.equal((await entriesOf(account)).length, 2);
  await assertBooks();
});

test('many calls of many accounts go page by page, while new ones come in', async () => {
  const { db, clock } = api.service;
  const range = newRange();
  const accounts = await cloneCustomer(db, await addCustomer(api, { rate: '0.01' }), 120);
  const calls = Array.from({ length: 4_100 }, (_, n) =>
    reportedCall({
      account: accounts[n % accounts.length],
      startedAt: new Date(range.from.getTime() + Math.floor(n / 3)),
      talkMicroseconds: 60_000_000,
    }),
  );
  await storeCalls(db, 'x', calls, clock());
  await db.query('UPDATE account SET rate = 0.02 WHERE username = ANY($1)', [accounts]);
  assert.equal((await previewRerating(db, range)).changed, 4_100);
  let more = true;
  const checks = (async () => {
    while (more) {
      await callsIn(newRange(), accounts.slice(0, 5));
      await assertBooks();
    }
  })();
  const done = await rerate(range);
  more = false;
  await checks;
  assert.deepEqual([done.calls, done.changed, done.adjustments.length], [4_100, 4_100, 120]);
  await assertBooks();
  const rates = await db.query(
    `SELECT count(*) AS calls FROM call
     WHERE started_at >= $1 AND started_at < $2 AND rate = 0.02 AND amount = 0.02`,
    [range.from, range.to],
  );
  assert.deepEqual(rates, [{ calls: 4_100 }]);
});

test('accounts are posted in short transactions, however long their entries take', async () => {
  const { db } = api.service;
  const range = newRange();
  const accounts = await cloneCustomer(db, await addCustomer(api, { rate: '0.01' }), 12);
  await callsIn(range, accounts);
  await db.query('UPDATE account SET rate = 0.02 WHERE username = ANY ($1)', [accounts]);
  const slow = new Proxy(db, {
    get: (target, name) => {
      if (name === 'transaction') {
        return (work: (tx: Queryable) => Promise<unknown>) =>
          target.transaction((tx) => work(slowly(tx)));
      }
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const slowly = (tx: Queryable): Queryable => ({
    ...tx,
    query: async (text, values) => {
      if (text.includes('INTO ledger_entry')) await setTimeout(100);
      return tx.query(text, values);
    },
  });
  const done = await rerate(range, slow);
  assert.equal(done.adjustments.length, 12);
  // The entries of one transaction have its identity.
  const transactions = await db.query<{ entries: number }>(
    `SELECT count(*) AS entries FROM ledger_entry
     WHERE account = ANY ($1) AND kind = 'adjustment' GROUP BY xmin::text ORDER BY min(id)`,
    [accounts],
  );
  assert.ok(
    transactions.every(({ entries }) => entries <= 3),
    JSON.stringify(transactions),
  );
  await assertBooks();
});
