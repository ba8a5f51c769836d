import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../../test/support/parsing.ts';

const BASE =
  '"4592086960","8666326621","8008786160","from-internal","""Toll ""Free"" Call"" <8666326621>",' +
  '"PJSIP/1000-00000001","PJSIP/trunk-00000002","Dial","PJSIP/8008786160@trunk,30",' +
  '"2026-11-23 22:11:05","2026-11-23 22:11:08","2026-11-23 22:11:48",43,40,"ANSWERED","DOCUMENTATION"';
const UNANSWERED = BASE.replace('"2026-11-23 22:11:08"', '').replace(
  ',43,40,"ANSWERED"',
  ',43,0,"NO ANSWER"',
);
const UNIQUE = ',"1795471865.17"';
const NEW = ',"","1795471865.17",3';

interface Call {
  id: string;
  callId?: string;
  startedAt: Date;
  talkMicroseconds: number;
  callerName?: string;
}
const read = (row: string, timeZone = 'UTC') => parsed('asterisk', row, { timeZone })[0] as Call;

test('a row of Master.csv is a call', () => {
  const row = `${BASE}${UNIQUE},"user field"${NEW}`;
  assert.deepEqual(parsed('asterisk', `${row}\r\n`), [
    {
      id: read(row).id,
      account: 4592086960,
      startedAt: new Date('2026-11-23T22:11:05Z'),
      talkMicroseconds: 40_000_000,
      outcome: 'answered',
      caller: '8666326621',
      called: '8008786160',
      sourceIp: undefined,
      callerName: '"Toll "Free" Call"',
      switchDebit: undefined,
      callId: '1795471865.17',
    },
  ]);
});

test('optional columns are told by their form, and the id comes from uniqueid and sequence', () => {
  const full = read(`${BASE}${UNIQUE},"user field"${NEW}`);
  assert.equal(read(`${BASE}${UNIQUE}${NEW}`).id, full.id, 'without userfield');
  const changed = BASE.replace('"Dial"', '"Queue"');
  assert.equal(read(`${changed}${UNIQUE}${NEW}`).id, full.id, 'the row does not matter then');
  assert.notEqual(read(`${BASE}${UNIQUE},"","1795471865.17",4`).id, full.id);
  const hashed = [BASE, `${BASE}${UNIQUE}`, `${BASE}${UNIQUE},"x"`, `${BASE},"x"`, `${BASE}${NEW}`];
  assert.equal(new Set([...hashed.map((row) => read(row).id), full.id]).size, 6);
  assert.notEqual(read(changed).id, read(BASE).id);
  assert.deepEqual(
    hashed.map((row) => read(row).callId),
    [undefined, '1795471865.17', '1795471865.17', undefined, undefined],
  );
  assert.equal(read(`${BASE},"pbx-1-1795471865.17"`).callId, 'pbx-1-1795471865.17');
});

test('an unanswered call has no seconds', () => {
  assert.ok(UNANSWERED.includes(',,'));
  assert.equal(read(UNANSWERED).talkMicroseconds, 0);
  assert.equal(read(BASE.replace('"ANSWERED"', '"FAILED"')).talkMicroseconds, 0);
});

test('times are those of the time zone of the feed', () => {
  assert.deepEqual(read(BASE, 'America/New_York').startedAt, new Date('2026-11-24T03:11:05Z'));
  const summer = BASE.replaceAll('2026-11-23', '2026-07-23');
  assert.deepEqual(read(summer, 'America/New_York').startedAt, new Date('2026-07-24T02:11:05Z'));
});

test('a caller without a name has none', () => {
  const named = (clid: string) => read(BASE.replace('"""Toll ""Free"" Call"" <8666326621>"', clid));
  assert.equal(named('"<8666326621>"').callerName, undefined);
  assert.equal(named('8666326621').callerName, undefined);
  assert.equal(named('Alice').callerName, 'Alice');
});

test('a damaged row takes no other with it', () => {
  const other = `${BASE}${UNIQUE}${NEW}`;
  const damaged = [
    BASE.replace('"8666326621"', '"8666326621'),
    BASE.replace('"8666326621"', '"8666"326621"'),
    BASE.slice(0, 100),
    BASE.replace('"2026-11-23 22:11:05"', '"yesterday"'),
    BASE.replace(',40,', ',forty,'),
    UNANSWERED.replace(',0,', ',,'),
    UNANSWERED.replace('"NO ANSWER"', '"DOCUMENTATION"'),
    UNANSWERED.replace('"2026-11-23 22:11:48"', '"DOCUMENTATION"'),
    `${BASE}${UNIQUE},"user field"${NEW},"more"`,
    'nonsense',
  ];
  const lines = damaged.flatMap((row) => [row, other]);
  const records = parsed('asterisk', lines.join('\n')) as { raw?: string; line?: number }[];
  assert.deepEqual(
    records.map(({ raw, line }) => (raw === undefined ? 'call' : { raw, line })),
    damaged.flatMap((raw, n) => [{ raw, line: 2 * n + 1 }, 'call']),
  );
});

test('two rows with lost quotes are not taken for one with a line end', () => {
  const records = parsed('asterisk', 'x,"y\nz",w\n') as { raw: string }[];
  assert.deepEqual(
    records.map(({ raw }) => raw),
    ['x,"y', 'z",w'],
  );
});

test('a quoted line end is part of its field', () => {
  const row = BASE.replace('"Dial"', '"Di\nal"');
  assert.deepEqual(parsed('asterisk', `${row}\n${BASE}\n`), [read(row), read(BASE)]);
  assert.equal(read(row).talkMicroseconds, 40_000_000);
});

// The order of cdr_custom.conf.sample of Asterisk 22.
const CUSTOM =
  'clid,src,dst,dcontext,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,' +
  'disposition,amaflags,accountcode,uniqueid,userfield,sequence';
const CUSTOM_ROW =
  '"""Alice"" <8666326621>","8666326621","8008786160","from-internal","PJSIP/1000-00000001",' +
  '"PJSIP/trunk-00000002","Dial","PJSIP/8008786160@trunk,30","2026-11-23 22:11:05",' +
  '"2026-11-23 22:11:08","2026-11-23 22:11:48","43","40","ANSWERED","DOCUMENTATION",' +
  '"4592086960","1795471865.17","",3';
const CUSTOM_UNANSWERED = CUSTOM_ROW.replace('"2026-11-23 22:11:08"', '""').replace(
  '"43","40","ANSWERED"',
  '"43","0","NO ANSWER"',
);

test('a first line names the columns of cdr_custom', () => {
  const call = {
    id: read(`${BASE}${UNIQUE}${NEW}`).id,
    account: 4592086960,
    startedAt: new Date('2026-11-23T22:11:05Z'),
    talkMicroseconds: 40_000_000,
    outcome: 'answered',
    caller: '8666326621',
    called: '8008786160',
    sourceIp: undefined,
    callerName: '"Alice"',
    switchDebit: undefined,
    callId: '1795471865.17',
  };
  const body = [CUSTOM, CUSTOM_ROW, CUSTOM_UNANSWERED, ''].join('\r\n');
  assert.deepEqual(parsed('asterisk', body), [
    call,
    { ...call, talkMicroseconds: 0, outcome: 'no answer' },
  ]);
  const exact = CUSTOM_ROW.replace('"40"', '39.540321').replace(
    '"2026-11-23 22:11:05"',
    '1795471865.256123',
  );
  assert.deepEqual(parsed('asterisk', `${CUSTOM}\n${exact}`), [
    { ...call, startedAt: new Date(1795471865_256), talkMicroseconds: 39_540_321 },
  ]);
});

test('columns in an order that nothing names are rejected, of calls without an answer, too', () => {
  const detail =
    'disposition is "DOCUMENTATION": where the columns have another order than in Master.csv, a ' +
    'first line must name them';
  const rows = [CUSTOM_ROW, CUSTOM_UNANSWERED];
  assert.deepEqual(
    parsed('asterisk', rows.join('\n')),
    rows.map((raw, n) => ({ detail, raw, line: n + 1 })),
  );
  const short = CUSTOM_ROW.slice(0, -2);
  assert.deepEqual(parsed('asterisk', `${CUSTOM}\n${short}`), [
    { detail: '18 fields, where the header has 19', raw: `${CUSTOM}\n${short}`, line: 2 },
  ]);
  const [header, row] = [CUSTOM, CUSTOM_ROW].map((line) =>
    line.replace(/,(?:dst|"8008786160")(?=,)/, ''),
  );
  assert.deepEqual(parsed('asterisk', `${header}\n${row}`), [
    { detail: 'the first line names no column dst', raw: `${header}\n${row}`, line: 2 },
  ]);
});
