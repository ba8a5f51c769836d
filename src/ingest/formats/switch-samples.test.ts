import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parsed, parsedRegistrations } from '../../../test/support/parsing.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';
import { ALL_CONTACTS } from '../../domain/sip/reported-contact.ts';

const sample = (name: string) =>
  readFileSync(new URL(`../../../test/samples/${name}`, import.meta.url));

test('every encoding of FreeSWITCH 1.10.12 tells its call, whatever the caller is called', () => {
  for (const [name, start, talkMicroseconds, called] of [
    ['encode-false_values-true', '18:04:13.878', 1_539_630, '2025550311'],
    ['encode-false_values-false', '18:04:19.358', 1_520_010, '2025550312'],
    ['encode-true_values-true', '18:04:24.378', 1_520_019, '2025550313'],
    ['encode-true_values-false', '18:04:29.398', 1_520_003, '2025550314'],
    ['encode-base64_values-true', '18:04:34.458', 1_520_014, '2025550315'],
    ['encode-base64_values-false', '18:04:39.658', 1_519_997, '2025550316'],
  ] as const) {
    const [call, ...others] = parsed('freeswitch', sample(`freeswitch/${name}_a-leg.body`));
    const { id, callId } = call as ReportedCall;
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(callId?.replaceAll('-', ''), id);
    assert.deepEqual(
      [call, ...others],
      [
        {
          id,
          account: 2125550001,
          startedAt: new Date(`2026-11-25T${start}Z`),
          talkMicroseconds,
          outcome: undefined,
          caller: '2125550001',
          called,
          dialled: `1${called}`,
          sourceIp: '127.0.0.1',
          callerName: 'Al \\"Q\\" \\\\ a+b é,\\",\\"accountcode\\":\\"2125550002',
          switchDebit: undefined,
          callId,
        },
      ],
    );
  }
  const leg = sample('freeswitch/encode-true_values-true_b-leg.body');
  assert.deepEqual(parsed('freeswitch', leg), ['unbilled leg']);
});

test('events and rows of OpenSIPS 3.5.9 tell their calls', () => {
  const told = (name: string) =>
    parsed('opensips', sample(`opensips/${name}.ndjson`)).map((record) => {
      const { account, startedAt, talkMicroseconds, called, callerName, outcome } =
        record as ReportedCall;
      const start = startedAt.toISOString().slice(11, 19);
      return [account, start, talkMicroseconds, called, callerName, outcome];
    });
  assert.deepEqual(told('E_ACC_CDR_and_MISSED'), [
    [2125550001, '17:46:23', 2_006_000, '2025550160', '"Alice \\"Q\\" Example"', 'answered'],
    [2125550001, '17:46:27', 0, '2025550161', '"Alice"', 'busy'],
  ]);
  assert.deepEqual(told('acc-table-row_to_json'), [
    [2125550001, '17:29:54', 3_003_000, '2025550100', '"Alice Ex, ample & Co"', 'answered'],
    [2125550001, '17:31:28', 12_005_000, '2025550100', '"Alice"', 'answered'],
  ]);
  assert.deepEqual(told('missed_calls-table-row_to_json'), [
    [2125550001, '17:31:42', 0, '2025550101', '"Alice"', 'busy'],
    [2125550001, '17:31:43', 0, '2025550102', '"Alice"', 'cancelled'],
  ]);
  assert.deepEqual(told('event_stream'), [
    [2125550001, '18:20:39', 1_504_000, '2025550601', '"Alice"', 'answered'],
    [2125550001, '18:20:42', 0, '2025550602', '"Alice"', 'busy'],
  ]);
});

const CONTACT = {
  user: '2125550001',
  contact: 'sip:2125550001@127.0.0.1:5099',
  received: 'sip:127.0.0.1:6061',
  userAgent: 'Exp',
};

test('registrations of FreeSWITCH 1.10.12 are read', () => {
  const now = new Date('2026-11-25T18:20:00Z');
  const registered = new Date('2026-11-25T18:17:15.823Z');
  const expired = new Date('2026-11-25T18:18:20.563Z');
  const body = sample('freeswitch/sofia-expire-register.ndjson');
  const contacts = [
    { ...CONTACT, reportedAt: registered, expiresAt: new Date(registered.getTime() + 5_000) },
    { ...CONTACT, reportedAt: expired, expiresAt: expired },
  ];
  assert.deepEqual(parsedRegistrations(body, now), { contacts, malformed: [] });
  // An unregister of `Contact: *`.
  const [, ended = ''] = body.toString().split('\n');
  const all = ended.replace('sip:2125550001@127.0.0.1:5099', 'sip:(null)@(null)');
  assert.deepEqual(parsedRegistrations(Buffer.from(all), now), {
    contacts: [{ ...CONTACT, contact: ALL_CONTACTS, reportedAt: expired, expiresAt: expired }],
    malformed: [],
  });
});

test('registrations of OpenSIPS 3.5.9 are read', () => {
  const now = new Date('2026-11-25T17:46:40Z');
  const contact = {
    ...CONTACT,
    contact: 'sip:2125550001@127.0.0.1:6061;transport=udp;ob',
    userAgent: 'Zoiper rv2.8.97/',
    reportedAt: now,
  };
  assert.deepEqual(parsedRegistrations(sample('opensips/E_UL_CONTACT.ndjson'), now), {
    contacts: [
      { ...contact, expiresAt: new Date('2026-11-25T17:47:23Z') },
      { ...contact, expiresAt: new Date('2026-11-25T17:48:23Z') },
      { ...contact, expiresAt: now },
    ],
    malformed: [],
  });
});
