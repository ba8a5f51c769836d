import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeswitchCdr } from '../../../test/support/freeswitch.ts';
import { parsed, parsedRegistrations } from '../../../test/support/parsing.ts';
import { GENERIC_HEADER, genericRow, SAMPLES } from '../../../test/support/records.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';
import type { FeedFormat } from '../../domain/calls/feed.ts';

const START = 1_795_471_712;
const SAMPLE = { account: 4592086960, number: 1, start: START };

/** A record of each format, as the switch writes it; NAME is in place of the caller's name. */
const NAMED: [string, FeedFormat, string][] = [
  ['kamailio', 'kamailio', named(SAMPLES.kamailio(SAMPLE), '\\"Alice [Example], {x}\\"')],
  ['opensips', 'opensips', named(SAMPLES.opensips(SAMPLE), 'Alice')],
  ['asterisk', 'asterisk', named(SAMPLES.asterisk(SAMPLE), '""Alice, ""A""""')],
  ['generic', 'generic', named(SAMPLES.generic(SAMPLE), 'Alice')],
  ['generic CSV', 'generic', `${GENERIC_HEADER}\n${named(genericRow(SAMPLE), 'Alice, ""A""')}`],
  [
    'freeswitch',
    'freeswitch',
    JSON.stringify(
      freeswitchCdr({ accountcode: SAMPLE.account, start: START, callerName: 'NAME' }),
    ),
  ],
];

function named(record: string, name: string): string {
  assert.ok(record.includes(name), record);
  return record.replace(name, 'NAME');
}

/** The record with these bytes in place of NAME. */
function withName(record: string, bytes: Buffer): Buffer {
  const [head = '', tail = ''] = record.split('NAME');
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]);
}

const UNREADABLE: [string, Buffer, string][] = [
  ['Latin-1', Buffer.from('Zo\u00eb', 'latin1'), 'Zo\uFFFD'],
  ['a character cut in its middle', Buffer.from('Zoë').subarray(0, 3), 'Zo\uFFFD'],
  ['a raw NUL', Buffer.from('a\0b'), 'a\uFFFDb'],
  ['a raw control character', Buffer.from('a\x01\x1f\tb'), 'a\uFFFD\uFFFD\uFFFDb'],
];
const ESCAPED: typeof UNREADABLE = [
  ['half a surrogate pair', Buffer.from('a\\ud83d'), 'a\uFFFD'],
  ['an escaped NUL', Buffer.from('a\\u0000b'), 'a\uFFFDb'],
  ['an escaped control character', Buffer.from('a\\u001bb\\n'), 'a\uFFFDb\uFFFD'],
];
const LINE_END: typeof UNREADABLE = [['a raw line end', Buffer.from('a\r\nb'), 'a\uFFFD\uFFFDb']];

for (const [name, format, record] of NAMED) {
  const isJson = record.startsWith('{');
  const whole = parsed(format, record)[0] as ReportedCall;
  for (const [kind, bytes, shown] of [...UNREADABLE, ...LINE_END, ...(isJson ? ESCAPED : [])]) {
    test(`${name}: ${kind} in the caller's name keeps no call from being billed`, () => {
      const call = { ...whole, callerName: shown };
      const body = withName(record, bytes);
      assert.deepEqual(parsed(format, body), [call]);
      if (!isJson) return;
      const array = Buffer.concat([Buffer.from('['), body, Buffer.from(`,\n${record}]`)]);
      assert.deepEqual(parsed(format, array), [call, whole]);
      if (kind === 'a raw line end') return;
      const lines = Buffer.concat([body, Buffer.from(`\n${record}`)]);
      assert.deepEqual(parsed(format, lines), [call, whole]);
    });
  }
}

test("a byte that is no UTF-8 in the caller's number keeps no call from being billed", () => {
  const record = SAMPLES.generic(SAMPLE).replace('"cid":"2125550100"', '"cid":"NAME"');
  const [call] = parsed('generic', withName(record, Buffer.from([0x31, 0xff])));
  assert.equal((call as ReportedCall).caller, '1\uFFFD');
});

const DAMAGED = [Buffer.from('1\xff', 'latin1'), Buffer.from('1\\u0000'), Buffer.from('1\x07')];

const withMember = (record: string, member: string) =>
  record.replace(new RegExp(`"${member}":("[^"]*"|\\d+)`), `"${member}":"NAME"`);

test('what identifies or prices a call has no damaged characters', () => {
  const damaged = 'has damaged or control characters';
  for (const [format, member, detail] of [
    ['generic', 'dst', `dst ${damaged}`],
    ['generic', 'id', `id ${damaged}`],
    ['generic', 'account', 'account is no username of ten digits'],
    ['kamailio', 'dst', `dst ${damaged}`],
    ['kamailio', 'callid', `callid ${damaged}`],
    ['kamailio', 'to_tag', `tag ${damaged}`],
    ['opensips', 'callid', `callid ${damaged}`],
  ] as const) {
    const record = withMember(SAMPLES[format](SAMPLE), member).replace(/"call_ref":"[^"]*",/, '');
    for (const bytes of DAMAGED) {
      const body = withName(record, bytes);
      assert.deepEqual(parsed(format, body), [{ detail, raw: body.toString(), line: 1 }]);
    }
  }
});

test("a phone's Call-ID or tag keeps no call from being billed where the switch has an id of its own", () => {
  const { id: _, ...whole } = parsed('kamailio', SAMPLES.kamailio(SAMPLE))[0] as ReportedCall;
  for (const member of ['callid', 'from_tag', 'to_tag']) {
    const ids = [SAMPLE, { ...SAMPLE, number: 2 }].flatMap((sample) => {
      const record = withMember(SAMPLES.kamailio(sample), member);
      return DAMAGED.map((bytes) => {
        const body = withName(record, bytes);
        const { id, ...call } = parsed('kamailio', body)[0] as ReportedCall;
        assert.deepEqual({ ...call, callId: whole.callId }, whole, body.toString());
        assert.equal((parsed('kamailio', body)[0] as ReportedCall).id, id);
        return id;
      });
    });
    assert.equal(new Set(ids).size, 2, `${member}: one for each id of the switch`);
  }
});

test("bytes that are no UTF-8 in a phone's agent keep it from nothing", () => {
  const record = JSON.stringify({
    event: 'register',
    user: '4592086960',
    contact: 'sip:4592086960@192.0.2.1:5060',
    user_agent: 'NAME',
    expires: 60,
  });
  const now = new Date(START * 1_000);
  for (const [, bytes, shown] of [...UNREADABLE, ...ESCAPED, ...LINE_END]) {
    assert.deepEqual(parsedRegistrations(withName(record, bytes), now), {
      contacts: [
        {
          user: '4592086960',
          contact: 'sip:4592086960@192.0.2.1:5060',
          received: undefined,
          userAgent: shown,
          reportedAt: now,
          expiresAt: new Date((START + 60) * 1_000),
        },
      ],
      malformed: [],
    });
  }
});
