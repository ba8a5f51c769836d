import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer } from '../../../test/support/calls.ts';
import {
  post,
  sharedService,
  startService,
  TESTER,
  type TestService,
} from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { renewPassword } from '../../domain/account/credentials.ts';
import { addNumber } from '../../domain/billing/recurring-charge.ts';

const api = sharedService({ HOW_TO_PAY: 'https://pay.example.com/?account={username}' });

async function signIn(username: number, service: TestService = api): Promise<Visitor> {
  const { db, keyring, queue, clock } = service.service;
  const tools = { keyring, queue, now: clock() };
  const { password } = await renewPassword(db, TESTER, tools, username);
  const visitor = new Visitor(service.url);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', { login: String(username), password });
  return visitor;
}

/** The text of a page's main part, without its marks. */
const textOf = (body: string) =>
  (/<main[\s\S]*<\/main>/.exec(body)?.[0] ?? '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

async function report(calls: { account: number; dst: string; start: number; id: string }[]) {
  const authorization = await api.feed('generic');
  const bodies = calls.map(({ account, ...call }) => ({
    ...call,
    ...{ account: String(account), duration: 60, cid: '2125550100' },
  }));
  const { body } = await post(`${api.url}/ingest/v1/calls/generic`, bodies, { authorization });
  assert.equal(body.stored, calls.length, JSON.stringify(body));
}

test('an account that was never paid says that calls wait for the payment, and how to pay', async () => {
  const unpaid = await addCustomer(api);
  const { body } = await (await signIn(unpaid)).open('/overview');
  assert.match(textOf(body), /Calls begin with the first payment/);
  assert.doesNotMatch(textOf(body), /Calls go through/);
  assert.ok(body.includes(`href="https://pay.example.com/?account=${unpaid}"`));

  const paid = await addCustomer(api, { cash: '5' });
  const fine = await (await signIn(paid)).open('/overview');
  assert.match(textOf(fine.body), /Calls go through/);
  assert.ok(!fine.body.includes('pay.example.com'));

  const sub = await addCustomer(api, { master: unpaid });
  const other = await (await signIn(sub)).open('/overview');
  assert.match(textOf(other.body), /Calls begin with the first payment/);
  assert.ok(!other.body.includes('pay.example.com'), 'another account pays');
});

test('how to pay may be a text', async (t) => {
  const texts = await startService({ HOW_TO_PAY: 'Transfer to DE00 1234, reference {username}' });
  t.after(() => texts.stop());
  const username = await addCustomer(texts);
  const { body } = await (await signIn(username, texts)).open('/overview');
  assert.match(textOf(body), new RegExp(`Transfer to DE00 1234, reference ${username}`));
});

test('a customer asks what a call to a number costs', async () => {
  const username = await addCustomer(api, { rate: '0.025', cash: '5' });
  const { db, clock } = api.service;
  const number = { account: username, number: '2125550177', monthly: '1' };
  await addNumber(db, TESTER, number, clock());
  const visitor = await signIn(username);
  const ask = async (number: string) => {
    const { status, body } = await visitor.open(`/rates?number=${encodeURIComponent(number)}`);
    return { status, text: textOf(body) };
  };
  const answer = await ask('+44 20 7946 0000');
  assert.equal(answer.status, 200);
  assert.match(answer.text, /A call to \+442079460000/);
  assert.match(answer.text, /Price per minute \$0\.025/);
  assert.match(answer.text, /1 minute \$0\.025 5 minutes \$0\.125 10 minutes \$0\.25/);
  assert.match((await ask('911')).text, /An emergency number/);
  assert.match((await ask('2125550177')).text, /a number of your own account/);
  await db.query(
    "INSERT INTO blocked_prefix (prefix, reason, created_at) VALUES ('1900', 'x', now())",
  );
  assert.match((await ask('9005550123')).text, /cannot be called from your account/);
  await db.query('UPDATE account SET max_rate = 0.01 WHERE username = $1', [username]);
  assert.match((await ask('2125550123')).text, /above \$0\.01 a minute are refused/);
  const wrong = await ask('nobody');
  assert.equal(wrong.status, 400);
  assert.match(wrong.text, /give a number as it is dialled/);
});

test('calls show their direction, and ranges are a click away', async () => {
  const username = await addCustomer(api, { cash: '5' });
  const { db, clock } = api.service;
  const number = { account: username, number: '2125550188', monthly: '0' };
  await addNumber(db, TESTER, number, new Date(clock().getTime() - 7 * 86_400_000));
  const start = Math.floor(clock().getTime() / 1_000) - 300;
  await report([
    { account: username, dst: '2125550188', start, id: 'in' },
    { account: username, dst: '4155550123', start: start + 1, id: 'out' },
  ]);
  const visitor = await signIn(username);
  const { body } = await visitor.open('/calls');
  assert.match(textOf(body), /Outgoing 2125550100 4155550123 .* Incoming 2125550100 2125550188/);
  const today = clock().toISOString().slice(0, 10);
  const presets = [...body.matchAll(/<a href="(\/calls\?[^"]*)"[^>]*>([^<]*)<\/a> /g)];
  assert.deepEqual(
    presets.map(([, , name]) => name),
    ['Today', 'Yesterday', 'Last 7 days', 'Last 30 days', 'This month', 'Last month'],
  );
  const chosen = /<a href="([^"]*)" aria-current="true">Last 7 days/.exec(body);
  assert.ok(chosen, 'the range that is shown');
  const [, month = ''] = presets[4] ?? [];
  assert.ok(month.includes(`from=${today.slice(0, 7)}-01`) && month.includes(`to=${today}`), month);
  const next = await visitor.open(month.replaceAll('&amp;', '&').replaceAll('&#38;', '&'));
  assert.match(next.body, /aria-current="true">This month/);
});

test('whoever pays for others sees their spend and limits', async () => {
  const payer = await addCustomer(api, { cash: '50' });
  const [first, second] = [
    await addCustomer(api, { master: payer }),
    await addCustomer(api, { master: payer }),
  ];
  const { db, clock } = api.service;
  await db.query(
    'UPDATE account SET max_calls = 3, max_rate = 0.0375, enabled = false WHERE username = $1',
    [first],
  );
  await db.query('UPDATE balance SET day_limit = 20 WHERE account = $1', [payer]);
  const now = Math.floor(clock().getTime() / 1_000);
  // A call before midnight does not count today.
  const start = Math.max(now - 300, now - (now % 86_400));
  await report([
    { account: first, dst: '4155550123', start, id: 'a' },
    { account: first, dst: '4155550123', start, id: 'b' },
    { account: payer, dst: '4155550123', start, id: 'c' },
  ]);
  const visitor = await signIn(payer);
  assert.match((await visitor.open('/overview')).body, /href="\/accounts">2</);
  const text = textOf((await visitor.open('/accounts')).body);
  const row = (username: number, rest: string) => new RegExp(`${username} ${rest}`);
  assert.match(
    text,
    row(first, 'disabled 2 \\$0\\.05 3 calls at once, up to \\$0\\.0375 a minute'),
  );
  assert.match(text, row(second, 'may call 0 \\$0\\.00 none of its own'));
  assert.match(text, /All together \$0\.08 of at most \$20\.00 today/);
  assert.ok(!text.includes(String(payer)), 'the account itself is not among them');
  const none = await (await signIn(second)).open('/accounts');
  assert.match(textOf(none.body), /No sub-account/);
});
