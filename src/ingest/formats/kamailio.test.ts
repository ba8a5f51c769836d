import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../../test/support/parsing.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';

// A record from acc_json of a running Kamailio 5.6, with added tags and reference.
const RECORD = {
  start_time: '1795471712.256',
  end_time: '1795471715.559',
  duration: '3.303',
  callid: '1-20646@127.0.0.1',
  from_tag: '20646a1',
  to_tag: '20640b1',
  call_ref: '5f0d6a4e-6f0e-4f3e-9a39-0d3f6f6d2f11',
  account: '4592086960',
  cid: '4592086960',
  dst: '18005551212',
  src_ip: '127.0.0.1',
  cname: '"Alice Example"',
};
const idOf = (record: object) =>
  (parsed('kamailio', JSON.stringify(record))[0] as { id: string }).id;

test('a record of acc_json is a call', () => {
  const [call] = parsed('kamailio', JSON.stringify(RECORD));
  assert.deepEqual(call, {
    id: idOf(RECORD),
    account: 4592086960,
    startedAt: new Date(1795471712_256),
    talkMicroseconds: 3_303_000,
    outcome: undefined,
    caller: '4592086960',
    called: '8005551212',
    dialled: '18005551212',
    sourceIp: '127.0.0.1',
    callerName: '"Alice Example"',
    switchDebit: undefined,
    callId: RECORD.call_ref,
  });
  assert.match(idOf(RECORD), /^[0-9a-f]{32}$/);
});

test('a call is told by Call-ID, both tags and its start, so that no one suppresses another', () => {
  const ids = [
    RECORD,
    { ...RECORD, callid: '2-20646@127.0.0.1' },
    { ...RECORD, from_tag: 'other' },
    { ...RECORD, to_tag: 'other' },
    { ...RECORD, to_tag: `${'x'.repeat(300)}1` },
    { ...RECORD, to_tag: `${'x'.repeat(300)}2` },
    { ...RECORD, start_time: '1795471712.257' },
  ].map(idOf);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(idOf({ ...RECORD, duration: '4.000', account: '2000000001' }), ids[0]);
});

test('an unanswered call, one of a trunk, and one without tags are read', () => {
  const [call] = parsed(
    'kamailio',
    JSON.stringify({
      ...RECORD,
      duration: '0.000',
      account: 'trunk',
      to_tag: '',
      call_ref: '',
    }),
  );
  const { talkMicroseconds, account, callId } = call as {
    talkMicroseconds: number;
    account?: number;
    callId: string;
  };
  assert.deepEqual([talkMicroseconds, account, callId], [0, undefined, RECORD.callid]);
});

test('what callers choose never keeps a call from being read', () => {
  const long = 'x'.repeat(5_000);
  const [call] = parsed(
    'kamailio',
    JSON.stringify({ ...RECORD, callid: long, cname: long, cid: long, dst: `1${long}` }),
  );
  const { callerName, caller, called } = call as ReportedCall;
  assert.deepEqual([callerName?.length, caller?.length, called?.length], [128, 128, 128]);
});

test('a record without what tells a call is rejected', () => {
  for (const [name, detail] of [
    ['callid', 'callid is missing'],
    ['start_time', 'start_time is no time'],
    ['duration', 'duration is no duration'],
  ] as const) {
    const raw = JSON.stringify({ ...RECORD, [name]: undefined });
    assert.deepEqual(parsed('kamailio', raw), [{ detail, raw, line: 1 }]);
  }
});
