import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addCustomer,
  changeSettings,
  post as credit,
  reportedCall,
} from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { describeAccount } from '../account/account-directory.ts';
import type { AccountChanges } from '../account/account-setting.ts';
import { addAccount } from '../account/new-account.ts';
import { endNewLimits } from '../account/new-limits.ts';
import { storeCalls } from '../calls/call.ts';
import { MAIL_QUEUE } from '../mail/message.ts';
import { type AuthorizeCall, gatherAuthorizations } from '../rating/authorization.ts';
import { tellOfLimits } from './limit-notice.ts';
import { tellOfUnusualHours } from './unusual-hour.ts';

let authorize: AuthorizeCall;
let administrators: number;
const api = sharedService({}, async () => {
  const { db } = api.service;
  // The tests run the jobs themselves.
  await db.query('DELETE FROM pgboss.schedule');
  authorize = gatherAuthorizations(db, { holdSeconds: 600, verifiedOnly: false, freeCalls: true });
  await api.administrator();
  const [row] = await db.query<{ count: number }>(
    "SELECT count(*) AS count FROM account WHERE role = 'administrator'",
  );
  administrators = row?.count ?? 0;
});

const set = (account: number, changes: AccountChanges, now?: Date) =>
  changeSettings(api, account, changes, now);

/** Stores a call of a minute at a rate, at a moment. */
async function spend(account: number, rate: string, now = api.service.clock()): Promise<void> {
  const { db } = api.service;
  await db.query('UPDATE account SET rate = $2, increment_seconds = 60 WHERE username = $1', [
    account,
    rate,
  ]);
  const call = reportedCall({ account, startedAt: now, talkMicroseconds: 60_000_000 });
  await storeCalls(db, 'pbx1', [call], now);
}

async function spentOf(account: number): Promise<[string, string, number]> {
  const [row] = await api.service.db.query<{ day: string; spent: string; level: number }>(
    `SELECT spent_on::text AS day, trim_scale(spent_today)::text AS spent, limit_level AS level
     FROM balance WHERE account = $1`,
    [account],
  );
  return [row?.day ?? '', row?.spent ?? '', row?.level ?? -1];
}

/** Runs the job. @returns the kinds and levels of all mails about an account, by number */
async function mailsOf(account: number): Promise<Record<string, number>> {
  await Promise.all([1, 2].map(() => tellOfLimits(api.service.db, api.service.queue)));
  const rows = await api.service.db.query<{ mail: string; count: number }>(
    `SELECT concat_ws(' ', m->>'kind', m->>'level') AS mail, count(*) AS count
     FROM pgboss.job, LATERAL (SELECT data->'message' AS m) AS message
     WHERE name = $1 AND m->>'username' = $2 GROUP BY 1`,
    [MAIL_QUEUE, String(account)],
  );
  return Object.fromEntries(rows.map(({ mail, count }) => [mail, count]));
}

const DAYS = [
  {
    zone: 'Europe/Berlin',
    spent: [
      ['2026-11-25T22:59:59Z', '2026-11-25', '1'],
      ['2026-11-25T23:00:00Z', '2026-11-26', '1'],
      ['2026-11-26T22:59:59Z', '2026-11-26', '2'],
    ],
  },
  {
    // 23 hours long
    zone: 'Europe/Berlin',
    spent: [
      ['2027-03-27T23:00:00Z', '2027-03-28', '1'],
      ['2027-03-28T21:59:59Z', '2027-03-28', '2'],
      ['2027-03-28T22:00:00Z', '2027-03-29', '1'],
    ],
  },
  {
    // 25 hours long
    zone: 'America/New_York',
    spent: [
      ['2026-11-01T04:00:00Z', '2026-11-01', '1'],
      ['2026-11-02T04:59:59Z', '2026-11-01', '2'],
      ['2026-11-02T05:00:00Z', '2026-11-02', '1'],
    ],
  },
  {
    zone: 'America/New_York',
    spent: [
      ['2028-02-29T04:59:59Z', '2028-02-28', '1'],
      ['2028-02-29T05:00:00Z', '2028-02-29', '1'],
      ['2028-03-01T04:59:59Z', '2028-02-29', '2'],
      ['2028-03-01T05:00:00Z', '2028-03-01', '1'],
    ],
  },
  {
    // The clock goes back at the end of one day, and forward at the beginning of another.
    zone: 'America/Santiago',
    spent: [
      ['2026-04-04T03:00:00Z', '2026-04-04', '1'],
      ['2026-04-05T03:59:59Z', '2026-04-04', '2'],
      ['2026-04-05T04:00:00Z', '2026-04-05', '1'],
      ['2026-09-05T04:00:00Z', '2026-09-05', '1'],
      ['2026-09-06T03:59:59Z', '2026-09-05', '2'],
      ['2026-09-06T04:00:00Z', '2026-09-06', '1'],
    ],
  },
  {
    // A clock set back begins no new day, unless it was wrong by more than a time zone may differ.
    zone: 'UTC',
    spent: [
      ['2026-11-26T00:30:00Z', '2026-11-26', '1'],
      ['2026-11-25T23:30:00Z', '2026-11-26', '2'],
      ['2026-11-26T00:40:00Z', '2026-11-26', '3'],
      ['2026-11-23T12:00:00Z', '2026-11-23', '1'],
    ],
  },
];

test('what calls take counts by the day of the time zone on which they are stored', async () => {
  for (const { zone, spent } of DAYS) {
    const account = await addCustomer(api, { cash: '100' });
    await set(account, { timeZone: zone });
    for (const [at = '', day, sum] of spent) {
      await spend(account, '1', new Date(at));
      assert.deepEqual((await spentOf(account)).slice(0, 2), [day, sum], `${zone} ${at}`);
    }
  }
});

test('another time zone, debits and credits leave the spent sum as it is', async () => {
  const account = await addCustomer(api, { cash: '100' });
  const now = new Date('2026-11-26T00:30:00Z');
  await spend(account, '3', now);
  await credit(api.service.db, account, '-7', now);
  await credit(api.service.db, account, '9', now);
  // There it is still the day before.
  await set(account, { timeZone: 'Pacific/Honolulu' });
  await spend(account, '2', now);
  assert.deepEqual(await spentOf(account), ['2026-11-26', '5', 0]);
  // There it is the day after, which counts once the day has ended where the account was.
  await set(account, { timeZone: 'Pacific/Kiritimati' });
  await spend(account, '1', new Date('2026-11-26T23:59:59Z'));
  assert.deepEqual(await spentOf(account), ['2026-11-26', '6', 0]);
  await spend(account, '1', new Date('2026-11-27T00:00:00Z'));
  assert.deepEqual(await spentOf(account), ['2026-11-27', '1', 0]);
});

test('80 and 100 percent are told once a day, to the customer and the administrators', async () => {
  const account = await addCustomer(api, { cash: '1000' });
  const told = (level: number, times = 1) => ({
    [`daily limit ${level}`]: times,
    [`daily limit of a customer ${level}`]: times * administrators,
  });
  const day = (date: number, time: string) => new Date(`2026-11-${date}T${time}Z`);
  await set(account, { dayLimit: '10' });
  await spend(account, '7.99', day(25, '10:00:00'));
  assert.deepEqual(await mailsOf(account), {});
  await spend(account, '0.01', day(25, '10:01:00'));
  await spend(account, '1.99', day(25, '10:02:00'));
  assert.deepEqual(await mailsOf(account), told(80));
  await spend(account, '0.01', day(25, '10:03:00'));
  await spend(account, '5', day(25, '10:04:00'));
  assert.deepEqual(await mailsOf(account), { ...told(80), ...told(100) });
  await spend(account, '10', day(26, '00:00:00'));
  assert.deepEqual(await mailsOf(account), { ...told(80), ...told(100, 2) });
  assert.deepEqual(await spentOf(account), ['2026-11-26', '10', 100]);
});

test('a new limit counts at once, and is told where more of it is reached than of the old one', async () => {
  const account = await addCustomer(api, { cash: '1000' });
  await spend(account, '9');
  const reached = async () => (await describeAccount(api.service.db, account)).limitReached;
  assert.deepEqual([await reached(), await mailsOf(account)], [false, {}]);
  await set(account, { dayLimit: '9' });
  const mails = await mailsOf(account);
  assert.deepEqual([await reached(), mails['daily limit 100']], [true, 1]);
  await set(account, { dayLimit: '10' });
  assert.deepEqual([await reached(), await mailsOf(account)], [false, mails]);
  await spend(account, '1');
  assert.deepEqual([await reached(), (await mailsOf(account))['daily limit 100']], [true, 2]);
  await set(account, { dayLimit: null });
  assert.equal(await reached(), false);
  await assert.rejects(
    set(await addCustomer(api, { master: account }), { dayLimit: '1' }),
    /is billed to/,
  );
});

test('a hundred calls at once hold and take no more than the last cent of the limit', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '1000' });
  const sub = await addCustomer(api, { master: account });
  const now = new Date('2026-11-25T12:00:00Z');
  await set(account, { dayLimit: '5' });
  await spend(account, '4.99', now);
  await db.query(
    `UPDATE account SET rate = 0.06, minimum_seconds = 1, increment_seconds = 1
     WHERE master_account = $1`,
    [account],
  );
  const ask = async (n: number) => {
    const question = {
      account: n % 2 ? account : sub,
      called: '2125550123',
      callId: `c-${n}`,
      now,
    };
    const answer = await authorize(question).catch((error: Error) => error.message);
    return typeof answer === 'string' ? answer : answer.maxSeconds;
  };
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => ask(n)));
  // A cent buys ten seconds. The first call gets all of them.
  const granted = answers.flatMap((answer, n) => (answer === 10 ? [n] : []));
  assert.equal(granted.length, 1);
  assert.equal(answers.filter((answer) => answer === 'The daily limit is reached').length, 99);
  const [balance] = await db.query<{ held: string }>(
    'SELECT trim_scale(held)::text AS held FROM balance WHERE account = $1',
    [account],
  );
  assert.deepEqual(balance, { held: '0.01' });
  assert.deepEqual(await mailsOf(account), {
    'daily limit 100': 1,
    'daily limit of a customer 100': administrators,
  });
  const n = granted[0] as number;
  const call = { account: n % 2 ? account : sub, callId: `c-${n}`, talkMicroseconds: 10_000_000 };
  await storeCalls(db, 'pbx1', [reportedCall({ ...call, startedAt: now })], now);
  assert.deepEqual(await spentOf(account), ['2026-11-25', '5', 100]);
  assert.equal(await ask(100), 'The daily limit is reached');
  const tomorrow = new Date('2026-11-26T00:00:00Z');
  const next = await authorize({ account, called: '2125550123', callId: 'x', now: tomorrow });
  assert.equal(next.maxSeconds, 600);
});

test('a rate above the limit is refused, and a call at such a rate is billed', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { cash: '100', rate: '0.50' });
  const sub = await addCustomer(api, { master: account, rate: '0.40' });
  const answer = (of: number) =>
    authorize({ account: of, called: '2125550123', callId: `r-${of}`, now: clock() }).then(
      ({ rate }) => Number(rate),
      (error: Error) => error.message,
    );
  await set(account, { maxRate: '0.50' });
  assert.deepEqual([await answer(account), await answer(sub)], [0.5, 0.4]);
  await set(account, { maxRate: '0.39' });
  const refused = 'The rate is above the limit';
  assert.deepEqual([await answer(account), await answer(sub)], [refused, refused]);
  await set(account, { maxRate: null });
  await set(sub, { maxRate: '0.1' });
  assert.deepEqual([await answer(account), await answer(sub)], [0.5, refused]);
  const call = reportedCall({ account: sub, talkMicroseconds: 60_000_000 });
  await storeCalls(db, 'pbx1', [call], clock());
  const [stored] = await db.query('SELECT amount::text FROM call WHERE account = $1', [sub]);
  assert.deepEqual(stored, { amount: '0.400000' });
});

test('free calls go on at the limit', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { cash: '100', rate: '0' });
  await set(account, { dayLimit: '0' });
  const { maxSeconds } = await authorize({
    ...{ account, called: '2125550123', callId: 'free', now: clock() },
  });
  assert.equal(maxSeconds, 600);
  await db.query('UPDATE account SET rate = 0.000001 WHERE username = $1', [account]);
  const paid = authorize({ account, called: '2125550123', callId: 'paid', now: clock() });
  await assert.rejects(paid, { message: 'The daily limit is reached' });
});

test('new accounts have their limits for 30 days, unless an operator sets others', async () => {
  const { db, keyring } = api.service;
  const now = new Date('2026-01-01T00:00:00Z');
  const add = (username: number, masterAccount = username) =>
    addAccount(db, TESTER, keyring, {
      ...{ name: 'New', email: `new-${username}@example.com`, username, masterAccount },
      ...{ role: 'customer', rate: '0.01', sipRealm: 'localhost', now },
      limits: { dayLimit: '20', maxRate: '0.30' },
    });
  await add(5_000_000_001);
  await add(5_000_000_002);
  await add(5_000_000_003, 5_000_000_001);
  await set(5_000_000_002, { dayLimit: '40' });
  const limits = async () => {
    const rows = [5_000_000_001, 5_000_000_002, 5_000_000_003].map(async (username) => {
      const { dayLimit, maxRate } = await describeAccount(db, username);
      return [dayLimit, maxRate];
    });
    return Promise.all(rows);
  };
  const first = [
    ['20.000000', '0.300000'],
    ['40.000000', '0.300000'],
    ['20.000000', '0.300000'],
  ];
  assert.deepEqual(await limits(), first);
  await endNewLimits(db, new Date('2026-01-30T23:59:59Z'));
  assert.deepEqual(await limits(), first);
  await endNewLimits(db, new Date('2026-01-31T00:00:00Z'));
  assert.deepEqual(await limits(), [
    [null, null],
    ['40.000000', null],
    [null, null],
  ]);
  const audited = await db.query(
    `SELECT account, detail FROM audit_entry WHERE actor = 'service' ORDER BY account, id`,
  );
  assert.deepEqual(audited, [
    { account: 5_000_000_001, detail: { dayLimit: { before: '20.000000', after: null } } },
    { account: 5_000_000_001, detail: { maxRate: { before: '0.300000', after: null } } },
    { account: 5_000_000_002, detail: { maxRate: { before: '0.300000', after: null } } },
    { account: 5_000_000_003, detail: { maxRate: { before: '0.300000', after: null } } },
  ]);
});

test('administrators are told of an hour that costs a lot, and five times the usual one', async () => {
  const { db, queue } = api.service;
  const steady = await addCustomer(api, { cash: '10000' });
  const fresh = await addCustomer(api, { cash: '10000' });
  const hour = (day: number, time: string) => new Date(`2026-11-${day}T${time}:00Z`);
  for (let day = 10; day < 20; day++) await spend(steady, '10', hour(day, '09:20'));
  const run = (at: Date) => tellOfUnusualHours(db, queue, '20', at);
  const told = async (account: number) => {
    const rows = await db.query<{ hour: string; spent: string; usual: string; count: number }>(
      `SELECT m->>'hour' AS hour, m->>'spent' AS spent, m->>'usual' AS usual, count(*) AS count
       FROM pgboss.job, LATERAL (SELECT data->'message' AS m) AS message
       WHERE name = $1 AND m->>'username' = $2 AND m->>'kind' = 'unusual hour'
       GROUP BY 1, 2, 3 ORDER BY 1`,
      [MAIL_QUEUE, String(account)],
    );
    return rows.map(({ hour, spent, usual, count }) => [
      ...[hour.slice(8, 13), Number(spent), Number(usual)],
      count / administrators,
    ]);
  };
  await spend(fresh, '19.99', hour(25, '10:10'));
  await spend(steady, '49.99', hour(25, '10:10'));
  await run(hour(25, '10:15'));
  assert.deepEqual([await told(fresh), await told(steady)], [[], []]);
  await spend(fresh, '0.01', hour(25, '10:58'));
  await spend(steady, '0.01', hour(25, '10:58'));
  await run(hour(25, '11:00'));
  await run(hour(25, '11:05'));
  const first = [['25T10', 20, 0, 1]];
  assert.deepEqual([await told(fresh), await told(steady)], [first, [['25T10', 50, 10, 1]]]);
  await spend(fresh, '30', hour(25, '12:01'));
  await run(hour(25, '12:05'));
  assert.deepEqual(await told(fresh), first);
  await spend(fresh, '130', hour(26, '11:01'));
  await run(hour(26, '11:05'));
  assert.deepEqual(await told(fresh), [...first, ['26T11', 130, 25, 1]]);
});
