import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer } from '../../../test/support/calls.ts';
import { fc } from '../../../test/support/properties.ts';
import { sharedService } from '../../../test/support/service.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import type { ExchangeOptions, ExchangeWork } from '../../db/exchange.ts';
import { type AuthorizeCall, gatherAuthorizations } from './authorization.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
// The price of the second has a fee and a minimum charge, the third is free, the last is blocked.
const NUMBERS = ['2125550123', '442055501234', '33155501234', '881655501234'];

const WAITING = `SELECT FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'WITH asked%'`;

let authorize: AuthorizeCall;
const api = sharedService({}, async () => {
  const { db } = api.service;
  await db.query(
    "INSERT INTO price_list (name, created_at, changed_at) VALUES ('default', now(), now())",
  );
  await db.query(
    `INSERT INTO price (list, prefix, rate, minimum_seconds, increment_seconds, connect_fee,
       minimum_charge)
     VALUES ('default', '44', 0.077777, 12, 7, 0.01, 0.05), ('default', '33', 0, 0, 1, 0, 0)`,
  );
  await db.query("INSERT INTO blocked_prefix (prefix, created_at) VALUES ('8816', now())");
  const options = { holdSeconds: 60, verifiedOnly: false, freeCalls: true };
  authorize = gatherAuthorizations(db, options);
});

const dollars = fc.integer({ min: 0, max: 300_000 }).map((n) => (n / 1_000_000).toFixed(6));

const scene = fc.record({
  cash: dollars,
  rate: dollars,
  minimum: fc.constantFrom(0, 6, 90),
  increment: fc.constantFrom(1, 7, 60),
  maxRate: fc.option(dollars, { freq: 2 }),
  dayLimit: fc.option(dollars, { freq: 2 }),
  spentOn: fc.constantFrom('2026-02-20', '2026-03-01'),
  rounds: fc.array(fc.array(fc.constantFrom(...NUMBERS), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 3,
  }),
});
type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

const example = (changes: Partial<Scene>): [Scene] => {
  const [number = ''] = NUMBERS;
  const limits = { maxRate: null, dayLimit: null, spentOn: '2026-03-01' } as const;
  const terms = { cash: '1', rate: '0.06', minimum: 6, increment: 1 } as const;
  return [{ ...terms, ...limits, rounds: [[number, number]], ...changes }];
};

// Two calls at once, for what they cost and a millionth less or more.
const EXAMPLES = [
  ...['0.119999', '0.120000', '0.120001'].map((cash) => example({ cash })),
  ...['0.059999', '0.060000'].map((maxRate) => example({ maxRate })),
  ...['0.169999', '0.170000', '0.170001'].map((dayLimit) => example({ dayLimit })),
];

/** The answers to questions that arrive together, in rounds, and the holds afterwards. */
async function playOut(account: number, rounds: string[][]) {
  const answers: unknown[] = [];
  for (const [n, called] of rounds.entries()) {
    const asked = called.map((number, k) =>
      authorize({ account, called: number, callId: `${n}-${k}`, now: NOW }),
    );
    const settled = await Promise.allSettled(asked);
    answers.push(...settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason)));
  }
  const { db } = api.service;
  const holds = await db.query(
    `SELECT call_id, called, amount, rate, minimum_seconds, increment_seconds, granted_at,
       expires_at, connect_fee, minimum_charge, earlier_amount
     FROM hold WHERE account = $1 ORDER BY call_id`,
    [account],
  );
  const sums = await db.query(
    `SELECT held, (SELECT calls FROM calls_in_progress c WHERE c.account = b.account)
     FROM balance b WHERE account = $1`,
    [account],
  );
  return { answers, holds, sums };
}

test('a call gets the same answer and hold, whether one statement allows it or all rules are read', async () => {
  const { db } = api.service;
  const same = fc.asyncProperty(scene, async ({ rounds, maxRate, dayLimit, spentOn, ...terms }) => {
    const add = async (maxCalls: number | null) => {
      const account = await addCustomer(api, terms);
      await db.query('UPDATE account SET max_calls = $2, max_rate = $3 WHERE username = $1', [
        ...[account, maxCalls, maxRate],
      ]);
      await db.query(
        `UPDATE balance SET day_limit = $2, spent_on = $3, spent_today = 0.05 WHERE account = $1`,
        [account, dayLimit, spentOn],
      );
      return account;
    };
    // A limit of calls, even if it is never reached, needs all rules.
    const [plain, limited] = [await add(null), await add(100)];
    assert.deepEqual(await playOut(plain, rounds), await playOut(limited, rounds));
  });
  await fc.assert(same, { numRuns: 14, examples: EXAMPLES, endOnFailure: true });
});

test('calls that fit are allowed by one statement, which leaves the others to a second exchange', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.13' });
  const names: string[] = [];
  const watched = new Proxy(api.service.db, {
    get: (target, name) => {
      if (name !== 'exchange') return Reflect.get(target, name, target);
      return (...[options, work]: Parameters<typeof target.exchange>) =>
        target.exchange(options, (send) =>
          work((statement, text, values) => {
            names.push(statement);
            return send(statement, text, values);
          }),
        );
    },
  });
  const options = { holdSeconds: 60, verifiedOnly: false, freeCalls: true };
  const ask = gatherAuthorizations(watched, options);
  const asked = async (called: string, callId: string) =>
    (await ask({ account, called, callId, now: NOW })).maxSeconds;
  assert.deepEqual([await asked('2125550123', 'a'), names.splice(0)], [60, ['allow-one-whole']]);
  assert.equal(await asked('2125550123', 'b'), 60);
  names.length = 0;
  const shorter = [await asked('2125550123', 'c'), names];
  assert.deepEqual(shorter, [
    6,
    ['allow-one-whole', 'lock-balances', 'read-terms', 'expire-holds', 'write-holds'],
  ]);
});

test('balances are locked in the order of their accounts, so no two statements wait for each other', async () => {
  const { db } = api.service;
  const accounts: number[] = [];
  for (let n = 0; n < 9; n++) accounts.push(await addCustomer(api, { rate: '0.06', cash: '9' }));
  const patient = new Proxy(db, {
    get: (target, name) => {
      if (name !== 'exchange') return Reflect.get(target, name, target);
      return ({ settings }: ExchangeOptions, work: ExchangeWork<unknown>) =>
        target.exchange({ settings: { ...settings, lock_timeout: '0' }, patient: true }, work);
    },
  });
  const options = { holdSeconds: 60, verifiedOnly: false, freeCalls: true };
  const ask = gatherAuthorizations(patient, options);
  const questions = accounts
    .toReversed()
    .map((account) => ({ account, called: '2125550123', callId: 'ordered', now: NOW }));
  const { asked, free } = await db.transaction(async (tx) => {
    await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [accounts[4]]);
    const asked = Promise.all(questions.map(ask));
    const find = () =>
      db.query<{ account: number }>(
        `SELECT account FROM balance WHERE account = ANY ($1) ORDER BY account
         FOR UPDATE SKIP LOCKED`,
        [accounts],
      );
    await waitUntil(async () => (await db.query(WAITING)).length > 0, 10_000);
    return { asked, free: (await find()).map(({ account }) => account) };
  });
  assert.deepEqual(free, accounts.slice(5));
  assert.deepEqual(
    (await asked).map(({ maxSeconds }) => maxSeconds),
    accounts.map(() => 60),
  );
});
