import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsed } from '../../../test/support/parsing.ts';

const EVENT = {
  method: 'INVITE',
  from_tag: 'eb082607',
  to_tag: '4ea9687f',
  callid: 'ODVkMDI2Mzc2MDY5N2EzODhjNTAzNTdlODhiZjRlYWQ',
  sip_code: '200',
  sip_reason: 'OK',
  time: '1795471719',
  duration: '20',
  ms_duration: '19540',
  setuptime: '7',
  created: '1795471712',
  account: '4592086960',
  cid: '4592086960',
  dst: '18005551212',
  src_ip: '192.0.2.13',
  cname: 'Alice Example',
};
const read = (record: object, timeZone = 'UTC') =>
  parsed('opensips', JSON.stringify(record), { timeZone })[0] as {
    id: string;
    startedAt: Date;
    talkMicroseconds: number;
    detail?: string;
  };

test('an E_ACC_CDR event is a call, bare and as a JSON-RPC notification', () => {
  const call = {
    id: read(EVENT).id,
    account: 4592086960,
    startedAt: new Date(1795471712_000),
    talkMicroseconds: 19_540_000,
    outcome: 'answered',
    caller: '4592086960',
    called: '8005551212',
    dialled: '18005551212',
    sourceIp: '192.0.2.13',
    callerName: 'Alice Example',
    switchDebit: undefined,
    callId: EVENT.callid,
  };
  assert.deepEqual(read(EVENT), call);
  assert.deepEqual(read({ jsonrpc: '2.0', method: 'E_ACC_CDR', params: EVENT }), call);
  assert.notEqual(read({ ...EVENT, to_tag: 'other' }).id, call.id);
  assert.deepEqual(read({ ...EVENT, call_ref: 'asked-1' }), { ...call, callId: 'asked-1' });
});

test('a row of the table acc is the same call as the event', () => {
  const row = {
    id: 17,
    ...EVENT,
    duration: 20,
    ms_duration: 19540,
    setuptime: 7,
    created: '2026-11-23 23:08:32',
    time: '2026-11-23 23:08:39',
  };
  assert.deepEqual(read(row, 'Europe/Berlin'), read(EVENT));
});

test('a missed call is one of no seconds, an answered one without a duration is rejected', () => {
  const { duration: _, ms_duration: _ms, created: _created, ...missed } = EVENT;
  const call = read({ ...missed, sip_code: '487' });
  assert.deepEqual([call.talkMicroseconds, call.startedAt], [0, new Date(1795471719_000)]);
  assert.equal(
    read({ ...missed }).detail,
    'answered, and no duration: is "cdr" on in do_accounting?',
  );
  assert.equal(read({ ...missed, duration: '20' }).talkMicroseconds, 20_000_000);
});

test('rows that OpenSIPS 3.5 wrote are the calls that its events tell', () => {
  const row = {
    id: 1,
    method: 'INVITE',
    from_tag: '21673a1',
    to_tag: '19111b2',
    callid: '1-21673@127.0.0.1',
    sip_code: '200',
    sip_reason: 'OK',
    time: '2026-11-25T17:29:54',
    duration: 4,
    ms_duration: 3003,
    setuptime: 0,
    created: '2026-11-25T17:29:54',
    call_ref: '4a0180ac-687a-4fea-8615-bf52e5e27ed5',
    account: '2125550001',
    cid: '2125550001',
    dst: '12025550100',
    src_ip: '127.0.0.1',
    cname: '"Alice Ex, ample & Co"',
  };
  const call = {
    id: read(row).id,
    account: 2125550001,
    startedAt: new Date('2026-11-25T17:29:54Z'),
    talkMicroseconds: 3_003_000,
    outcome: 'answered',
    caller: '2125550001',
    called: '2025550100',
    dialled: '12025550100',
    sourceIp: '127.0.0.1',
    callerName: '"Alice Ex, ample & Co"',
    switchDebit: undefined,
    callId: row.call_ref,
  };
  assert.deepEqual(read(row), call);
  // Without the flag "cdr".
  const bare = { ...row, duration: 0, ms_duration: 0, created: null };
  for (const record of [bare, { ...bare, duration: undefined, ms_duration: undefined }]) {
    const raw = JSON.stringify(record);
    const detail = 'answered, and no duration: is "cdr" on in do_accounting?';
    assert.deepEqual(parsed('opensips', raw), [{ detail, raw, line: 1 }]);
  }
  const missed = { ...bare, sip_code: '486' };
  const { id } = read(missed);
  assert.deepEqual(read(missed), { ...call, id, talkMicroseconds: 0, outcome: 'busy' });
  const atOnce = { ...row, duration: 0, ms_duration: 0 };
  assert.deepEqual(read(atOnce), { ...call, talkMicroseconds: 0 });
});

test('what is no INVITE is no call', () => {
  for (const method of ['BYE', 'MESSAGE', 'CANCEL', 'REFER']) {
    const { duration: _, ms_duration: _ms, created: _created, ...rest } = EVENT;
    const row = { ...rest, method, duration: 0, ms_duration: 0, created: null };
    assert.deepEqual(parsed('opensips', JSON.stringify(row)), ['unbilled leg'], method);
    const event = { jsonrpc: '2.0', method: 'E_ACC_EVENT', params: { ...rest, method } };
    assert.deepEqual(parsed('opensips', JSON.stringify(event)), ['unbilled leg'], method);
  }
});

test('a record whose method tells nothing is not passed over', () => {
  const call = read(EVENT);
  for (const method of [undefined, null, '', 'INVITE'])
    assert.deepEqual(read({ ...EVENT, method }), call);
  const detail = 'method is no method of SIP';
  for (const record of [
    { ...EVENT, method: 'invite' },
    { ...EVENT, method: 5 },
    { jsonrpc: '2.0', method: 'E_ACC_CDR', params: null },
    { jsonrpc: '2.0', method: 'E_ACC_CDR', params: ['INVITE'] },
  ]) {
    const raw = JSON.stringify(record);
    assert.deepEqual(parsed('opensips', raw), [{ detail, raw, line: 1 }]);
  }
});
