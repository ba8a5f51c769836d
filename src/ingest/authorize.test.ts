import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { askingSwitch, no } from '../../test/support/asking-switch.ts';
import { addCustomer, post as credit, reportedCall } from '../../test/support/calls.ts';
import { post, startService, TESTER } from '../../test/support/service.ts';
import { closeAccount } from '../domain/account/account.ts';
import { reconcile } from '../domain/books/proof.ts';
import { storeCalls } from '../domain/calls/call.ts';

const { api, headers, ask, refusal } = askingSwitch();

test('a switch is told how long a call may last and at which rate, on one line', async () => {
  const account = await addCustomer(api, { rate: '0.006', cash: '25' });
  const response = await fetch(`${api.url}/ingest/v1/authorize`, {
    method: 'POST',
    headers,
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
  const delivered = await post(`${api.url}/ingest/v1/calls/generic`, record, headers);
  assert.equal(delivered.body.stored, 1);
  assert.deepEqual(await db.query('SELECT 1 FROM hold WHERE account = $1', [account]), []);
  assert.equal((await ask({ ...question, call_id: 'next' })).body.max_seconds, 594);
});

test('a call that nobody answered is released, and its money is free at once', async () => {
  const account = await addCustomer(api, { rate: '0.06', cash: '0.6' });
  const other = await addCustomer(api, { master: account });
  const question = { account, dst: '2125550123', call_id: 'busy' };
  const release = async (body: unknown) =>
    (await post(`${api.url}/ingest/v1/release`, body, headers)).body;
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
  await post(`${api.url}/ingest/v1/calls/generic`, record, headers);
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
