import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { changeAccount } from '../../domain/account/account.ts';
import { postEntry } from '../../domain/books/ledger.ts';
import { type ReportedCall, storeCalls } from '../../domain/calls/call.ts';
import type { CallOutcome } from '../../domain/calls/call-outcome.ts';
import { addDays } from '../../domain/day.ts';
import { readPriceFile } from '../../domain/rating/price-csv.ts';
import { importPrices } from '../../domain/rating/price-import.ts';

const api = sharedService();

async function signIn(username: number, password: string): Promise<Visitor> {
  return Visitor.signedIn(api.url, { username, password });
}

function call(account: number, startedAt: Date, other: Partial<ReportedCall> = {}): ReportedCall {
  return {
    id: randomUUID().replaceAll('-', ''),
    account,
    startedAt,
    talkMicroseconds: 39_540_000,
    outcome: undefined,
    caller: '2125550100',
    called: '3125550199',
    sourceIp: '192.0.2.13',
    callerName: undefined,
    callId: undefined,
    switchDebit: undefined,
    ...other,
  };
}

const minutesAgo = (minutes: number) => new Date(api.service.clock().getTime() - minutes * 60_000);
const store = (calls: ReportedCall[]) =>
  storeCalls(api.service.db, 'test', calls, api.service.clock());
const today = () => api.service.clock().toISOString().slice(0, 10);
const rowsOf = (body: string) =>
  body.match(/<tr role="row"><td role="cell" data-label[\s\S]*?<\/tr>/g) ?? [];

test('the fee of a call is told beside its cost', async () => {
  const { username, password } = await api.signUp();
  const { db, queue, clock } = api.service;
  const { prices } = await readPriceFile('prefix,rate,connect fee\n1312,0.6,0.05');
  const options = { now: clock(), replace: false, dryRun: false };
  await importPrices(db, TESTER, 'fees', prices, options);
  await changeAccount(db, TESTER, { queue, now: clock() }, username, { priceList: 'fees' });
  const called = ['3125550199', '2125550199'];
  await store(called.map((called, n) => call(username, minutesAgo(5 + n), { called })));
  const visitor = await signIn(username, password);
  const { body } = await visitor.open('/calls');
  const costs = rowsOf(body).flatMap(
    (row) => /data-label="Cost"[^>]*>(.*?)<\/td>/.exec(row)?.[1] ?? [],
  );
  assert.deepEqual(
    costs.slice(-2).map((cost) => cost.replace(/<[^>]*>/g, '')),
    ['$0.47 with $0.05 fee', '$0.00525'],
  );
});

test('pages go through all calls, newest first, each once', async () => {
  const { username, password } = await api.signUp();
  // Some start at the same moment, so the id must decide the order.
  await store(
    Array.from({ length: 60 }, (_, n) =>
      call(username, minutesAgo(10 + Math.floor(n / 3)), { called: `31255501${10 + n}` }),
    ),
  );
  const visitor = await signIn(username, password);
  const seen: string[] = [];
  let path: string | undefined = '/calls?from=2020-01-01';
  let pages = 0;
  while (path) {
    const { body, status } = await visitor.open(path.replaceAll('&#38;', '&'));
    assert.equal(status, 200);
    const list = body.slice(body.lastIndexOf('<section'));
    seen.push(...rowsOf(list).map((row) => /31255501\d\d/.exec(row)?.[0] ?? ''));
    path = /href="([^"]*after=[^"]*)"/.exec(list)?.[1];
    pages++;
  }
  assert.deepEqual([pages, seen.length, new Set(seen).size], [3, 60, 60]);
});

test('a search finds numbers however they are written, and callers by name', async () => {
  const { username, password } = await api.signUp();
  await store([
    call(username, minutesAgo(3), { called: '4155550123', callerName: 'Ümit & Söhne' }),
    call(username, minutesAgo(2), { called: '4155550124' }),
    call(username, minutesAgo(1), { called: '4155550125', talkMicroseconds: 0 }),
  ]);
  const visitor = await signIn(username, password);
  for (const [search, expected] of [
    ['(415) 555-0123', ['4155550123']],
    ['+1 415 555 0124', ['4155550124']],
    ['umit', []],
    ['Ümit &', ['4155550123']],
    ['415555012', ['4155550125', '4155550124', '4155550123']],
    ["' OR 1=1 --", []],
    ['%', []],
  ] as const) {
    const { body } = await visitor.open(`/calls?search=${encodeURIComponent(search)}`);
    const found = rowsOf(body.slice(body.lastIndexOf('<section'))).map(
      (row) => /415555012\d/.exec(row)?.[0],
    );
    assert.deepEqual([search, found], [search, expected]);
  }
});

test('the outcome of a call stands in place of its duration, and the list and files are filtered by it', async () => {
  const { username, password } = await api.signUp();
  const reported = [
    undefined,
    'busy',
    'no answer',
    'cancelled',
    'declined',
    'unavailable',
    'failed',
  ];
  await store([
    call(username, minutesAgo(9), { called: '4155550109' }),
    ...reported.map((outcome, n) =>
      call(username, minutesAgo(8 - n), {
        called: `415555010${n}`,
        talkMicroseconds: 0,
        outcome: outcome as CallOutcome | undefined,
      }),
    ),
  ]);
  const visitor = await signIn(username, password);
  const found = async (outcome: string) => {
    const query = new URLSearchParams({ outcome, search: '' });
    const { body } = await visitor.open(`/calls?${query}`);
    assert.match(body, new RegExp(`<option value="${outcome}" selected>`));
    assert.match(
      body,
      new RegExp(`calls\\.csv\\?[^"]*outcome=${query.get('outcome')?.replace(' ', '\\+')}`),
    );
    return rowsOf(body.slice(body.lastIndexOf('<section'))).map((row) => [
      /41555501(\d\d)/.exec(row)?.[1],
      />([^<>]+)<\/span><\/td><td role="cell" data-label="Rate"/.exec(row)?.[1],
    ]);
  };
  const missed = [
    ['06', 'Failed'],
    ['05', 'Unavailable'],
    ['04', 'Declined'],
    ['03', 'Cancelled'],
    ['02', 'No answer'],
    ['01', 'Busy'],
    ['00', 'Not answered'],
  ];
  assert.deepEqual(await found('not answered'), missed);
  assert.deepEqual(await found('answered'), [['09', '0:40']]);
  assert.deepEqual(await found('busy'), [['01', 'Busy']]);
  assert.deepEqual(await found('no answer'), [['02', 'No answer']]);
  const lines = async (query: string, format: string) =>
    (await visitor.open(`/calls/calls.${format}?${query}`)).body.trimEnd().split(/\r?\n/);
  const [, busy = '', ...others] = await lines('outcome=busy', 'csv');
  assert.deepEqual([busy.split(',').at(-1), others], ['busy', []]);
  const all = (await lines('', 'ndjson')).map((line) => JSON.parse(line).outcome);
  assert.deepEqual(all, [...reported.toReversed().map((one) => one ?? null), 'answered']);
});

test('days are those of the account, also where they do not exist', async () => {
  const { username, password } = await api.signUp();
  const { db } = api.service;
  await db.query("UPDATE account SET time_zone = 'Pacific/Auckland' WHERE username = $1", [
    username,
  ]);
  await store([
    call(username, new Date('2026-11-01T10:30:00Z')),
    call(username, new Date('2026-11-01T11:30:00Z')),
  ]);
  const visitor = await signIn(username, password);
  // In that zone the day ends at 11:00 UTC.
  const count = async (from: string, to: string) =>
    rowsOf((await visitor.open(`/calls?from=${from}&to=${to}`)).body).filter(
      (row) => row.includes('3125550199') && row.includes('<time'),
    ).length;
  assert.equal(await count('2026-11-01', '2026-11-01'), 1);
  assert.equal(await count('2026-11-02', '2026-11-02'), 1);
  assert.equal(await count('2026-11-02', '2026-11-01'), 2);
  for (const query of [
    'from=2026-02-30',
    'to=x',
    'from=9999-01-01',
    'after=x',
    'account=x',
    'from=a&from=b',
  ]) {
    assert.equal((await visitor.open(`/calls?${query}`)).status, 200, query);
  }
});

test('plots are by the unit that is asked for, or by the next that suits the range', async () => {
  const { username, password } = await api.signUp();
  await store([call(username, minutesAgo(10))]);
  const visitor = await signIn(username, password);
  const to = today();
  for (const [days, by, expected] of [
    [7, 'hour', 'hour'],
    [8, 'hour', 'day'],
    [92, 'day', 'day'],
    [93, 'day', 'month'],
    [366, '', 'month'],
    [7, 'month', 'month'],
    [5_000, '', undefined],
  ] as const) {
    const { body } = await visitor.open(`/calls?from=${addDays(to, 1 - days)}&to=${to}&by=${by}`);
    const shown = /<h2>Calls by (\w+)<\/h2>/.exec(body)?.[1];
    assert.deepEqual([days, by, shown], [days, by, expected]);
    assert.match(body, expected ? /Busiest destinations/ : /at most ten years/);
  }
});

test('the downloads hold what the page shows, safe for spreadsheets', async () => {
  const { username, password } = await api.signUp();
  const [older, newer] = [
    call(username, new Date('2026-11-02T10:00:00Z'), { callerName: '=HYPERLINK("x","y")' }),
    call(username, new Date('2026-11-02T11:00:00Z'), {
      called: '+493012345678',
      sourceIp: undefined,
      callerName: 'A, "B" ü',
    }),
  ];
  await store([older, newer]);
  const visitor = await signIn(username, password);
  const csv = await visitor.open('/calls/calls.csv?from=2026-11-02&to=2026-11-02');
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
  assert.equal(
    csv.headers.get('content-disposition'),
    'attachment; filename="calls-2026-11-02-2026-11-02.csv"',
  );
  assert.deepEqual(csv.body.split('\r\n'), [
    'start,account,caller,caller_name,called,source_ip,talk_seconds,billed_seconds,rate_per_minute,amount,id,outcome',
    `2026-11-02T11:00:00.000Z,${username},2125550100,"A, ""B"" ü",+493012345678,,40,42,0.007500,0.005250,${newer?.id},answered`,
    `2026-11-02T10:00:00.000Z,${username},2125550100,"'=HYPERLINK(""x"",""y"")",3125550199,192.0.2.13,40,42,0.007500,0.005250,${older?.id},answered`,
    '',
  ]);
  const ndjson = await visitor.open(
    '/calls/calls.ndjson?from=2026-11-02&to=2026-11-02&search=%2B49',
  );
  assert.equal(ndjson.body.endsWith('\n'), true);
  assert.deepEqual(JSON.parse(ndjson.body), {
    start: '2026-11-02T11:00:00.000Z',
    id: newer?.id,
    account: username,
    caller: '2125550100',
    called: '+493012345678',
    sourceIp: null,
    talkSeconds: 40,
    outcome: 'answered',
    billedSeconds: 42,
    rate: '0.007500',
    amount: '0.005250',
    callerName: 'A, "B" ü',
  });
});

test('who pays sees the calls that it pays for; who does not sees its own and no ledger', async () => {
  const payer = await api.signUp();
  const { apikey } = await api.administrator();
  const username = 3_000_000_777;
  const added = await api.call(
    'add',
    { name: 'Sub', email: 'sub@example.com', username, masterAccount: payer.username },
    apikey,
  );
  const { password } = added.body.account;
  await store([
    call(payer.username, minutesAgo(2), { called: '4155550001' }),
    call(username, minutesAgo(1), { called: '4155550002' }),
  ]);
  await postEntry(api.service.db, {
    account: payer.username,
    kind: 'payment',
    amount: '25',
    reason: 'Secret payment',
    actor: 'test',
    at: api.service.clock(),
  });
  const own = await signIn(payer.username, payer.password);
  const both = (await own.open('/calls')).body;
  assert.match(both, /4155550001/);
  assert.match(both, /4155550002/);
  const one = (await own.open(`/calls?account=${username}`)).body;
  assert.doesNotMatch(one, /4155550001/);
  assert.match((await own.open('/charges')).body, /Secret payment/);

  const sub = await signIn(username, password);
  for (const path of [
    '/calls',
    `/calls?account=${payer.username}`,
    `/calls/calls.csv?account=${payer.username}`,
  ]) {
    const { body } = await sub.open(path);
    assert.match(body, /4155550002/);
    assert.doesNotMatch(body, /4155550001/);
  }
  assert.doesNotMatch((await sub.open('/charges')).body, /Secret payment/);
  assert.equal((await sub.open(`/charges/statement?month=${today().slice(0, 7)}`)).status, 404);
  assert.equal((await own.open('/charges/statement?month=2999-01')).status, 404);
  const statement = await own.open(`/charges/statement?month=${today().slice(0, 7)}`);
  assert.match(statement.body, /Opening balance[\s\S]*\$0\.00[\s\S]*Secret payment/);
});

test('every page of a new account says what to do next', async () => {
  const { username, password } = await api.signUp();
  const visitor = await signIn(username, password);
  for (const [path, expected] of [
    ['/overview', /No calls in the last 30 days[\s\S]*No phone is registered/],
    ['/calls', /There are none in this range/],
    ['/charges', /No recurring charges[\s\S]*Nothing was credited or debited yet/],
  ] as const) {
    const { status, body } = await visitor.open(path);
    assert.equal(status, 200);
    assert.match(body, expected);
  }
});
