import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addCustomer,
  booksOf,
  countsOf,
  moneyOf,
  post,
  reportedCall,
} from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import { addNumber, removeNumber } from '../billing/recurring-charge.ts';
import { reconcile } from '../books/proof.ts';
import { type ReportedCall, storeCalls } from './call.ts';
import { type CallOutcome, OUTCOME_OF } from './call-outcome.ts';

const api = sharedService();

const store = async (calls: ReportedCall[], feed = 'pbx1') =>
  countsOf(await storeCalls(api.service.db, feed, calls, api.service.clock()));

const stored = (number: number) => ({
  stored: number,
  duplicates: 0,
  unknownAccounts: [],
  conflicts: [],
  warningsDue: false,
});

const duplicate = { ...stored(0), duplicates: 1 };

interface Rated {
  account: number;
  seconds: number;
  rate: string;
  amount: string | null;
  debited: boolean;
}

function ratedCalls(ids: string[]): Promise<Rated[]> {
  return api.service.db.query<Rated>(
    `SELECT account, billed_seconds AS seconds, rate::text, amount::text, debited
     FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, n) JOIN call USING (id) ORDER BY n`,
    [ids],
  );
}

test('talk time is billed by minimum and increment, and the price rounded once, half up', async () => {
  const table = [
    // minimum, increment, rate, talk in microseconds, billed seconds, amount
    [6, 6, '0.025', 40_000_000, 42, '0.017500'],
    [6, 6, '0.025', 0, 0, '0.000000'],
    [6, 6, '0.025', 1, 6, '0.002500'],
    [6, 6, '0.025', 6_000_000, 6, '0.002500'],
    [6, 6, '0.025', 6_000_001, 12, '0.005000'],
    [1, 1, '0.025', 39_540_000, 40, '0.016667'],
    [1, 1, '0.025', 39_000_001, 40, '0.016667'],
    [30, 6, '0.012', 1_000_000, 30, '0.006000'],
    [30, 6, '0.012', 30_000_001, 36, '0.007200'],
    [60, 60, '0.0075', 60_000_000, 60, '0.007500'],
    [60, 60, '0.0075', 60_000_001, 120, '0.015000'],
    [60, 60, '0.0075', 0, 0, '0.000000'],
    [0, 7, '0.06', 1, 7, '0.007000'],
    [10, 7, '0.06', 7_500_000, 14, '0.014000'],
    [10, 7, '0.06', 6_500_000, 10, '0.010000'],
    [3600, 1, '1', 5_000_000, 3600, '60.000000'],
    // 0.0000005, 0.0000004, 0.00000049… and 0.0000015
    [6, 6, '0.000001', 30_000_000, 30, '0.000001'],
    [6, 6, '0.000001', 24_000_000, 24, '0.000000'],
    [1, 1, '0.000001', 29_000_000, 29, '0.000000'],
    [6, 6, '0.000001', 90_000_000, 90, '0.000002'],
    [6, 6, '0', 40_000_000, 42, '0.000000'],
    [1, 1, '999999.999999', 2_678_400_000_000, 2_678_400, '44639999999.955360'],
  ] as const;
  const calls: ReportedCall[] = [];
  for (const [minimum, increment, rate, talkMicroseconds] of table) {
    const account = await addCustomer(api, { minimum, increment, rate });
    calls.push(reportedCall({ account, talkMicroseconds }));
  }
  assert.deepEqual(await store(calls), stored(table.length));
  const rated = await ratedCalls(calls.map(({ id }) => id));
  assert.deepEqual(
    rated.map(({ seconds, amount }) => [seconds, amount]),
    table.map(([, , , , seconds, amount]) => [seconds, amount]),
  );
  for (const [row, call] of rated.entries()) {
    const { cash } = (await moneyOf(api.service.db, call.account)) ?? {};
    assert.equal(cash, table[row]?.[5] === '0.000000' ? '0.000000' : `-${table[row]?.[5]}`);
  }
});

test('talk time is shown in whole seconds, rounded up', async () => {
  const { username, apikey } = await api.signUp();
  const talk = [0, 1, 1_000_000, 1_000_001, 67_540_000];
  const now = Date.now();
  await store(
    talk.map((talkMicroseconds, n) =>
      reportedCall({ account: username, talkMicroseconds, startedAt: new Date(now - n) }),
    ),
  );
  const { body } = await api.call('cdr', {}, apikey);
  const shown = body.cdr.map((row: { value: { dur: string } }) => row.value.dur);
  assert.deepEqual(shown, ['0', '1', '1', '2', '68']);
});

test('what the switch has taken itself is recorded and not taken again', async () => {
  const account = await addCustomer(api, { rate: '0.5', cash: '10' });
  const calls = [
    reportedCall({ account, switchDebit: { rate: '0.03', amount: '0.0211' } }),
    reportedCall({ account, switchDebit: { rate: '0.03', amount: '0' } }),
    reportedCall({ account, switchDebit: { rate: '0.03', amount: undefined } }),
  ];
  assert.deepEqual(await store(calls), stored(3));
  const rest = { account, seconds: 42, rate: '0.030000', debited: false };
  assert.deepEqual(await ratedCalls(calls.map(({ id }) => id)), [
    { ...rest, amount: '0.021100' },
    { ...rest, amount: '0.000000' },
    { ...rest, amount: null },
  ]);
  assert.equal((await moneyOf(api.service.db, account))?.cash, '10.000000');
  // Without its price (after a change of the feed's setting) it is still the same call.
  const again = calls.map((call) => ({ ...call, switchDebit: undefined }));
  assert.deepEqual(await store(again), { ...stored(0), duplicates: 3 });
  assert.equal((await moneyOf(api.service.db, account))?.cash, '10.000000');
});

test('a sub-account calls at its own rate, and the account it is billed to pays', async () => {
  const master = await addCustomer(api, { rate: '1', cash: '1' });
  const sub = await addCustomer(api, { rate: '0.06', master });
  const call = reportedCall({ account: sub });
  assert.deepEqual(await store([call, reportedCall({ account: master })]), {
    ...stored(2),
    warningsDue: false,
  });
  const [rated] = await ratedCalls([call.id]);
  assert.deepEqual(rated, {
    account: sub,
    seconds: 42,
    rate: '0.060000',
    amount: '0.042000',
    debited: true,
  });
  assert.equal((await moneyOf(api.service.db, master))?.cash, '0.258000');
  assert.equal(await moneyOf(api.service.db, sub), undefined);
});

test('a call that names no account is paid by who had the called number when it started', async () => {
  const { db, clock } = api.service;
  const [first, second] = [await addCustomer(api), await addCustomer(api, { rate: '0.5' })];
  const called = '8005550142';
  const at = (seconds: number) => new Date(clock().getTime() + seconds * 1_000);
  const early = reportedCall({ called, startedAt: at(-900) });
  assert.deepEqual(await store([early]), { ...stored(0), unknownAccounts: [0] });

  await addNumber(db, TESTER, { account: first, number: called, monthly: '1' }, at(-600));
  const call = reportedCall({ called, startedAt: at(-300) });
  assert.deepEqual(await store([early, call]), stored(2));
  await removeNumber(db, TESTER, { account: first, number: called }, at(-200));
  await addNumber(db, TESTER, { account: second, number: called, monthly: '1' }, at(-100));

  const late = reportedCall({ called, startedAt: at(-250) });
  const between = reportedCall({ called, startedAt: at(-150) });
  const now = reportedCall({ called, startedAt: at(-50) });
  assert.deepEqual(await store([early, call, late, between, now]), {
    ...stored(3),
    duplicates: 2,
  });
  const calls = await ratedCalls([early, call, late, between, now].map(({ id }) => id));
  assert.deepEqual(
    calls.map(({ account }) => account),
    [first, first, first, second, second],
  );
  assert.equal((await moneyOf(db, first))?.cash, '-0.052500');
  assert.equal((await moneyOf(db, second))?.cash, '-0.700000');
});

test('the same id and start under another account is a conflict and billed to nobody again', async () => {
  const { db } = api.service;
  const [right, wrong] = [await addCustomer(api), await addCustomer(api)];
  const call = reportedCall({ account: right });
  await store([call]);
  const corrected = { ...call, account: wrong };
  assert.deepEqual(await store([corrected]), { ...stored(0), conflicts: [0] });
  assert.deepEqual(await store([corrected, call]), { ...duplicate, conflicts: [0] });
  assert.equal((await moneyOf(db, wrong))?.cash, '0.000000');

  // After its account gets another payer, it is still the same call.
  const payer = await addCustomer(api);
  const sub = await addCustomer(api, { master: right });
  const moved = reportedCall({ account: sub });
  await store([moved]);
  await db.query('UPDATE account SET master_account = $2 WHERE username = $1', [sub, payer]);
  assert.deepEqual(await store([moved]), duplicate);
  assert.equal((await moneyOf(db, payer))?.cash, '0.000000');
  assert.equal((await moneyOf(db, right))?.cash, '-0.035000');
});

test('two accounts claim one call at the same time: one is billed', async () => {
  const { db } = api.service;
  const accounts = await Promise.all(Array.from({ length: 8 }, () => addCustomer(api)));
  const call = reportedCall();
  const results = await Promise.all(accounts.map((account) => store([{ ...call, account }])));
  assert.equal(results.filter(({ stored }) => stored === 1).length, 1);
  assert.equal(results.filter(({ conflicts }) => conflicts.length === 1).length, 7);
  const cash = await Promise.all(accounts.map((account) => moneyOf(db, account)));
  assert.equal(cash.filter((money) => money?.cash === '-0.017500').length, 1);
});

test('the same id with another start is another call', async () => {
  const account = await addCustomer(api);
  const call = reportedCall({ account });
  const later = { ...call, startedAt: new Date(call.startedAt.getTime() + 1) };
  assert.deepEqual(await store([call, later]), stored(2));
});

test('other content under a stored id and start is a conflict, also within a batch', async () => {
  const account = await addCustomer(api);
  const call = reportedCall({ account });
  const other = { ...call, talkMicroseconds: call.talkMicroseconds + 1 };
  assert.deepEqual(await store([call, call, other]), {
    ...stored(1),
    duplicates: 1,
    conflicts: [2],
  });
  for (const change of [
    { talkMicroseconds: 1 },
    { caller: '2125550199' },
    { called: '2125550199' },
    { sourceIp: undefined },
    { callerName: 'Another' },
  ]) {
    const expected = { ...stored(0), conflicts: [0] };
    assert.deepEqual(await store([{ ...call, ...change }]), expected, JSON.stringify(change));
  }
  assert.equal((await moneyOf(api.service.db, account))?.cash, '-0.017500');
});

test('a call keeps the outcome that it was first reported with, and talk time makes it answered', async () => {
  const account = await addCustomer(api);
  const call = (talkMicroseconds: number, outcome?: CallOutcome) =>
    reportedCall({ account, talkMicroseconds, outcome });
  const calls = [call(0, 'busy'), call(0), call(0, 'answered'), call(1, 'busy'), call(1)];
  assert.deepEqual(await store(calls), stored(5));
  const again = calls.map((one) => ({ ...one, outcome: 'failed' as const }));
  assert.deepEqual(await store(again), { ...stored(0), duplicates: 5 });
  const rows = await api.service.db.query<{ kept: string | null; shown: string | null }>(
    `SELECT outcome AS kept, ${OUTCOME_OF} AS shown
     FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, n) JOIN call USING (id) ORDER BY n`,
    [calls.map(({ id }) => id)],
  );
  assert.deepEqual(
    rows.map(({ kept, shown }) => [kept, shown]),
    [
      ['busy', 'busy'],
      [null, null],
      ['answered', 'answered'],
      [null, 'answered'],
      [null, 'answered'],
    ],
  );
});

test('unknown accounts and numbers are told by their position', async () => {
  const account = await addCustomer(api);
  const calls = [
    reportedCall({ account: 9_999_999_999 }),
    reportedCall({ account }),
    reportedCall({ called: '8005550199' }),
  ];
  assert.deepEqual(await store(calls), { ...stored(1), unknownAccounts: [0, 2] });
});

test('what repeats an unknown account under the same id is judged by itself', async () => {
  const account = await addCustomer(api);
  const call = reportedCall({ account });
  const unknown = { ...call, account: 9_999_999_999 };
  assert.deepEqual(await store([unknown, call, call]), {
    ...stored(1),
    duplicates: 1,
    unknownAccounts: [0],
  });
});

test('a month without a partition gets one', async () => {
  const account = await addCustomer(api);
  const startedAt = new Date(Date.UTC(2019, 1, 28, 23, 59, 59, 999));
  const calls = [startedAt, new Date(startedAt.getTime() + 1)].map((startedAt) =>
    reportedCall({ account, startedAt }),
  );
  assert.deepEqual(await Promise.all(calls.map((call) => store([call]))), [stored(1), stored(1)]);
  assert.deepEqual(await store(calls), { ...stored(0), duplicates: 2 });
  const tables = await api.service.db.query<{ name: string }>(
    "SELECT tableoid::regclass::text AS name FROM call WHERE started_at < '2020-01-01' ORDER BY 1",
  );
  assert.deepEqual(
    tables.map(({ name }) => name),
    ['call_2019_02', 'call_2019_03'],
  );
});

test('split, shuffled, repeated and in parallel, calls end up as when they came once', async () => {
  const { db } = api.service;
  const accounts: number[] = [];
  for (let n = 0; n < 20; n++) {
    const terms = { cash: '0.5', rate: `0.0${n + 10}`, increment: (n % 6) + 1 };
    accounts.push(await addCustomer(api, terms));
  }
  const calls = Array.from({ length: 600 }, (_, n) =>
    reportedCall({
      account: accounts[(n * 7) % accounts.length],
      talkMicroseconds: (n % 50) * 1_700_001,
      startedAt: new Date(Date.now() - 1_000_000 + n * 100),
    }),
  );
  const batches: ReportedCall[][] = [];
  for (let round = 0; round < 4; round++) {
    const shuffled = [...calls].sort(() => Math.random() - 0.5);
    for (let from = 0; from < shuffled.length; ) {
      const size = 1 + Math.floor(Math.random() * 150);
      batches.push(shuffled.slice(from, from + size));
      from += size;
    }
  }
  const results: Awaited<ReturnType<typeof store>>[] = [];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let batch = batches.pop(); batch; batch = batches.pop())
        results.push(await store(batch));
    }),
  );
  assert.equal(
    results.reduce((sum, { stored }) => sum + stored, 0),
    600,
  );
  assert.equal(
    results.reduce((sum, { duplicates }) => sum + duplicates, 0),
    1_800,
  );
  const expected = await db.query<{ cash: string; suspended: boolean }>(
    `SELECT (0.5 - sum(round(rate * billed_seconds / 60, 6)))::text AS cash,
       0.5 - sum(round(rate * billed_seconds / 60, 6)) <= 0 AS suspended
     FROM call WHERE account = ANY($1) GROUP BY account ORDER BY account`,
    [accounts],
  );
  const balances = await db.query(
    'SELECT cash::text, suspended FROM balance WHERE account = ANY($1) ORDER BY account',
    [accounts],
  );
  assert.deepEqual(balances, expected);
  const books = await booksOf(db);
  assert.deepEqual(await store([...calls].reverse()), { ...stored(0), duplicates: 600 });
  assert.deepEqual(await booksOf(db), books);
  assert.deepEqual((await reconcile(db)).imbalances, []);
});

async function isWaiting(): Promise<boolean> {
  const rows = await api.service.db.query(
    `SELECT 1 FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND datname = current_database() AND query LIKE '%WITH input%'`,
  );
  return rows.length > 0;
}

test('a batch that meets a deadlock is stored all the same', async () => {
  const { db } = api.service;
  const [low, high] = [
    await addCustomer(api, { cash: '1' }),
    await addCustomer(api, { cash: '1' }),
  ];
  let storing: ReturnType<typeof store> | undefined;
  let settled = false;
  await db.transaction(async (tx) => {
    await tx.query('UPDATE balance SET cash = cash WHERE account = $1', [high]);
    storing ??= store([reportedCall({ account: high }), reportedCall({ account: low })]);
    storing.finally(() => (settled = true)).catch(() => undefined);
    // The store holds the lower balance while it waits for the higher one.
    await waitUntil(async () => settled || (await isWaiting()));
    await tx.query('UPDATE balance SET cash = cash WHERE account = $1', [low]);
  });
  assert.deepEqual(await storing, stored(2));
  assert.equal((await moneyOf(db, low))?.cash, '0.982500');
  assert.equal((await moneyOf(db, high))?.cash, '0.982500');
});

test('a batch locks its balances in the order of their accounts', async () => {
  const { db } = api.service;
  const accounts: number[] = [];
  for (let n = 0; n < 6; n++) accounts.push(await addCustomer(api, { cash: '1' }));
  const [lowest = 0, ...others] = accounts.toSorted((one, other) => one - other);
  let storing: ReturnType<typeof store> | undefined;
  await db.transaction(async (tx) => {
    await tx.query('UPDATE balance SET cash = cash WHERE account = $1', [lowest]);
    const calls = [4, 2, 5, 0, 3, 1].map((n) => reportedCall({ account: accounts[n] as number }));
    storing = store(calls);
    await waitUntil(isWaiting);
    // While it waits for the first one, it holds no other.
    const free = await tx.query<{ account: number }>(
      'SELECT account FROM balance WHERE account = ANY ($1) ORDER BY account FOR UPDATE SKIP LOCKED',
      [others],
    );
    assert.deepEqual(
      free.map(({ account }) => account),
      others,
    );
  });
  assert.deepEqual(await storing, stored(6));
});

test('cash posted while batches come in is never lost', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '5' });
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      n % 2 ? post(db, account, '0.1') : store([reportedCall({ account })]),
    ),
  );
  assert.equal((await moneyOf(db, account))?.cash, '6.650000');
});

test('a display name is kept without the quotes and escapes that SIP puts around it', async () => {
  const account = await addCustomer(api);
  const names = [
    // received, stored
    ['"Alice"', 'Alice'],
    ['Alice', 'Alice'],
    [' "Alice Exampl', 'Alice Exampl'],
    ['"Alice \\', 'Alice'],
    ['"Alice \\"Q\\" Example"', 'Alice "Q" Example'],
    ['"Alice \\"Q\\""', 'Alice "Q"'],
    ['"Alice \\"Q', 'Alice Q'],
    ['\\"Alice\\"', 'Alice'],
    ['Alice"', 'Alice'],
    ['Al \\"Q\\" \\\\ a+b', 'Al "Q" \\ a+b'],
    ['Toll "Free"', 'Toll "Free"'],
    ['5" pipe', '5" pipe'],
    ['a\\b', 'a\\b'],
    ['"', null],
    ['""', null],
  ] as const;
  const calls = names.map(([callerName]) => reportedCall({ account, callerName }));
  assert.deepEqual(await store(calls), stored(names.length));
  const kept = await api.service.db.query<{ caller_name: string | null }>(
    'SELECT caller_name FROM unnest($1::uuid[]) WITH ORDINALITY AS i (id, n) JOIN call USING (id) ORDER BY n',
    [calls.map(({ id }) => id)],
  );
  assert.deepEqual(
    kept.map((row) => row.caller_name && decodeURIComponent(row.caller_name)),
    names.map(([, name]) => name),
  );
});
