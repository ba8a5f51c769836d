import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addCustomer,
  changeSettings,
  countsOf,
  moneyOf,
  reportedCall,
} from '../../../test/support/calls.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { searchAudit } from '../audit.ts';
import { addNumber } from '../billing/recurring-charge.ts';
import { storeCalls } from '../calls/call.ts';
import { explainCall } from '../calls/call-explanation.ts';
import { plainNumber } from '../phone-number.ts';
import { gatherAuthorizations } from './authorization.ts';
import { blockPrefixes, listBlocked, unblockPrefixes } from './blocked-prefix.ts';
import { readPriceFile } from './price-csv.ts';
import { importPrices } from './price-import.ts';
import { listPriceLists, listPrices, removePriceList } from './price-list.ts';

const api = sharedService();

const load = async (
  list: string,
  csv: string,
  options: { replace?: boolean; dryRun?: boolean } = {},
) => {
  const { db, clock } = api.service;
  const { prices } = await readPriceFile(csv);
  return importPrices(db, TESTER, list, prices, {
    now: clock(),
    replace: false,
    dryRun: false,
    ...options,
  });
};

const use = (account: number, priceList: string | null) =>
  changeSettings(api, account, { priceList });

const explain = (account: number, called: string) => {
  const call = { account, called, dialled: undefined, isEmergency: false, seconds: 40 };
  return explainCall(api.service.db, { ...call, startsAt: api.service.clock() });
};

/** Rate, billed seconds and amount of a call of 40 seconds. */
async function bill(account: number | undefined, dialled: string) {
  const { db, clock } = api.service;
  const call = reportedCall({ account, called: plainNumber(dialled) });
  assert.equal(countsOf(await storeCalls(db, 'x', [call], clock())).stored, 1);
  const [row] = await db.query<{ rate: string; seconds: number; amount: string }>(
    `SELECT trim_scale(rate)::text AS rate, billed_seconds AS seconds, amount::text
     FROM call WHERE id = $1`,
    [call.id],
  );
  return [row?.rate, row?.seconds, row?.amount];
}

test('the longest prefix decides, in whichever form the number was dialled', async () => {
  await load(
    'wholesale',
    'prefix,rate,name,minimum,increment\n1,0.006\n1212,0.009,New York,1,1\n1900,2,,60,60\n' +
      '44,0.01\n447,0.03\n4470,0.5\n442,0.008,,30,6\n0,7\n123456789012345,0.9',
  );
  const account = await addCustomer(api, { rate: '0.025' });
  await use(account, 'wholesale');
  for (const [called, rate, seconds, amount] of [
    ['3105550123', '0.006', 42, '0.004200'],
    ['2125550123', '0.009', 40, '0.006000'],
    ['9005550123', '2', 60, '2.000000'],
    ['+442055501234', '0.008', 42, '0.005600'],
    ['+447055501234', '0.5', 42, '0.350000'],
    ['00447755501234', '0.03', 42, '0.021000'],
    ['011447755501234', '0.03', 42, '0.021000'],
    ['441555501234', '0.01', 42, '0.007000'],
    ['+44 15-55.50(1)234', '0.01', 42, '0.007000'],
    ['02055501234', '7', 42, '4.900000'],
    ['12345678901234567', '0.9', 42, '0.630000'],
    ['12345678901234', '0.006', 42, '0.004200'],
    // no matching prefix: the account's own rate
    ['+35315550123', '0.025', 42, '0.017500'],
    ['*98', '0.025', 42, '0.017500'],
    ['', '0.025', 42, '0.017500'],
    ['sip:44@example.com', '0.01', 42, '0.007000'],
    ['sip:%34%347055501234@192.0.2.1;user=phone', '0.5', 42, '0.350000'],
    // a text that is no number is compared as it is
    ['44205550123x', '0.008', 42, '0.005600'],
    ['%252B442055501234', '0.025', 42, '0.017500'],
  ] as const) {
    assert.deepEqual(await bill(account, called), [rate, seconds, amount], called);
    const rating = await explain(account, plainNumber(called));
    assert.equal(Number(rating.rate), Number(rate), called);
  }
  assert.deepEqual(await explain(account, '2125550123'), {
    country: null,
    number: '2125550123',
    emergency: false,
    blocked: [],
    owner: null,
    incoming: false,
    list: 'wholesale',
    candidates: ['1', '1212'],
    price: { prefix: '1212', name: 'New York', validFrom: null, validUntil: null },
    rate: '0.009000',
    maxRate: null,
    minimumSeconds: 1,
    incrementSeconds: 1,
    connectFee: '0.000000',
    minimumCharge: '0.000000',
    billedSeconds: 40,
    fee: '0.000000',
    amount: '0.006000',
  });
});

test('the list called default counts for accounts without one, an empty list for none', async () => {
  const account = await addCustomer(api, { rate: '0.025' });
  assert.deepEqual(await bill(account, '2125550123'), ['0.025', 42, '0.017500']);
  await load('default', 'prefix,rate\n1,0.1');
  try {
    assert.deepEqual(await bill(account, '2125550123'), ['0.1', 42, '0.070000']);
    await load('own-rates', 'prefix,rate\n');
    await use(account, 'own-rates');
    assert.deepEqual(await bill(account, '2125550123'), ['0.025', 42, '0.017500']);
    await use(account, null);
    assert.deepEqual(await bill(account, '2125550123'), ['0.1', 42, '0.070000']);
  } finally {
    await removePriceList(api.service.db, TESTER, 'default', new Date());
  }
  assert.deepEqual(await bill(account, '2125550123'), ['0.025', 42, '0.017500']);
});

test('calls that come in to a number of the account are no destination', async () => {
  const { db, clock } = api.service;
  await load('out', 'prefix,rate\n1,0.5');
  const account = await addCustomer(api, { rate: '0.025' });
  const other = await addCustomer(api, { rate: '0.025' });
  await use(account, 'out');
  await use(other, 'out');
  const called = '8005550177';
  await addNumber(db, TESTER, { account, number: called, monthly: '1' }, clock());
  assert.deepEqual(await bill(undefined, called), ['0.025', 42, '0.017500']);
  assert.deepEqual(await bill(account, called), ['0.025', 42, '0.017500']);
  assert.deepEqual(await bill(other, called), ['0.5', 42, '0.350000']);
});

test('one batch rates accounts of several lists and of none', async () => {
  const { db, clock } = api.service;
  await load('cheap', 'prefix,rate\n1,0.06');
  await load('dear', 'prefix,rate\n1,0.6');
  const accounts = [await addCustomer(api), await addCustomer(api), await addCustomer(api)];
  const [cheap = 0, dear = 0] = accounts;
  await use(cheap, 'cheap');
  await use(dear, 'dear');
  const calls = Array.from({ length: 90 }, (_, n) => reportedCall({ account: accounts[n % 3] }));
  await storeCalls(db, 'x', calls, clock());
  const cash = await Promise.all(accounts.map((account) => moneyOf(db, account)));
  assert.deepEqual(
    cash.map((money) => money?.cash),
    ['-1.260000', '-12.600000', '-0.525000'],
  );
});

test('a call is authorized by the price of its destination', async () => {
  const { db, clock } = api.service;
  await load('authorized', 'prefix,rate,minimum,increment\n44,1,60,60\n1,0,,');
  const account = await addCustomer(api, { cash: '3.5', rate: '100' });
  await use(account, 'authorized');
  const authorize = gatherAuthorizations(db, {
    holdSeconds: 600,
    verifiedOnly: false,
    freeCalls: true,
  });
  const ask = (called: string) => authorize({ account, called, callId: called, now: clock() });
  assert.deepEqual(await ask('+442055501234'), { maxSeconds: 180, rate: '1.000000' });
  assert.deepEqual(await ask('2125550123'), { maxSeconds: 600, rate: '0.000000' });
  await assert.rejects(ask('+35315550123'), { message: 'Insufficient balance' });
});

test('free destinations go on while the balance is used up, where the operator lets them', async () => {
  const { db, clock } = api.service;
  await load('free', 'prefix,rate,connect fee\n1800,0,\n1888,0,0.01\n1,1,');
  const account = await addCustomer(api, { cash: '-1', rate: '0' });
  const own = await addCustomer(api, { cash: '-1', rate: '0' });
  await use(account, 'free');
  await db.query('UPDATE balance SET suspended = true WHERE account = ANY ($1)', [[account, own]]);
  const ask = (who: number, called: string, freeCalls: boolean) =>
    gatherAuthorizations(db, { holdSeconds: 600, verifiedOnly: false, freeCalls })({
      ...{ account: who, called, callId: called, now: clock() },
    });
  assert.deepEqual(await ask(account, '8005550123', true), { maxSeconds: 600, rate: '0.000000' });
  const held = await db.query('SELECT amount::text FROM hold WHERE account = $1', [account]);
  assert.deepEqual(held, [{ amount: '0.000000' }]);
  const suspended = { message: 'Calls are suspended, the balance is used up' };
  await assert.rejects(ask(account, '8005550123', false), suspended);
  await assert.rejects(ask(account, '8885550123', true), suspended);
  await assert.rejects(ask(account, '2125550123', true), suspended);
  // An own rate of 0 is no price of a destination.
  await assert.rejects(ask(own, '8005550123', true), suspended);
  await blockPrefixes(
    db,
    TESTER,
    { prefixes: ['1800'], account, reason: '', emergencyNumbers: new Set() },
    clock(),
  );
  await assert.rejects(ask(account, '8005550123', true), {
    message: 'The destination is blocked',
  });
  await unblockPrefixes(db, TESTER, { prefixes: ['1800'], account }, clock());
});

test('an import adds, changes and, where asked, removes; a dry run only counts', async () => {
  const { db } = api.service;
  const first = 'prefix,rate,name\n1,0.006,USA\n44,0.01,UK\n49,0.02,Germany';
  const none = { added: 0, changed: 0, unchanged: 0, removed: 0, raisedSoon: 0 };
  assert.deepEqual(await load('steps', first, { dryRun: true }), { ...none, added: 3 });
  await assert.rejects(listPrices(db, 'steps', { limit: 9, at: new Date() }), {
    code: 'not found',
  });
  assert.deepEqual(await load('steps', first), { ...none, added: 3 });
  assert.deepEqual(await load('steps', first), { ...none, unchanged: 3 });

  const second = 'prefix,rate,name\n1,0.0060,USA\n44,0.011,UK\n33,0.03,France';
  const counts = { ...none, added: 1, changed: 1, unchanged: 1 };
  assert.deepEqual(await load('steps', second), counts);
  const prefixes = async () =>
    (await listPrices(db, 'steps', { limit: 9, at: new Date() })).map((p) => p.prefix);
  assert.deepEqual(await prefixes(), ['1', '33', '44', '49']);
  const replacement = 'prefix,rate,name\n1,0.006,USA\n447,0.04,UK mobile';
  const replaced = { ...none, added: 1, unchanged: 1, removed: 3 };
  assert.deepEqual(await load('steps', replacement, { replace: true, dryRun: true }), replaced);
  assert.deepEqual(await prefixes(), ['1', '33', '44', '49']);
  assert.deepEqual(await load('steps', replacement, { replace: true }), replaced);
  assert.deepEqual(await prefixes(), ['1', '447']);
  const [entry] = await searchAudit(db, {}, { limit: 1 });
  assert.deepEqual(
    [entry?.action, entry?.detail],
    ['price list imported', { list: 'steps', replace: true, ...replaced }],
  );
  const page = await listPrices(db, 'steps', {
    prefix: '44',
    after: '4',
    limit: 1,
    at: new Date(),
  });
  assert.deepEqual(
    page.map(({ prefix, name }) => [prefix, name]),
    [['447', 'UK mobile']],
  );
});

test('a file without a price does not empty a list', async () => {
  await load('full', 'prefix,rate\n1,0.006');
  for (const dryRun of [false, true]) {
    await assert.rejects(load('full', 'prefix,rate\n', { replace: true, dryRun }), {
      code: 'malformed',
      message: 'there is no price to replace the list with',
    });
  }
  const kept = await listPrices(api.service.db, 'full', { limit: 9, at: new Date() });
  assert.deepEqual(
    kept.map(({ prefix }) => prefix),
    ['1'],
  );
});

test('imports into one list at once follow each other', async () => {
  const csv = (from: number) =>
    `prefix,rate\n${Array.from({ length: 3_000 }, (_, n) => `${from + n},0.01`).join('\n')}`;
  const done: number[] = [];
  await Promise.all([
    load('busy', csv(10_000), { replace: true }),
    load('busy', csv(20_000), { replace: true }),
    importPrices(api.service.db, TESTER, 'busy', (await readPriceFile(csv(30_000))).prices, {
      now: new Date(),
      replace: true,
      dryRun: false,
      onProgress: (count) => done.push(count),
    }),
  ]);
  const list = (await listPriceLists(api.service.db)).find(({ name }) => name === 'busy');
  assert.equal(list?.prices, 3_000);
  assert.deepEqual(done, [2_000, 3_000]);
});

test('a list that accounts have is not removed', async () => {
  const { db, clock } = api.service;
  await load('kept', 'prefix,rate\n1,1');
  const account = await addCustomer(api);
  await use(account, 'kept');
  await assert.rejects(removePriceList(db, TESTER, 'kept', clock()), {
    code: 'conflict',
    message: 'accounts have the price list kept; give them another first',
  });
  await use(account, null);
  await removePriceList(db, TESTER, 'kept', clock());
  await assert.rejects(removePriceList(db, TESTER, 'kept', clock()), { code: 'not found' });
  await assert.rejects(use(account, 'kept'), {
    code: 'not found',
    message: 'there is no such price list',
  });
});

test('prefixes are blocked and released for everyone or for an account', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api);
  const block = (prefixes: string[], whom: number | null) =>
    blockPrefixes(
      db,
      TESTER,
      { prefixes, account: whom, reason: 'fraud', emergencyNumbers: new Set(['911']) },
      clock(),
    );
  const release = (prefixes: string[], whom: number | null) =>
    unblockPrefixes(db, TESTER, { prefixes, account: whom }, clock());
  assert.deepEqual(await block(['53', '1900', '53'], null), ['1900', '53']);
  assert.deepEqual(await block(['53', '1900', '7'], account), ['1900', '53', '7']);
  assert.deepEqual(await block(['53', '99'], null), ['99']);
  await assert.rejects(block(['1'], 9_999_999_999), { code: 'not found' });
  await assert.rejects(block(['44', '911'], null), {
    code: 'conflict',
    message: '911 is an emergency number, which nothing may block',
  });
  assert.equal((await explain(account, '+79995550123')).blocked.length, 1);
  await assert.rejects(release(['53', '7'], null), { message: '7 is not blocked for everyone' });
  await release(['53', '1900', '99'], null);
  assert.deepEqual(
    (await listBlocked(db, account)).map((row) => [row.prefix, row.account, row.reason]),
    [
      ['1900', account, 'fraud'],
      ['53', account, 'fraud'],
      ['7', account, 'fraud'],
    ],
  );
  assert.deepEqual(await listBlocked(db), await listBlocked(db, account));
  // A blocked call that still happened is billed.
  assert.deepEqual(await bill(account, '+79995550123'), ['0.025', 42, '0.017500']);
});
