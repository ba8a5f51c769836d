import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../../test/support/parsing.ts';

const RECORD = {
  id: 'call-1',
  account: 4592086960,
  start: 1747345200,
  duration: 39.54,
  cid: '8666326621',
  dst: '+18008786160',
  ip: '192.0.2.13',
  cn: 'Toll Free Call',
};
const CALL = {
  id: (parsed('generic', JSON.stringify(RECORD))[0] as { id: string }).id,
  account: 4592086960,
  startedAt: new Date(1747345200_000),
  talkMicroseconds: 39_540_000,
  outcome: undefined,
  caller: '8666326621',
  called: '8008786160',
  dialled: '+18008786160',
  sourceIp: '192.0.2.13',
  callerName: 'Toll Free Call',
  switchDebit: undefined,
  callId: 'call-1',
};
const read = (fields: object, feed = {}) =>
  parsed('generic', JSON.stringify({ ...RECORD, ...fields }), feed)[0] as typeof CALL & {
    detail?: string;
  };

test('numbers may be strings, and the start may be ISO 8601 with its zone', () => {
  assert.deepEqual(read({}), CALL);
  assert.deepEqual(read({ account: '4592086960', start: '1747345200', duration: '39.54' }), CALL);
  assert.deepEqual(read({ start: '2025-05-15T23:40:00+02:00' }), CALL);
  assert.deepEqual(read({ start: '2025-05-15T21:40Z' }), CALL);
  const exact = { start: '2025-05-15T21:40:00.256789Z', duration: '39.540321' };
  const call = {
    ...CALL,
    startedAt: new Date(1747345200_256),
    talkMicroseconds: 39_540_321,
  };
  assert.deepEqual(read(exact), call);
  assert.deepEqual(read({ start: 1747345200.256789, duration: 39.540321 }), call);
  assert.equal(read({ start: '2025-05-15T23:40:00' }).detail, 'start has no time zone');
});

test('a uuid is the id; any other is hashed with the feed that it is unique in', () => {
  const uuid = 'F2CE9C30-1d7a-4b6f-9a39-0d3f6f6d2f11';
  assert.equal(read({ id: uuid }).id, 'f2ce9c301d7a4b6f9a390d3f6f6d2f11');
  assert.notEqual(read({}, { name: 'switch-2' }).id, CALL.id);
  assert.equal(read({ call_id: 'asked-1' }).callId, 'asked-1');
});

test('an empty member, and null, count as missing', () => {
  assert.deepEqual(read({ account: null }), { ...CALL, account: undefined });
  assert.deepEqual(read({ account: '', call_id: '', end: null, cn: '' }), {
    ...CALL,
    account: undefined,
    callerName: undefined,
  });
});

test('numbers that JSON does not keep apart identify nothing', () => {
  const detail = (name: string) =>
    `${name} is a number that is not kept exactly: send it as a string`;
  for (const [fields, name] of [
    [{ id: 2 ** 63 }, 'id'],
    [{ id: 1795471865.1 }, 'id'],
    [{ call_id: 2 ** 53 }, 'call_id'],
    [{ dst: 1.5 }, 'dst'],
  ] as const) {
    assert.equal(read(fields).detail, detail(name));
  }
  assert.deepEqual(read({ id: 17 }), read({ id: '17' }));
  assert.equal(read({ id: '12345678901234567890' }).detail, undefined);
});

test('a first line that has a column twice reads no row', () => {
  const row = 'id,start,duration,duration\ncall-1,1747345200,40,4000';
  const [record] = parsed('generic', row) as { detail: string; raw: string }[];
  assert.deepEqual([record?.detail, record?.raw], ['the header has "duration" twice', row]);
});

test('a header that lost its line end is rejected with the row in it', () => {
  const lines = ['id,start,duration,cncall-1,1747345200,40,Ada', 'call-2,1747345300,41,Ada'];
  const records = parsed('generic', lines.join('\n')) as { detail: string; raw: string }[];
  const detail = 'the header has the value "1747345200"';
  assert.deepEqual(
    records.map((record) => [record.detail, record.raw]),
    [
      [detail, lines[0]],
      [detail, lines.join('\n')],
    ],
  );
});

test('a feed whose switch debits says what it took', () => {
  const feed = { debits: 'switch' };
  const took = (fields: object) => read(fields, feed).switchDebit ?? read(fields, feed).detail;
  assert.deepEqual(took({ rate: '0.025', amount: '0.0211' }), { rate: '0.025', amount: '0.0211' });
  assert.deepEqual(took({ rate: '999999.999999', amount: '999999999999.999999' }), {
    rate: '999999.999999',
    amount: '999999999999.999999',
  });
  // The switch debited nothing.
  assert.deepEqual(took({ rate: '0.025', duration: 0 }), { rate: '0.025', amount: '0' });
  assert.deepEqual(took({}), { rate: '0', amount: '0' });
  assert.deepEqual(took({ rate: null, amount: '' }), { rate: '0', amount: '0' });
  // The switch debited an unknown amount.
  assert.deepEqual(took({ rate: '0.025' }), { rate: '0.025', amount: undefined });
  assert.equal(took({ amount: '0.0211' }), 'rate is missing');
  for (const rate of ['1000000', '-0.1', '0.0000001', 0.025, '1e3', 'free']) {
    const problem = 'rate is no decimal string from 0 to 999999.999999';
    assert.equal(took({ rate, amount: '1' }), problem, String(rate));
  }
  for (const amount of ['1000000000000', '-0.1', '0.0000001', 1, 'NaN']) {
    const problem = 'amount is no decimal string from 0 to 999999999999.999999';
    assert.equal(took({ rate: '1', amount }), problem, String(amount));
  }
});

test('what is missing or wrong rejects the record', () => {
  for (const [fields, detail] of [
    [{ id: undefined }, 'id is missing'],
    [{ id: { a: 1 } }, 'id is not a text'],
    [{ account: 17 }, 'account is no username of ten digits'],
    [{ start: 'now' }, 'start is no time'],
    [{ start: -5 }, 'start is no time'],
    [{ start: 1e300 }, 'start is no time'],
    [{ start: '2026-02-30T10:00:00Z' }, 'start is no time'],
    [{ start: '2026-02-29T10:00:00+01:00' }, 'start is no time'],
    [{ start: '2026-13-01T10:00:00Z' }, 'start is no time'],
    [{ start: '2026-01-01T24:00:00Z' }, 'start is no time'],
    [{ start: '2026-01-01T10:00:00+25:00' }, 'start is no time'],
    [{ end: '2026-02-30T10:00:00Z' }, 'end is no time'],
    [{ duration: undefined }, 'duration is no duration'],
    [{ duration: -1 }, 'duration is no duration'],
    [{ duration: 1e12 }, 'duration is too long'],
    [{ cid: ['8666326621'] }, 'cid is not a text'],
  ] as const) {
    assert.equal(read(fields).detail, detail);
  }
});

test('one damaged line, or member of an array, is rejected alone, as it came', () => {
  const good = JSON.stringify(RECORD);
  const damaged = [
    '{"id": "call-2", "start": 1.50}',
    '{"id": "call-3", "id": "call-3"}',
    '{"id": "a\\u0000b"}',
    '[1]',
    '"text"',
    '{"id": tru}',
  ];
  const raws = (body: string) =>
    parsed('generic', body).map((record) => (record as { raw?: string }).raw);
  for (const raw of damaged) {
    assert.deepEqual(raws(`[${good} , ${raw},\n ${good}]`), [undefined, raw, undefined], raw);
    if (raw === '[1]') continue;
    assert.deepEqual(
      raws(`${good}\n${raw}\r\n\n${good}\n`).map((line) => line?.trim()),
      [undefined, raw, undefined],
    );
  }
  const [, broken] = parsed('generic', `[\n${good},\n{"id": 1}]`) as { line?: number }[];
  assert.equal(broken?.line, 3);
});

test('of an array that is cut off, the whole members are read and the rest is kept', () => {
  const good = JSON.stringify(RECORD);
  const body = `[${good},${good},${good.slice(0, 50)}`;
  assert.deepEqual(parsed('generic', body), [
    CALL,
    CALL,
    { detail: 'The body must be JSON in UTF-8', raw: good.slice(0, 50), line: 1 },
  ]);
});

test('an indented object that is damaged is kept whole', () => {
  const raw = `${JSON.stringify(RECORD, null, 2).slice(0, -1)},\n`;
  assert.deepEqual(parsed('generic', raw), [
    { detail: 'The body must be JSON in UTF-8', raw, line: 1 },
  ]);
});

test('CSV with a header is read the same', () => {
  const rows = [
    'ID,start,duration,account,cid,dst,ip,cn',
    'call-1,1747345200,39.54,4592086960,8666326621,18008786160,192.0.2.13,Toll Free Call',
    '"call-1","2025-05-15T21:40:00Z",39.54,4592086960,8666326621,8008786160,192.0.2.13,"Toll Free Call"',
    'call-2,1747345200,0,,8666326621,8008786160,,"a, ""b"""',
    'call-3,1747345200',
    'call-4,"1747345200',
  ];
  const records = parsed('generic', `\ufeff${rows.join('\r\n')}\r\n`);
  const { dialled: _, ...ten } = CALL;
  assert.deepEqual(records.slice(0, 2), [{ ...CALL, dialled: '18008786160' }, ten]);
  const third = records[2] as typeof CALL;
  assert.deepEqual(
    [third.account, third.callerName, third.sourceIp, third.talkMicroseconds],
    [undefined, 'a, "b"', undefined, 0],
  );
  const rejected = records.slice(3) as { detail: string; raw: string; line: number }[];
  assert.deepEqual(
    rejected.map(({ detail, line }) => [detail, line]),
    [
      ['2 fields, where the header has 8', 5],
      ['no row of comma separated values', 6],
    ],
  );
  // Each rejected record can be read again alone.
  for (const { raw, detail } of rejected) {
    const [again] = parsed('generic', raw) as { detail: string; raw: string }[];
    assert.deepEqual([again?.detail, again?.raw], [detail, raw]);
  }
});
