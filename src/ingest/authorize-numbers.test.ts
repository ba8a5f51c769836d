import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askingSwitch, no } from '../../test/support/asking-switch.ts';
import { addCustomer } from '../../test/support/calls.ts';
import { post, TESTER } from '../../test/support/service.ts';
import { changeAccount } from '../domain/account/account.ts';
import { addNumber } from '../domain/billing/recurring-charge.ts';
import { explainDialled } from '../domain/calls/call-explanation.ts';
import { readPriceFile } from '../domain/rating/price-csv.ts';
import { importPrices } from '../domain/rating/price-import.ts';

const { api, headers, ask, refusal } = askingSwitch();

const spellings = (e164: string) => {
  const digits = e164.slice(1);
  const escaped = [...digits].map((digit) => `%3${digit}`).join('');
  const user = [
    ...[e164, `00${digits}`, `011 ${digits}`, `%2b${digits}`, `%2B${escaped}`],
    ...[`+${escaped}`, `${e164.slice(0, 3)}-(${e164.slice(3, 6)})%20.${e164.slice(6)}`],
  ];
  return user.flatMap((text) => [
    text,
    `${text};npdi;rn=+12125550100`,
    `sip:${text}@192.0.2.1;user=phone`,
    `SIPS:${text};npdi:secret@sip.example.com:5061?Subject=1`,
    `tel:${text};phone-context=+1`,
    `"Alice <1>" <sip:${text}@192.0.2.1>;tag=1`,
  ]);
};

test('every spelling of a number is blocked, priced, held, billed and owned alike', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { cash: '900', rate: '0.5' });
  const owner = await addCustomer(api, { rate: '0.001' });
  await db.query(`INSERT INTO blocked_prefix (prefix, account, created_at) VALUES ('53', $1, $2)`, [
    account,
    clock(),
  ]);
  const { prices } = await readPriceFile('prefix,rate\n31,0.6\n39001,0.06\n1212,0.006');
  const options = { now: clock(), replace: false, dryRun: false };
  await importPrices(db, TESTER, 'spelled', prices, options);
  await db.query("UPDATE account SET price_list = 'spelled' WHERE username = $1", [account]);
  for (const dst of spellings('+5312345678')) {
    assert.deepEqual(await refusal(account, dst), no('The destination is blocked'), dst);
  }
  for (const dst of ['+0115312345678', '%252B5312345678', '53x12345678', '*675312345678', '+']) {
    const message = 'The destination is no number that can be dialled';
    assert.deepEqual(await refusal(account, dst), no(message), dst);
  }
  for (const [e164, rate, shown] of [
    ['+311555512345', '0.6', '+311555512345'],
    ['+39001234567', '0.06', '+39001234567'],
    ['+12125550123', '0.006', '2125550123'],
  ] as const) {
    await addNumber(db, TESTER, { account: owner, number: shown, monthly: '0' }, clock());
    const all = [...spellings(e164), e164.slice(1), shown];
    for (const dst of all) {
      // The same call in another spelling is the same call.
      const { status, body } = await ask({ account, dst, call_id: e164, rewrite: true });
      assert.equal(status, 200, dst);
      assert.deepEqual(
        { ...body, rate: Number(body.rate) },
        {
          allow: true,
          max_seconds: 600,
          rate: Number(rate),
          dst: e164,
        },
      );
    }
    const start = clock().getTime() / 1_000 - 60;
    const records = all.flatMap((dst, n) => [
      { id: `${e164} ${n}`, account, start, duration: 6, dst },
      { id: `${e164} in ${n}`, start, duration: 6, dst },
    ]);
    const delivered = await post(`${api.url}/ingest/v1/calls/generic`, records, headers);
    assert.equal(delivered.body.stored, 2 * all.length, JSON.stringify(delivered.body));
    const stored = await db.query(
      `SELECT account, called, trim_scale(rate)::text AS rate, count(*) FROM call
       WHERE called = $1 AND account IN ($2, $3) GROUP BY 1, 2, 3 ORDER BY account`,
      [shown, account, owner],
    );
    const expected = [
      { account, called: shown, rate, count: all.length },
      { account: owner, called: shown, rate: '0.001', count: all.length },
    ];
    assert.deepEqual(stored, expected);
  }
});

test('a short number of another country is told with the plus that it was dialled with', async () => {
  const account = await addCustomer(api, { cash: '900' });
  for (const [dst, told] of [
    ['+6834000', '+6834000'],
    ['0116834000', '+6834000'],
    ['tel:%2B683-4000', '+6834000'],
    ['6834000', '6834000'],
    ['+683400', '683400'],
    ['+1234567', '1234567'],
  ] as const) {
    const { status, body } = await ask({ account, dst, call_id: dst, rewrite: true });
    assert.deepEqual([status, body.dst], [200, told], dst);
  }
});

test("a call to an account's own number is incoming, whatever the account's country dials", async () => {
  const { db, queue, clock } = api.service;
  const own = { rate: '0.5', cash: '50' };
  const [british, other] = [await addCustomer(api, own), await addCustomer(api, own)];
  // In Britain these digits are a number in Egypt.
  const { prices } = await readPriceFile('prefix,rate\n20,3');
  const options = { now: clock(), replace: false, dryRun: false };
  await importPrices(db, TESTER, 'egypt', prices, options);
  for (const account of [british, other]) {
    const changes = { country: 'GB', priceList: 'egypt' };
    await changeAccount(db, TESTER, { queue, now: clock() }, account, changes);
  }
  await addNumber(db, TESTER, { account: british, number: '2075550188', monthly: '0' }, clock());
  const asked = async (account: number, dst: string) => {
    const { body } = await ask({ account, dst, call_id: `own ${dst}`, rewrite: true });
    return [body.rate, body.dst];
  };
  const start = Math.floor(Date.now() / 1_000) - 120;
  for (const dst of ['2075550188', '12075550188', '+12075550188']) {
    assert.deepEqual(await asked(british, dst), ['0.5000', '+12075550188'], dst);
    const records = [british, null].map((account, n) => ({
      ...{ id: `own ${dst} ${n}`, account, start, duration: 60, cid: '1', dst },
    }));
    const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, headers);
    assert.equal(taken.body.stored, 2, dst);
  }
  assert.deepEqual(
    await db.query('SELECT DISTINCT called, amount::text FROM call WHERE account = $1', [british]),
    [{ called: '2075550188', amount: '0.500000' }],
  );
  assert.deepEqual(await asked(other, '2075550188'), ['3.0000', '+2075550188']);
  const explained = await explainDialled(db, {
    ...{ account: british, startsAt: clock(), seconds: 60, typed: '2075550188', feed: undefined },
    emergencyNumbers: api.service.config.emergencyNumbers,
  });
  assert.deepEqual([explained.number, explained.incoming], ['2075550188', true]);
});
