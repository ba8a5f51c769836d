import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askingSwitch, no } from '../../test/support/asking-switch.ts';
import { addCustomer } from '../../test/support/calls.ts';
import { watchDelays } from '../../test/support/delays.ts';
import { post, TESTER } from '../../test/support/service.ts';
import { changeAccount, closeAccount } from '../domain/account/account.ts';
import { explainDialled } from '../domain/calls/call-explanation.ts';
import { previewRerating } from '../domain/calls/rerating.ts';
import { readPriceFile } from '../domain/rating/price-csv.ts';
import { importPrices } from '../domain/rating/price-import.ts';

const { api, headers, ask, refusal } = askingSwitch();

const EMERGENCY = ['911', '112', '933', '999'];

test('an emergency call is allowed whatever stands against it, and while the database is slow', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { cash: '-5' });
  const setAccount = (change: string) =>
    db.query(`UPDATE account SET ${change} WHERE username = $1`, [account]);
  const against: Record<string, () => Promise<unknown>> = {
    'a used-up balance': () =>
      db.query('UPDATE balance SET suspended = true WHERE account = $1', [account]),
    'an account that is disabled': () => setAccount('enabled = false'),
    'one that is not verified': () => setAccount('verified_at = NULL'),
    'a daily limit that is reached': () =>
      db.query('UPDATE balance SET day_limit = 0 WHERE account = $1', [account]),
    'a rate above its limit': () => setAccount('max_rate = 0'),
    'as many calls as it may have': () => setAccount('max_calls = 0'),
    'blocked prefixes': () =>
      db.query(
        `INSERT INTO blocked_prefix (prefix, account, created_at)
         SELECT left(n, k), $1, $2 FROM unnest($3::text[]) n, generate_series(1, 3) k
         ON CONFLICT DO NOTHING`,
        [account, clock(), EMERGENCY],
      ),
    'an account that is closed': () => closeAccount(db, TESTER, account, clock()),
  };
  const allowed = { allow: true, max_seconds: 600, rate: '0' };
  const busyMs = watchDelays();
  const askAll = (what: string) =>
    Promise.all(
      EMERGENCY.map(async (dst) => {
        const began = performance.now();
        const answer = await ask({ account, dst, call_id: 'e1' });
        assert.deepEqual([answer.status, answer.body], [200, allowed], `${dst}: ${what}`);
        assert.ok(performance.now() - began < 2_000 + busyMs(), `${dst}: ${what}`);
      }),
    );
  for (const [what, stand] of Object.entries(against)) {
    await stand();
    await askAll(what);
    await db.transaction(async (tx) => {
      await tx.query('SELECT FROM balance WHERE account = $1 FOR UPDATE', [account]);
      await askAll(`${what}, the balance locked`);
    });
  }
  const spelled = [
    ...['sip:%39%311@192.0.2.1;user=phone', '9-1-1', 'tel:911', 'tel:911;phone-context=+52'],
    ...['*67911', '*82911', 'sip:%2A67911@192.0.2.1', '#31#911', '*31#911'],
  ];
  for (const dst of spelled) {
    const rewritten = await ask({ account, dst, call_id: 'e1', rewrite: true });
    assert.deepEqual(rewritten.body, { ...allowed, dst: '911' }, dst);
  }
  const start = Math.floor(Date.now() / 1_000) - 120;
  const records = spelled.map((dst) => ({ id: `e1 ${dst}`, account, start, duration: 60, dst }));
  await post(`${api.url}/ingest/v1/calls/generic`, records, headers);
  assert.deepEqual(
    await db.query(
      `SELECT emergency, amount::text, count(*) FROM call WHERE account = $1 GROUP BY 1, 2`,
      [account],
    ),
    [{ emergency: true, amount: '0.000000', count: spelled.length }],
  );
  assert.deepEqual(await db.query('SELECT FROM hold WHERE account = $1', [account]), []);
  assert.deepEqual(await refusal(9_999_999_999, '911'), no('Unknown account'));
  assert.deepEqual(await refusal(account, '9111'), no('The account is closed'));
  const stranger = { authorization: `Basic ${btoa('nobody:secret')}` };
  assert.equal((await ask({ account, dst: '911', call_id: 'e1' }, stranger)).status, 401);
  for (const table of ['account', 'feed']) {
    await db.transaction(async (tx) => {
      await tx.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      // Until then the feed's credentials need no look-up.
      await sleep(1_010);
      await askAll(`the table ${table} locked`);
      assert.equal((await ask({ account, dst: '9111', call_id: 'e1' })).status, 503, table);
    });
  }
});

test('the emergency numbers of an account are those of its own country, too', async () => {
  const { db, queue, clock } = api.service;
  const own = { rate: '0.5', cash: '-5' };
  const [german, other] = [await addCustomer(api, own), await addCustomer(api, own)];
  await db.query('UPDATE balance SET suspended = true WHERE account IN ($1, $2)', [german, other]);
  await changeAccount(db, TESTER, { queue, now: clock() }, german, { country: 'DE' });
  const allowed = { allow: true, max_seconds: 600, rate: '0' };
  const question = { account: german, dst: '110', call_id: 'own' };
  const askOwn = async () => {
    const { status, body } = await ask(question);
    assert.deepEqual([status, body], [200, allowed]);
  };
  await askOwn();
  assert.deepEqual(await refusal(other, '110'), no('Calls are suspended, the balance is used up'));
  assert.deepEqual(await refusal(german, '119'), no('Calls are suspended, the balance is used up'));
  await db.transaction(async (tx) => {
    await tx.query('LOCK TABLE account IN ACCESS EXCLUSIVE MODE');
    await askOwn();
  });
  const start = Math.floor(Date.now() / 1_000) - 120;
  const records = [german, other].map((account) => ({
    ...{ id: `own ${account}`, account, start, duration: 60, cid: '1', dst: '110' },
  }));
  const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, headers);
  assert.equal(taken.body.stored, 2);
  const stored = await db.query(
    `SELECT account, emergency, amount::text FROM call WHERE account IN ($1, $2) ORDER BY 1`,
    [german, other],
  );
  assert.deepEqual(stored, [
    { account: german, emergency: true, amount: '0.000000' },
    { account: other, emergency: null, amount: '0.500000' },
  ]);
  const explained = await explainDialled(db, {
    ...{ account: german, startsAt: clock(), seconds: 60, typed: '110', feed: undefined },
    emergencyNumbers: api.service.config.emergencyNumbers,
  });
  assert.deepEqual([explained.emergency, explained.amount], [true, '0.000000']);
});

test('an emergency call costs nothing unless its list names exactly that number', async () => {
  const { db } = api.service;
  const [plain, named] = [await addCustomer(api, { cash: '5' }), await addCustomer(api)];
  for (const [list, csv, account] of [
    ['wide', 'prefix,rate\n9,1\n91,2\n11,3', plain],
    ['exact', 'prefix,rate\n9,1\n911,0.5', named],
  ] as const) {
    const { prices } = await readPriceFile(csv);
    await importPrices(db, TESTER, list, prices, {
      now: new Date(),
      replace: false,
      dryRun: false,
    });
    await db.query('UPDATE account SET price_list = $2 WHERE username = $1', [account, list]);
  }
  const start = Math.floor(Date.now() / 1_000) - 120;
  const record = { start, duration: 60, cid: '1' };
  const records = [plain, named].flatMap((account) =>
    ['911', '112', '9115550123'].map((dst) => ({
      ...record,
      id: `${account} ${dst}`,
      account,
      dst,
    })),
  );
  const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, headers);
  assert.equal(taken.body.stored, 6);
  const amounts = async () =>
    (
      await db.query<{ called: string; amount: string }>(
        `SELECT account = $1 AS plain, called, trim_scale(amount)::text AS amount FROM call
         WHERE account IN ($1, $2) ORDER BY account, called`,
        [plain, named],
      )
    ).map(({ called, amount }) => [called, amount]);
  const expected = [
    ...[
      ['112', '0'],
      ['911', '0'],
      ['9115550123', '0.025'],
    ],
    ...[
      ['112', '0'],
      ['911', '0.5'],
      ['9115550123', '0.025'],
    ],
  ];
  assert.deepEqual(await amounts(), expected);
  const range = { from: new Date((start - 1) * 1_000), to: new Date() };
  const preview = await previewRerating(db, { ...range, account: plain });
  assert.deepEqual(preview, { calls: 3, changed: 0, adjustments: [] });
});
