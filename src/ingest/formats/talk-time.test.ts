import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeswitchCdr } from '../../../test/support/freeswitch.ts';
import { parsed } from '../../../test/support/parsing.ts';
import { SAMPLES } from '../../../test/support/records.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';
import type { FeedFormat } from '../../domain/calls/feed.ts';

const START = 1_795_471_712;
const CALL = { account: 4592086960, number: 1, start: START, talk: 40 };

/** Records of a call that was answered within three seconds and had 40 seconds of talk. */
const RECORDS: [FeedFormat, string, (talk: number) => string][] = [
  [
    'kamailio',
    'where the call ended after 40 s',
    (talk) => SAMPLES.kamailio(CALL).replace('"40.000"', `"${talk}"`),
  ],
  [
    'asterisk',
    'where the call ended after 40 s',
    (talk) => SAMPLES.asterisk(CALL).replace(',43,40,', `,43,${talk},`),
  ],
  [
    'freeswitch',
    'where the call ended after 40 s',
    (talk) => {
      const record = freeswitchCdr({ ...CALL, accountcode: CALL.account });
      record.variables.billusec = String(talk * 1_000_000);
      record.variables.billmsec = String(talk * 1_000);
      record.variables.billsec = String(Math.floor(talk));
      return JSON.stringify(record);
    },
  ],
  [
    'generic',
    'where the call ended after 40 s',
    (talk) =>
      JSON.stringify({ ...JSON.parse(SAMPLES.generic(CALL)), duration: talk, end: START + 40 }),
  ],
];

for (const [format, room, record] of RECORDS) {
  test(`${format}: a talk time beyond the end that the record tells is rejected`, () => {
    const talkOf = (talk: number) =>
      (parsed(format, record(talk))[0] as ReportedCall).talkMicroseconds;
    for (const talk of [0, 39, 41, 45]) assert.equal(talkOf(talk), talk * 1_000_000);
    for (const talk of [46, 86_400, 301_148.4]) {
      const raw = record(talk);
      const detail = `${talk} s of talk, ${room}`;
      assert.deepEqual(parsed(format, raw), [{ detail, raw, line: 1 }]);
    }
  });
}

test('a call with an end before its start is rejected', () => {
  const raw = SAMPLES.kamailio(CALL).replace(`"${START + 40}.256"`, `"${START - 40}.256"`);
  const detail = '40 s of talk, where the call ended after -40 s';
  assert.deepEqual(parsed('kamailio', raw), [{ detail, raw, line: 1 }]);
});

test('a talk time beyond the whole call is rejected, whatever the time of the answer', () => {
  const day = 86_400;
  const switched = freeswitchCdr({ ...CALL, accountcode: CALL.account, talk: day });
  Object.assign(switched.variables, {
    answer_epoch: String(START - day),
    end_epoch: String(START + 43),
  });
  const early = new Date((START - day) * 1_000).toISOString().slice(0, 19).replace('T', ' ');
  const row = SAMPLES.asterisk(CALL).replace(',43,40,', `,43,${day},`);
  const [answer = ''] = row.match(/"[^"]*"(?=,"[^"]*",43,)/) ?? [];
  for (const [format, raw] of [
    ['freeswitch', JSON.stringify(switched)],
    ['asterisk', row.replace(answer, `"${early}"`)],
  ] as const) {
    const detail = `${day} s of talk, where the call ended after 43 s`;
    assert.deepEqual(parsed(format, raw), [{ detail, raw, line: 1 }], format);
  }
});

test('asterisk: a talk time beyond the duration is rejected, with and without a column of the end', () => {
  const header = 'accountcode,src,dst,start,answer,duration,billsec,disposition';
  const withoutEnd = (talk: number) =>
    `${header}\n"4592086960","2125550100","12125550123",${START},${START + 3},43,${talk},"ANSWERED"`;
  const [call] = parsed('asterisk', withoutEnd(48));
  assert.equal((call as ReportedCall).talkMicroseconds, 48_000_000);
  const detail = '49 s of talk, where the call ended after 43 s';
  assert.deepEqual(parsed('asterisk', withoutEnd(49)), [{ detail, raw: withoutEnd(49), line: 2 }]);
  const raw = SAMPLES.asterisk(CALL).replace(',43,40,', ',30,40,');
  assert.deepEqual(parsed('asterisk', raw), [
    { detail: '40 s of talk, where the call ended after 30 s', raw, line: 1 },
  ]);
});

test('opensips: counts of a talk time that contradict each other are rejected', () => {
  const record = (ms: number) => SAMPLES.opensips(CALL).replace('"40000"', `"${ms}"`);
  for (const ms of [39_003, 45_000, 35_000]) {
    const [call] = parsed('opensips', record(ms));
    assert.equal((call as ReportedCall).talkMicroseconds, ms * 1_000);
  }
  for (const ms of [45_001, 40_000_000, 40]) {
    const raw = record(ms);
    const detail = `ms_duration ${ms} is not duration 40`;
    assert.deepEqual(parsed('opensips', raw), [{ detail, raw, line: 1 }]);
  }
});

test('asterisk: a call across the hour that clocks show twice is billed', () => {
  const clocks = { start: '2026-11-01 01:50:00', end: '2026-11-01 01:10:00' };
  const row =
    '"4592086960","2125550100","12125550123","default","2125550100","PJSIP/1","PJSIP/2","Dial","",' +
    `"${clocks.start}","${clocks.start}","${clocks.end}",1200,1200,"ANSWERED","DOCUMENTATION"`;
  const [call] = parsed('asterisk', row, { timeZone: 'America/New_York' });
  assert.equal((call as ReportedCall).talkMicroseconds, 1_200_000_000);
});
