import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCustomer, post as credit, reportedCall } from '../../test/support/calls.ts';
import { watchDelays } from '../../test/support/delays.ts';
import { post, sharedService, startService, TESTER } from '../../test/support/service.ts';
import { changeAccount, closeAccount } from '../domain/account/account.ts';
import { addNumber } from '../domain/billing/recurring-charge.ts';
import { reconcile } from '../domain/books/proof.ts';
import { storeCalls } from '../domain/calls/call.ts';
import { explainDialled } from '../domain/calls/call-explanation.ts';
import { previewRerating } from '../domain/calls/rerating.ts';
import { readPriceFile } from '../domain/rating/price-csv.ts';
import { importPrices } from '../domain/rating/price-import.ts';

let authorization: string;
const api = sharedService({}, async () => {
  authorization = await api.feed('generic');
});

const ask = (body: unknown, headers = { authorization }) =>
  post(`${api.url}/ingest/v1/authorize`, body, headers);

const no = (message: string) => ({ statusCode: '402', status: 'Error', message });

async function refusal(account: number | string, dst = '2125550123', call_id = 'c1') {
  const answer = await ask({ account, dst, call_id });
  assert.equal(answer.status, 402, JSON.stringify(answer.body));
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  return answer.body;
}

test('a switch is told how long a call may last and at which rate, on one line', async () => {
  const account = await addCustomer(api, { rate: '0.006', cash: '25' });
  const response = await fetch(`${api.url}/ingest/v1/authorize`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify({
      account: String(account),
      dst: '+12125550123',
      call_id: 'c1',
      cid: '1',
    }),
  });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  assert.equal(await response.text(), '{"allow": true, "max_seconds": 600, "rate": "0.0060"}');
  const numbers = await ask({ account, dst: 2125550123, call_id: 17 });
  assert.deepEqual(numbers.body, { allow: true, max_seconds: 600, rate: '0.0060' });
  await api.service.db.query('UPDATE account SET rate = 0.012345 WHERE username = $1', [account]);
  const finer = await ask({ account, dst: '2125550123', call_id: 'c2' });
  assert.equal(finer.body.rate, '0.012345');
});

test('each reason to refuse a call is told', async () => {
  const { db, clock } = api.service;
  assert.deepEqual(await refusal(9_999_999_999), no('Unknown account'));
  const account = await addCustomer(api);
  assert.deepEqual(await refusal(account), no('Insufficient balance'));
  await credit(db, account, '5');
  await db.query('UPDATE account SET enabled = false WHERE username = $1', [account]);
  assert.deepEqual(await refusal(account), no('Calls are disabled'));
  await db.query('UPDATE account SET enabled = true WHERE username = $1', [account]);
  await storeCalls(db, 'x', [reportedCall({ account, talkMicroseconds: 12_000_000_000 })], clock());
  assert.deepEqual(await refusal(account), no('Calls are suspended, the balance is used up'));
  await credit(db, account, '5');
  assert.equal((await ask({ account, dst: '2125550123', call_id: 'c1' })).status, 200);
  const colleague = await addCustomer(api, { master: account });
  const conflict = await ask({ account: colleague, dst: '2125550123', call_id: 'c1' });
  assert.deepEqual(conflict.body, {
    statusCode: '409',
    status: 'Error',
    message: 'The call id belongs to another call',
  });
  await closeAccount(db, TESTER, colleague, clock());
  await closeAccount(db, TESTER, account, clock());
  assert.deepEqual(await refusal(account), no('The account is closed'));
});

test('a suspended billing account stops the accounts billed to it', async () => {
  const { db, clock } = api.service;
  const master = await addCustomer(api, { cash: '1' });
  const sub = await addCustomer(api, { master });
  const call = reportedCall({ account: sub, talkMicroseconds: 12_000_000_000 });
  await storeCalls(db, 'x', [call], clock());
  assert.deepEqual(await refusal(sub), no('Calls are suspended, the balance is used up'));
});

test('blocked prefixes are refused in whichever form they are dialled', async () => {
  const { db, clock } = api.service;
  const master = await addCustomer(api, { cash: '25' });
  const [sub, other] = [await addCustomer(api, { master }), await addCustomer(api, { cash: '25' })];
  await db.query(
    `INSERT INTO blocked_prefix (prefix, account, created_at)
     VALUES ('1900', NULL, $3), ('4470', $1, $3), ('53', $2, $3)`,
    [master, other, clock()],
  );
  const blocked = no('The destination is blocked');
  for (const dst of ['9005550123', '19005550123', '+19005550123', '+1 (900) 555-0123']) {
    assert.deepEqual(await refusal(other, dst), blocked, dst);
  }
  for (const dst of ['+447055500123', '00447055500123', '011447055500123', '447055500123']) {
    assert.deepEqual(await refusal(sub, dst), blocked, dst);
    assert.equal((await ask({ account: other, dst, call_id: dst })).status, 200, dst);
  }
  assert.deepEqual(await refusal(other, '+5355500123'), blocked);
  for (const dst of ['+44745550123', '8005550123', '*98', '3115555']) {
    assert.equal((await ask({ account: sub, dst, call_id: dst })).status, 200, dst);
  }
});

test('accounts that are not verified are refused where the operator wants it', async () => {
  const strict = await startService({ VERIFIED_CALLS_ONLY: 'true' });
  try {
    const { username } = await strict.signUp();
    await credit(strict.service.db, username, '5');
    const headers = { authorization: await strict.feed('generic') };
    const question = { account: username, dst: '2125550123', call_id: 'c1' };
    const url = `${strict.url}/ingest/v1/authorize`;
    assert.deepEqual((await post(url, question, headers)).body, no('The account is not verified'));
    await strict.service.db.query('UPDATE account SET verified_at = $2 WHERE username = $1', [
      username,
      strict.service.clock(),
    ]);
    assert.equal((await post(url, question, headers)).status, 200);
  } finally {
    await strict.stop();
  }
});

test('a question that cannot be understood is answered by what is wrong with it', async () => {
  const good = { account: 3_000_000_001, dst: '2125550123', call_id: 'c1' };
  const wrong = (message: string, requirement?: string) => ({
    statusCode: '400',
    status: 'Error',
    message,
    ...(requirement ? { requirement } : {}),
  });
  for (const [body, expected] of [
    ['', wrong('Field Required: account')],
    [{ ...good, account: null }, wrong('Field Required: account')],
    [{ ...good, dst: '' }, wrong('Field Required: dst')],
    [{ ...good, call_id: undefined }, wrong('Field Required: call_id')],
    [{ ...good, account: 'alice' }, wrong('Field: account', 'Must be a 10-digit number')],
    [{ ...good, dst: {} }, wrong('Field: dst', 'Must be a number')],
    [{ ...good, dst: '1'.repeat(129) }, wrong('Field: dst', 'Must be a number')],
    [
      { ...good, call_id: true },
      wrong('Field: call_id', 'Must be a string of 1 to 255 characters'),
    ],
    [
      { ...good, call_id: 'x'.repeat(256) },
      wrong('Field: call_id', 'Must be a string of 1 to 255 characters'),
    ],
    ['[]', wrong('The body must be a JSON object')],
    ['{"account":', wrong('The body must be JSON in UTF-8')],
  ] as const) {
    assert.deepEqual((await ask(body)).body, expected, JSON.stringify(body));
  }
});

test("a feed's credentials are needed, from its own network", async () => {
  const question = { account: 3_000_000_001, dst: '2125550123', call_id: 'c1' };
  assert.equal((await ask(question, { authorization: 'Basic eDp5' })).status, 401);
  const elsewhere = await api.feed('generic', { networks: ['192.0.2.0/24'] });
  assert.equal((await ask(question, { authorization: elsewhere })).status, 403);
});

test('right credentials are looked up again after a second, and wrong ones are refused at once', async () => {
  const own = await api.feed('generic');
  const [name = '', secret = ''] = Buffer.from(own.slice(6), 'base64').toString().split(':');
  const question = { account: 3_999_999_999, dst: '2125550123', call_id: 'c1' };
  const status = async (of: string) => {
    const authorization = `Basic ${Buffer.from(of).toString('base64')}`;
    return (await ask(question, { authorization })).status;
  };
  const right = `${name}:${secret}`;
  const wrong = [`${right}x`, `${name}:x${secret.slice(1)}`, `${name}:`];
  const statuses = [await status(right)];
  for (const credentials of wrong) statuses.push(await status(credentials));
  statuses.push(await status(right));
  await api.service.db.query('DELETE FROM feed WHERE name = $1', [name]);
  await sleep(1_010);
  statuses.push(await status(right));
  assert.deepEqual(statuses, [402, 401, 401, 401, 402, 401]);
});

test('a hold is settled by the record that the switch sends', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { rate: '0.06', cash: '0.6' });
  const question = { account, dst: '2125550123', call_id: 'abc@192.0.2.1' };
  assert.equal((await ask(question)).status, 200);
  const start = Math.floor(Date.now() / 1_000) - 60;
  const record = {
    id: 'r1',
    call_id: question.call_id,
    account,
    start,
    duration: 6,
    cid: '1',
    dst: '2125550123',
  };
  const delivered = await post(`${api.url}/ingest/v1/calls/generic`, record, { authorization });
  assert.equal(delivered.body.stored, 1);
  assert.deepEqual(await db.query('SELECT 1 FROM hold WHERE account = $1', [account]), []);
  assert.equal((await ask({ ...question, call_id: 'next' })).body.max_seconds, 594);
});

test('a call that nobody answered is released, and its money is free at once', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.6' });
  const other = await addCustomer(api, { master: account });
  const question = { account, dst: '2125550123', call_id: 'busy' };
  const release = async (body: unknown) =>
    (await post(`${api.url}/ingest/v1/release`, body, { authorization })).body;
  const released = (count: number) => ({ statusCode: '200', status: 'Success', released: count });
  assert.equal((await ask(question)).body.max_seconds, 600);
  assert.equal((await ask({ ...question, call_id: 'next' })).status, 402);
  assert.deepEqual(await release({ account: other, call_id: 'busy' }), released(0));
  const { dst, ...call } = question;
  const answers = await Promise.all([release(call), release({ ...call, cause: 'busy' })]);
  assert.ok(answers.some((answer) => answer.released === 1));
  assert.deepEqual(await release(call), released(0));
  assert.deepEqual(await release({ account: 9_999_999_999, call_id: 'busy' }), released(0));
  assert.equal((await ask({ ...question, call_id: 'next' })).body.max_seconds, 600);
  const { imbalances } = await reconcile(api.service.db);
  assert.deepEqual(imbalances, []);
  const missing = await release({ account });
  assert.deepEqual(missing, {
    statusCode: '400',
    status: 'Error',
    message: 'Field Required: call_id',
  });
});

/** One number in the spellings of switches and phones. */
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
    const delivered = await post(`${api.url}/ingest/v1/calls/generic`, records, { authorization });
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

const EMERGENCY = ['911', '112', '933', '999'];

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
  await post(`${api.url}/ingest/v1/calls/generic`, records, { authorization });
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
  const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, { authorization });
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
    const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, { authorization });
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
  const taken = await post(`${api.url}/ingest/v1/calls/generic`, records, { authorization });
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

test('/metrics tells how long switches waited, what was gathered, and what is held', async () => {
  const figures = async () => {
    const text = await (await fetch(`${api.url}/metrics`)).text();
    return (name: string) =>
      Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.split(' ')
          .at(-1) ?? 0,
      );
  };
  const before = await figures();
  const account = await addCustomer(api, { rate: '0.06', cash: '1' });
  for (const call_id of ['a', 'b', 'c']) await ask({ account, dst: '2125550123', call_id });
  const start = Math.floor(Date.now() / 1_000) - 60;
  const record = { id: 'm1', call_id: 'a', account, start, duration: 6, dst: '2125550123' };
  await post(`${api.url}/ingest/v1/calls/generic`, record, { authorization });
  const after = await figures();
  const rise = (name: string) => after(name) - before(name);
  assert.deepEqual(
    {
      allowed: rise('account_api_authorize_seconds_count{outcome="done"}'),
      refused: rise('account_api_authorize_seconds_count{outcome="refused"}'),
      delivered: rise('account_api_delivery_seconds_count{outcome="done"}'),
      questions: rise('account_api_gathered_sum{what="questions"}'),
      deliveries: rise('account_api_gathered_count{what="deliveries"}'),
      holds: rise('account_api_holds'),
      held: rise('account_api_held_money').toFixed(6),
    },
    {
      allowed: 2,
      refused: 1,
      delivered: 1,
      questions: 3,
      deliveries: 1,
      holds: 1,
      held: '0.396000',
    },
  );
});
