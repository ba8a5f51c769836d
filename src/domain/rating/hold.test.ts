import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer, moneyOf, post, reportedCall } from '../../../test/support/calls.ts';
import { watchDelays } from '../../../test/support/delays.ts';
import { sharedService } from '../../../test/support/service.ts';
import { reconcile } from '../books/proof.ts';
import { storeCalls } from '../calls/call.ts';
import { type AuthorizeCall, gatherAuthorizations } from './authorization.ts';
import { grant } from './grant.ts';
import { expireHolds } from './hold.ts';

let authorize: AuthorizeCall;
const api = sharedService({}, async () => {
  authorize = gatherAuthorizations(api.service.db, {
    holdSeconds: 600,
    verifiedOnly: false,
    freeCalls: true,
  });
});

const NOW = new Date('2026-03-01T12:00:00Z');
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);

/** Asks some seconds after NOW. @returns how long the call may last, or why not */
async function ask(account: number, callId: string, second = 0, called = '2125550123') {
  try {
    return (await authorize({ account, called, callId, now: at(second) })).maxSeconds;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The holds some seconds after NOW: call ids and amounts. */
async function holdsOf(account: number, second = 0): Promise<Record<string, string>> {
  const rows = await api.service.db.query<{ call_id: string; amount: string }>(
    `SELECT call_id, amount::text FROM hold
     WHERE billing_account = $1 AND expires_at > $2 ORDER BY call_id`,
    [account, at(second)],
  );
  return Object.fromEntries(rows.map(({ call_id, amount }) => [call_id, amount]));
}

const endOf = (account: number, callId: string, talkSeconds: number) =>
  storeCalls(
    api.service.db,
    'pbx1',
    [reportedCall({ account, callId, talkMicroseconds: talkSeconds * 1_000_000 })],
    NOW,
  );

test('only with HOLDS_ON_DISK=false a hold is answered before it is on the disk', async () => {
  const account = await addCustomer(api, { rate: '1', cash: '10' });
  const asked: (string | undefined)[] = [];
  const watched = new Proxy(api.service.db, {
    get: (target, name) => {
      if (name !== 'exchange') return Reflect.get(target, name, target);
      return (...[options, work]: Parameters<typeof target.exchange>) => {
        asked.push(options.settings.synchronous_commit);
        return target.exchange(options, work);
      };
    },
  });
  const options = { holdSeconds: 60, verifiedOnly: false, freeCalls: true };
  for (const [n, holdsOnDisk] of [undefined, true, false].entries()) {
    const authorize = gatherAuthorizations(watched, {
      ...options,
      ...(holdsOnDisk === undefined ? {} : { holdsOnDisk }),
    });
    await authorize({ account, called: '2125550123', callId: `disk-${n}`, now: NOW });
  }
  assert.deepEqual(asked, [undefined, undefined, 'off']);
  assert.deepEqual(Object.keys(await holdsOf(account)), ['disk-0', 'disk-1', 'disk-2']);
});

test('a call is granted whole increments that the balance reaches for', () => {
  const table = [
    // rate, minimum, increment, spendable, held, elapsed, seconds granted, money held in
    // millionths
    ['0.006', 6, 6, '1', '0', 0, 600, 60_000n],
    ['0.006', 6, 6, '0.06', '0', 0, 600, 60_000n],
    ['0.006', 6, 6, '0.059999', '0', 0, 594, 59_400n],
    ['0.006', 6, 6, '0.0006', '0', 0, 6, 600n],
    ['0.006', 6, 6, '0.000599', '0', 0, undefined, 0n],
    ['0.006', 6, 6, '0', '0', 0, undefined, 0n],
    ['0.006', 6, 6, '-1', '0', 0, undefined, 0n],
    ['0.006', 6, 6, '0.1', '0.05', 0, 498, 49_800n],
    ['0.006', 6, 6, '0.1', '0.1', 0, undefined, 0n],
    ['0.006', 6, 6, '0.05', '0.1', 0, undefined, 0n],
    // minimum 30 seconds, increment 7: 28 seconds of talk are billed as 30
    ['0.06', 30, 7, '0.030', '0', 0, 28, 30_000n],
    ['0.06', 30, 7, '0.0299', '0', 0, undefined, 0n],
    ['0.06', 30, 7, '0.0349', '0', 0, 28, 30_000n],
    ['0.06', 30, 7, '0.035', '0', 0, 35, 35_000n],
    ['0.06', 0, 60, '0.0599', '0', 0, undefined, 0n],
    // 600 seconds of talk are billed as 602
    ['0.06', 0, 7, '0.602', '0', 0, 600, 602_000n],
    ['0.06', 0, 7, '0.601', '0', 0, 595, 595_000n],
    ['0.06', 900, 60, '1', '0', 0, 600, 900_000n],
    // extended: the elapsed time is held too
    ['0.006', 6, 6, '1', '0', 590, 600, 119_400n],
    ['0.006', 6, 6, '0.0606', '0', 590, 16, 60_600n],
    ['0.006', 6, 6, '0.059', '0', 590, undefined, 0n],
    // free, without an end, and rounded half up
    ['0', 6, 6, '-5', '0', 0, 600, 0n],
    ['1', 60, 60, null, '0', 0, 600, 10_000_000n],
    ['0.000001', 1, 1, null, '0', 30, 600, 11n],
  ] as const;
  for (const [rate, minimumSeconds, incrementSeconds, spendable, held, elapsed, ...row] of table) {
    const fees = { connectFee: '0', minimumCharge: '0' };
    const terms = { rate, minimumSeconds, incrementSeconds, spendable, ...fees };
    const [maxSeconds, amountMicros] = row;
    assert.deepEqual(
      grant(terms, BigInt(Math.round(Number(held) * 1e6)), elapsed, 600),
      maxSeconds === undefined ? undefined : { maxSeconds, amountMicros },
      JSON.stringify(terms),
    );
  }
});

test('a connection fee and the least charge are held, and left out of what seconds are for', () => {
  const terms = { rate: '0.06', minimumSeconds: 1, incrementSeconds: 1 };
  for (const [spendable, connectFee, minimumCharge, maxSeconds, amountMicros] of [
    ['10', '0.1', '0', 600, 700_000n],
    ['0.11', '0.1', '0', 10, 110_000n],
    ['0.1', '0.1', '0', undefined, 0n],
    ['0.05', '0', '0.05', 50, 50_000n],
    ['0.049999', '0', '0.05', undefined, 0n],
    ['0.105', '0.1', '0.104', 5, 105_000n],
    ['0.103', '0.1', '0.104', undefined, 0n],
    ['10', '0.1', '5', 600, 5_000_000n],
    [null, '0.1', '5', 600, 5_000_000n],
  ] as const) {
    const granted = grant({ ...terms, spendable, connectFee, minimumCharge }, 0n, 0, 600);
    const expected = maxSeconds === undefined ? undefined : { maxSeconds, amountMicros };
    assert.deepEqual(granted, expected, `${spendable} ${connectFee} ${minimumCharge}`);
  }
  const flat = { ...terms, rate: '0', connectFee: '0.1', minimumCharge: '0' };
  const whole = { maxSeconds: 600, amountMicros: 100_000n };
  assert.deepEqual(grant({ ...flat, spendable: '0.1' }, 0n, 0, 600), whole);
  assert.equal(grant({ ...flat, spendable: '0.1' }, 1n, 0, 600), undefined);
});

test('a hundred calls at once hold no more than the balance', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '2.5' });
  const other = await addCustomer(api, { rate: '0.06', master: account });
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => ask(n % 2 ? account : other, `call-${n}`)),
  );
  const granted = answers.filter((answer) => typeof answer === 'number');
  assert.deepEqual(granted.sort(), [600, 600, 600, 600, 96]);
});

test('the same call id extends its hold and holds nothing twice', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '1.5' });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(account, 'one')));
  assert.deepEqual(answers, Array(10).fill(600));
  assert.deepEqual(await holdsOf(account), { one: '0.600000' });
  assert.equal(await ask(account, 'one', 500), 600);
  assert.deepEqual(await holdsOf(account, 500), { one: '1.104000' });
  assert.equal(await ask(account, 'one', 1_000), 500);
  assert.equal(await ask(account, 'one', 1_490), 10);
  assert.equal(await ask(account, 'one', 1_500), 'Insufficient balance');
  assert.deepEqual(await holdsOf(account, 1_500), { one: '1.500000' });
  const colleague = await addCustomer(api, { rate: '0.06', master: account });
  assert.equal(await ask(colleague, 'one', 10), 'The call id belongs to another call');
});

test('an extension never reaches past what the balance pays for, by no part of a second', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.015' });
  assert.equal(await ask(account, 'one'), 12);
  // 1.497 s of talk and 11 s more would be billed as 18 s, 0.018.
  assert.equal(await ask(account, 'one', 1.497), 10);
  assert.equal(await ask(account, 'one', 2), 10);
  assert.equal(await ask(account, 'one', 2.001), 9);
});

test('a call that is transferred is allowed or refused anew, and holds anew', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '1' });
  await db.query(
    "INSERT INTO price_list (name, created_at, changed_at) VALUES ('transfers', now(), now())",
  );
  await db.query(
    `INSERT INTO price (list, prefix, rate, minimum_seconds, increment_seconds)
     VALUES ('transfers', '44', 0.6, 60, 60)`,
  );
  await db.query("UPDATE account SET price_list = 'transfers' WHERE username = $1", [account]);
  assert.equal(await ask(account, 'one'), 600);
  // 96 s at 0.06 cost 0.096; the rest is enough for a minute at 0.6.
  assert.equal(await ask(account, 'one', 90.5, '442055501234'), 60);
  assert.deepEqual(await holdsOf(account, 91), { one: '0.696000' });
  // After an extension the time counts from the transfer.
  assert.equal(await ask(account, 'one', 110.5, '442055501234'), 40);
  assert.equal(await ask(account, 'other', 111), 300);
  // If an extension is refused, the earlier grant stays valid.
  assert.equal(await ask(account, 'one', 120, '2125550123'), 'Insufficient balance');
  assert.deepEqual(await holdsOf(account, 120), { one: '0.696000', other: '0.300000' });
  await endOf(account, 'one', 100);
  assert.deepEqual(await holdsOf(account, 120), { other: '0.300000' });
});

test('a call that goes on holds at the price with which it began, which its record has', async () => {
  const { db } = api.service;
  await db.query(
    "INSERT INTO price_list (name, created_at, changed_at) VALUES ('cheaper', now(), now())",
  );
  await db.query(
    `INSERT INTO price (list, prefix, rate, valid_from, valid_until)
     VALUES ('cheaper', '44', 0.6, '-infinity', $1), ('cheaper', '44', 0.06, $1, 'infinity')`,
    [at(60)],
  );
  const account = await addCustomer(api, { rate: '9', increment: 1, cash: '7' });
  await db.query("UPDATE account SET price_list = 'cheaper' WHERE username = $1", [account]);
  const called = '442055501234';
  assert.equal(await ask(account, 'one', 0, called), 600);
  assert.equal(await ask(account, 'one', 300, called), 400);
  assert.deepEqual(await holdsOf(account, 300), { one: '7.000000' });
  const talk = { talkMicroseconds: 700_000_000, startedAt: NOW };
  const record = reportedCall({ account, callId: 'one', called, ...talk });
  await storeCalls(db, 'pbx1', [record], at(700));
  assert.equal((await moneyOf(db, account))?.cash, '0.000000');
  await post(db, account, '7', at(700));
  assert.equal(await ask(account, 'two', 700, called), 600);
  assert.deepEqual(await holdsOf(account, 700), { two: '0.600000' });
});

test("a call's record settles its hold, also unanswered, and a repeated one no other", async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '1' });
  assert.equal(await ask(account, 'first'), 600);
  assert.equal(await ask(account, 'second'), 396);
  assert.equal(await ask(account, 'third'), 'Insufficient balance');
  const record = reportedCall({ account, callId: 'first', talkMicroseconds: 30_000_000 });
  await storeCalls(db, 'pbx1', [record], NOW);
  assert.deepEqual(await holdsOf(account), { second: '0.396000' });
  assert.equal((await moneyOf(db, account))?.cash, '0.970000');
  assert.equal(await ask(account, 'third'), 570);
  await endOf(account, 'second', 0);
  assert.deepEqual(await holdsOf(account), { third: '0.570000' });

  assert.equal(await ask(account, 'first', 60), 396);
  await storeCalls(db, 'pbx1', [record], NOW);
  assert.deepEqual(Object.keys(await holdsOf(account)), ['first', 'third']);
  await endOf(await addCustomer(api), 'first', 5);
  assert.deepEqual(Object.keys(await holdsOf(account)), ['first', 'third']);
});

test('records of many calls settle their holds', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '2' });
  for (const callId of ['many-7', 'many-99', 'other'])
    assert.equal(await ask(account, callId), 600);
  const records = Array.from({ length: 200 }, (_, n) =>
    reportedCall({ account, callId: `many-${n}`, talkMicroseconds: 1_000_000 }),
  );
  await storeCalls(db, 'pbx1', records, NOW);
  assert.deepEqual(await holdsOf(account), { other: '0.600000' });
  assert.deepEqual((await reconcile(db)).imbalances, []);
});

test('a hold whose record never comes expires by itself', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.6' });
  assert.equal(await ask(account, 'lost'), 600);
  assert.equal(await ask(account, 'next', 899), 'Insufficient balance');
  assert.equal(await ask(account, 'next', 900), 600);
  // A question after the expiry begins a new call.
  assert.equal(await ask(account, 'next', 5_000), 600);
  assert.deepEqual(await holdsOf(account, 5_000), { next: '0.600000' });
  await expireHolds(api.service.db, at(5_900));
  const left = await api.service.db.query('SELECT 1 FROM hold WHERE billing_account = $1', [
    account,
  ]);
  assert.equal(left.length, 0);
});

test('calls at once are capped for each account by itself', async () => {
  const { db } = api.service;
  const master = await addCustomer(api, { cash: '100', rate: '0' });
  const sub = await addCustomer(api, { master, rate: '0' });
  await db.query('UPDATE account SET max_calls = 2 WHERE username = $1', [sub]);
  const answers = await Promise.all(Array.from({ length: 6 }, (_, n) => ask(sub, `sub-${n}`)));
  assert.deepEqual(answers.filter((answer) => answer === 600).length, 2);
  assert.deepEqual(answers.filter((answer) => answer === 'Too many calls at once').length, 4);
  const [open = ''] = Object.keys(await holdsOf(master));
  assert.equal(await ask(sub, open, 30), 600);
  assert.equal(await ask(master, 'own'), 600);
  await endOf(sub, open, 10);
  assert.equal(await ask(sub, 'another'), 600);
  await db.query('UPDATE account SET max_calls = 0 WHERE username = $1', [sub]);
  assert.equal(await ask(sub, 'none'), 'Too many calls at once');
});

test('a postpaid account may spend its credit limit, or without one any amount', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '0.1' });
  await db.query("UPDATE balance SET billing = 'postpaid', credit_limit = 0.5 WHERE account = $1", [
    account,
  ]);
  assert.equal(await ask(account, 'one'), 600);
  assert.equal(await ask(account, 'two'), 'Insufficient balance');
  await db.query('UPDATE balance SET credit_limit = NULL WHERE account = $1', [account]);
  assert.equal(await ask(account, 'two'), 600);
  await post(db, account, '-500');
  assert.equal(await ask(account, 'three'), 600);
});

test('holds and records of the same calls at once leave nothing held and nothing lost', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '100' });
  const ids = Array.from({ length: 20 }, (_, n) => `call-${n}`);
  await Promise.all(ids.map((id) => ask(account, id)));
  await Promise.all(ids.flatMap((id) => [ask(account, id, 60), endOf(account, id, 60)]));
  await Promise.all(Object.keys(await holdsOf(account, 60)).map((id) => endOf(account, id, 0)));
  assert.deepEqual(await holdsOf(account, 60), {});
  assert.equal((await moneyOf(api.service.db, account))?.cash, '98.800000');
});

test('an account that stays locked holds up its own questions alone', async () => {
  const locked = await addCustomer(api, { cash: '5' });
  const free = await addCustomer(api, { cash: '5' });
  const answered: (number | string)[] = [];
  const waiting: Promise<number>[] = [];
  await api.service.db.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM balance WHERE account = $1 FOR UPDATE', [locked]);
    const note = async (answer: Promise<number | string>) => answered.push(await answer);
    waiting.push(note(ask(locked, 'a')), note(ask(locked, 'b')));
    // First all share one gathering; later the locked account has its own lane.
    assert.equal(await ask(free, 'a'), 600);
    const busyMs = watchDelays();
    const began = performance.now();
    for (let n = 0; n < 5; n++) assert.equal(await ask(free, `later ${n}`), 600);
    waiting.push(note(ask(locked, 'c')));
    assert.ok(performance.now() - began < 1_500 + busyMs(), 'the others wait for nobody');
    assert.deepEqual(answered, []);
  });
  await Promise.all(waiting);
  assert.deepEqual(answered, [600, 600, 600]);
});

test('what expired holds held is given back by the job, and where a balance is short', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '1' });
  await db.query('UPDATE account SET max_calls = 2 WHERE username = $1', [account]);
  assert.equal(await ask(account, 'a', -3_000), 600);
  assert.equal(await ask(account, 'b', -3_000), 396);
  const sums = async () =>
    (
      await db.query(
        `SELECT held::text, calls FROM balance b
           JOIN calls_in_progress c ON c.account = b.account WHERE b.account = $1`,
        [account],
      )
    )[0];
  assert.deepEqual(await sums(), { held: '0.996000', calls: 2 });
  assert.equal(await ask(account, 'c'), 600);
  assert.deepEqual(await sums(), { held: '0.600000', calls: 1 });
  await expireHolds(db, at(900));
  assert.deepEqual(await sums(), { held: '0.000000', calls: 0 });
  assert.deepEqual((await reconcile(db)).imbalances, []);
});
