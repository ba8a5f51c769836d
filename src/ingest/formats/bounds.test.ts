import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addCustomer, moneyOf, post as postCash } from '../../../test/support/calls.ts';
import { freeswitchCdr } from '../../../test/support/freeswitch.ts';
import { SAMPLES } from '../../../test/support/records.ts';
import { post, sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import { postEntry } from '../../domain/books/ledger.ts';
import { countCallHours } from '../../domain/calls/call-hour.ts';
import { sumCalls } from '../../domain/calls/call-sums.ts';

const MOST = '999999999999.999999';
const TWICE = '$1,999,999,999,999.999998';
const HOUR_MS = 3_600_000;

const api = sharedService();

/** Unix seconds, three hours ago, so the hour of the call is over */
const start = () => Math.floor(api.service.clock().getTime() / 1_000) - 3 * 3_600;

async function deliver(path: string, authorization: string, body: unknown): Promise<object> {
  const answer = await post(`${api.url}/ingest/v1/${path}`, body, { authorization });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { statusCode: _, status: _status, ...counts } = answer.body;
  return counts;
}

test('sums beyond one amount are counted, and shown on every page', async () => {
  const { db, clock } = api.service;
  const authorization = await api.feed('generic', { debits: 'switch' });
  const { username, password } = await api.signUp();
  const body = [1, 2].map((n) => ({
    id: `sum-${n}`,
    account: username,
    start: start(),
    duration: 40,
    dst: '3125550199',
    rate: '1',
    amount: MOST,
  }));
  await deliver('calls/generic', authorization, body);
  for (const n of [1, 2]) await postCash(db, username, MOST, new Date(clock().getTime() - n));
  assert.equal((await moneyOf(db, username))?.cash, '1999999999999.999998');
  await db.query('INSERT INTO busy_account VALUES ($1)', [username]);
  await countCallHours(db, clock());
  await sumCalls(db, clock());
  // An hour is summed only after earlier transactions have ended, also those of other tests.
  const summed = async () => {
    await sumCalls(db, new Date(clock().getTime() + HOUR_MS));
    return db.query('SELECT amount::text FROM call_sum WHERE account = $1', [username]);
  };
  await waitUntil(async () => (await summed()).length > 0);
  assert.deepEqual(await summed(), [{ amount: '1999999999999.999998' }]);

  const open = async (visitor: Visitor, path: string) => {
    const page = await visitor.open(path);
    assert.equal(page.status, 200, `${path}: ${page.body}`);
    assert.ok(page.body.includes(TWICE), path);
  };
  const customer = await Visitor.signedIn(api.url, { username, password });
  const statement = `/charges/statement?month=${clock().toISOString().slice(0, 7)}`;
  for (const path of ['/overview', '/calls', statement]) await open(customer, path);
  const administrator = await api.administrator();
  const operator = new Visitor(api.url);
  await operator.open('/sign-in');
  await operator.submit('/sign-in', {
    login: String(administrator.username),
    password: administrator.password,
  });
  const pages = ['', `/accounts/${username}`];
  for (const path of pages) await open(operator, `/admin${path}`);
  const accounts = await operator.open('/admin/accounts');
  assert.ok(accounts.body.includes(TWICE));
});

test('amounts and rates beyond what the books hold are rejected, and the others are stored', async () => {
  const authorization = await api.feed('generic', { debits: 'switch' });
  const account = await addCustomer(api, { cash: '1' });
  const call = { account, start: start(), duration: 40, cid: '2125550100', dst: '3125550199' };
  const records = [
    { rate: '0.03', amount: '0.0211' },
    { rate: '1000000', amount: '1' },
    { rate: '1', amount: '1000000000000' },
    { rate: '1', amount: '-1' },
    { rate: '-1', amount: '1' },
    { rate: '999999.999999', amount: MOST },
    {},
  ];
  const body = records.map((money, n) => ({ ...call, id: `bounds-${n}`, ...money }));
  assert.deepEqual(await deliver('calls/generic', authorization, body), {
    stored: 3,
    duplicates: 0,
    unbilled: 0,
    rejected: 4,
  });
  const calls = await api.service.db.query(
    'SELECT rate::text, amount::text, debited FROM call WHERE account = $1 ORDER BY amount',
    [account],
  );
  assert.deepEqual(calls, [
    { rate: '0.000000', amount: '0.000000', debited: false },
    { rate: '0.030000', amount: '0.021100', debited: false },
    { rate: '999999.999999', amount: MOST, debited: false },
  ]);
});

test('what many large debits leave is counted', async () => {
  const { db, clock } = api.service;
  const authorization = await api.feed('generic');
  const account = await addCustomer(api, { rate: '999999.999999' });
  const month = 31 * 86_400;
  const at = Math.floor(clock().getTime() / 1_000) - month;
  const body = Array.from({ length: 30 }, (_, n) => ({
    id: `large-${n}`,
    account,
    start: at,
    duration: month,
    dst: '3125550199',
  }));
  assert.deepEqual(await deliver('calls/generic', authorization, body), {
    stored: 30,
    duplicates: 0,
    unbilled: 0,
    rejected: 0,
  });
  assert.equal((await moneyOf(db, account))?.cash, '-1339199999998.660800');
  const charge = { kind: 'monthly charge', reason: 'x', actor: 'test', at: clock() } as const;
  const { cash } = await postEntry(db, { ...charge, account, amount: '-2000000000000.000000' });
  assert.equal(cash, '-3339199999998.660800');
});

test('a call that is told before it can have ended is rejected', async () => {
  const authorization = await api.feed('generic');
  const account = await addCustomer(api);
  const call = { id: 'ahead', account, start: start(), duration: 30 * 86_400, dst: '3125550199' };
  const counts = { stored: 0, duplicates: 0, unbilled: 0, rejected: 1 };
  assert.deepEqual(await deliver('calls/generic', authorization, call), counts);
  const [row] = await api.service.db.query(
    "SELECT reason, detail FROM rejected_record WHERE detail LIKE 'it ends at%'",
  );
  const end = new Date((call.start + call.duration) * 1_000).toISOString();
  assert.deepEqual(row, {
    reason: 'in the future',
    detail: `it ends at ${end}, more than a day ahead`,
  });
});

test('reports of contacts at times that no calendar has keep no other from being noted', async () => {
  const authorization = await api.feed('kamailio');
  const account = await addCustomer(api);
  const at = api.service.clock().getTime() / 1_000;
  const contact = (fields: object, n: number) => ({
    event: 'register',
    user: String(account),
    contact: `sip:${n}@192.0.2.1`,
    expires: 60,
    ts: at,
    ...fields,
  });
  const reports = [
    {},
    { ts: -210_000_000_000 },
    { ts: -1 },
    { ts: 'yesterday' },
    { ts: 1e300, event: 'unregister' },
    { expires: -1e300 },
    { expires: -1 },
    { expires: 1e300 },
    { ts: 1e15 },
    { ts: null },
  ].map(contact);
  assert.deepEqual(await deliver('registrations', authorization, reports), {
    stored: 2,
    unknown: 0,
    malformed: 8,
  });
});

test('reports of one contact in one batch all count', async () => {
  const authorization = await api.feed('kamailio');
  const account = await addCustomer(api);
  const report = (user: number, event: string) => ({
    event,
    user: String(user),
    contact: 'sip:x@192.0.2.1',
    expires: 60,
  });
  const known = ['register', 'register', 'unregister'].map((event) => report(account, event));
  const unknown = [report(9_999_999_999, 'register'), report(9_999_999_999, 'unregister')];
  assert.deepEqual(await deliver('registrations', authorization, [...known, ...unknown]), {
    stored: 3,
    unknown: 2,
    malformed: 0,
  });
});

test('a damaged record is rejected once, however it comes', async () => {
  const json = '{"id": "twice", "start": 1.50}';
  const form = (text: string) => `cdr=${encodeURIComponent(text)}`;
  const { variables: _, ...cdr } = freeswitchCdr({ start: start() });
  const call = JSON.stringify(cdr);
  const base64 = Buffer.from(call).toString('base64');
  const row = SAMPLES.asterisk({ account: 4592086960, number: 1, start: start() });
  const damaged = row.replace('"ANSWERED"', '"SPOKEN"');
  for (const [format, ...bodies] of [
    ['generic', json, `${json}\n`, `\r\n${json}\r\n`, `[${json}]`, gzipSync(`${json}\n`)],
    ['freeswitch', form(call), `${encodeURIComponent(call)}\n`, `cdr=${base64}`, `${call}\n`],
    ['asterisk', damaged, `${damaged}\r\n`, `${damaged}\n${damaged}\n`],
  ] as const) {
    const authorization = await api.feed(format);
    const [feed] = Buffer.from(authorization.slice(6), 'base64').toString().split(':');
    for (const body of bodies) await deliver(`calls/${format}`, authorization, body);
    const kept = await api.service.db.query<{ raw: Buffer }>(
      'SELECT raw FROM rejected_record WHERE feed = $1',
      [feed],
    );
    assert.deepEqual(
      kept.map(({ raw }) => raw.toString()),
      [bodies[0]],
      format,
    );
  }
});
