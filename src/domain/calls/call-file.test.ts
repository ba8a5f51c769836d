import assert from 'node:assert/strict';
import { test } from 'node:test';
import Papa from 'papaparse';
import { addCustomer, countsOf, reportedCall } from '../../../test/support/calls.ts';
import { sharedService } from '../../../test/support/service.ts';
import { storeCalls } from './call.ts';
import { type CallFileFormat, callFile } from './call-file.ts';

const api = sharedService();

const range = { from: '2026-11-02', to: '2026-11-02', timeZone: 'UTC' };
const days = { from: '2026-11-01', to: '2026-11-02', timeZone: 'UTC' };
const NOON_MS = Date.parse('2026-11-02T12:00:00Z');

/** Stores calls one second apart, the newest first. */
async function store(account: number, calls: { caller: string; callerName: string }[]) {
  const { db, clock } = api.service;
  const reported = calls.map(({ caller, callerName }, n) =>
    reportedCall({ account, caller, callerName, startedAt: new Date(NOON_MS - n * 1_000) }),
  );
  assert.equal(countsOf(await storeCalls(db, 'test', reported, clock())).stored, calls.length);
}

async function file(billingAccount: number, format: CallFileFormat): Promise<string> {
  const filter = { scope: { billingAccount }, range, search: '' };
  return (await Array.fromAsync(callFile(api.service.db, filter, format))).join('');
}

const namesOf = (ndjson: string) =>
  ndjson
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).callerName);
const rowsOf = (csv: string) =>
  Papa.parse<Record<string, string>>(csv.trimEnd(), { header: true }).data;

test('any text stands in a file as it came, but for what a spreadsheet would compute', async () => {
  const account = await addCustomer(api);
  const names = [
    ['Plain Name', 'Plain Name'],
    ['100% & more', '100% & more'],
    ['Größe 😀', 'Größe 😀'],
    ['=1+1', "'=1+1"],
    ['=A1', "'=A1"],
    ['a%20b', 'a%20b'],
    ['+4930123', '+4930123'],
    ['+1-1', "'+1-1"],
    ['-1', '-1'],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['two\r\nlines', 'two\r\nlines'],
    ['a\ttab, "quotes"', 'a\ttab, "quotes"'],
    ['marks \u0003\u0004 within \u0003', 'marks \u0003\u0004 within \u0003'],
    ['back\\slash', 'back\\slash'],
    ['\\.', '\\.'],
  ] as const;
  await store(
    account,
    names.map(([name]) => ({ caller: name, callerName: name })),
  );
  const ndjson = await file(account, 'ndjson');
  assert.deepEqual(
    namesOf(ndjson),
    names.map(([name]) => name),
  );
  assert.deepEqual(
    ndjson
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).caller),
    names.map(([name]) => name),
  );
  const rows = rowsOf(await file(account, 'csv'));
  const expected = names.map(([, cell]) => cell);
  assert.deepEqual(
    rows.map((row) => row.caller_name),
    expected,
  );
  assert.deepEqual(
    rows.map((row) => row.caller),
    expected,
  );
});

test('a line tells what of the amount is not rate times seconds, where there is something', async () => {
  const account = await addCustomer(api);
  await store(account, [
    { caller: '2125550101', callerName: 'A' },
    { caller: '2125550102', callerName: 'B' },
  ]);
  await api.service.db.query(
    "UPDATE call SET amount = 0.35, fee = 0.05 WHERE account = $1 AND caller = '2125550102'",
    [account],
  );
  const told = (await file(account, 'ndjson'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .map(({ caller, fee, amount }) => [caller, fee, amount]);
  assert.deepEqual(told.sort(), [
    ['2125550101', undefined, '0.017500'],
    ['2125550102', '0.050000', '0.350000'],
  ]);
});

test('names survive however a long file is cut on its way', async () => {
  const account = await addCustomer(api);
  const names = Array.from({ length: 3_000 }, (_, n) => `${'ö, "'.repeat(n % 40)}${n}`);
  await store(
    account,
    names.map((callerName) => ({ caller: '2125550100', callerName })),
  );
  assert.deepEqual(namesOf(await file(account, 'ndjson')), names);
  const csv = await file(account, 'csv');
  assert.deepEqual(
    rowsOf(csv).map((row) => row.caller_name),
    names,
  );
  assert.equal(csv.split('\r\n').length, names.length + 2);
});

test('a file of several accounts tells each call once, newest first, whatever they crowd in', async () => {
  const payer = await addCustomer(api);
  const others = [
    await addCustomer(api, { master: payer }),
    await addCustomer(api, { master: payer }),
  ];
  const accounts = [payer, ...others];
  const calls = Array.from({ length: 5_000 }, (_, n) =>
    reportedCall({
      account: accounts[n % 3] as number,
      caller: n % 1_000 === 0 ? '4930123' : '2125550100',
      // Most are within a second, several at one moment, some hours apart.
      startedAt: new Date(NOON_MS - (n < 4_990 ? n >> 3 : (n - 4_980) * 3_600_000)),
    }),
  );
  const { db, clock } = api.service;
  await storeCalls(db, 'test', calls.slice(0, 2_500), clock());
  await storeCalls(db, 'test', calls.slice(2_500), clock());
  const told = (search: string) =>
    Array.fromAsync(
      callFile(db, { scope: { billingAccount: payer }, range: days, search }, 'ndjson'),
    );
  const linesOf = (parts: string[]) =>
    parts
      .join('')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  const order = (a: { start: string; id: string }, b: typeof a) =>
    a.start === b.start ? b.id.localeCompare(a.id) : b.start.localeCompare(a.start);
  const expected = calls
    .map(({ startedAt, id, account }) => ({ start: startedAt.toISOString(), id, account }))
    .sort(order);
  const lines = linesOf(await told(''));
  assert.deepEqual(
    lines.map(({ start, id, account }) => ({ start, id, account })),
    expected,
  );
  const found = linesOf(await told('4930123'));
  assert.deepEqual(
    found.map(({ id }) => id).sort(),
    [0, 1_000, 2_000, 3_000, 4_000].map((n) => calls[n]?.id).sort(),
  );
});

test('a file without calls has its head alone, whoever asks', async () => {
  const account = await addCustomer(api);
  const head =
    'start,account,caller,caller_name,called,source_ip,talk_seconds,billed_seconds,rate_per_minute,amount,id,outcome\r\n';
  assert.equal(await file(account, 'csv'), head);
  assert.equal(await file(account, 'ndjson'), '');
  assert.equal(await file(999, 'csv'), head);
});
