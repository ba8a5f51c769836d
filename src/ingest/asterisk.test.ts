import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../test/support/parsing.ts';

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
