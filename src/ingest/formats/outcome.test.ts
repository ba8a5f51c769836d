import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeswitchCdr } from '../../../test/support/freeswitch.ts';
import { parsed } from '../../../test/support/parsing.ts';
import type { FeedFormat } from '../../domain/calls/feed.ts';

const START = 1747345200;

const outcomeOf = (format: FeedFormat, body: string) => {
  const [call] = parsed(format, body) as { outcome?: string; detail?: string }[];
  assert.equal(call?.detail, undefined, body);
  return call?.outcome;
};

const generic = (outcome: unknown) =>
  outcomeOf('generic', JSON.stringify({ id: '1', start: START, duration: 0, dst: '1', outcome }));
const opensips = (sip_code: unknown) =>
  outcomeOf(
    'opensips',
    JSON.stringify({ callid: '1', dst: '1', time: START, sip_code, duration: 0 }),
  );
const kamailio = (sip_code: unknown) =>
  outcomeOf('kamailio', JSON.stringify({ callid: '1', start_time: START, duration: 0, sip_code }));
const asterisk = (disposition: string) =>
  outcomeOf(
    'asterisk',
    `accountcode,src,dst,start,duration,billsec,disposition\n,1,2,${START},3,0,${disposition}`,
  );
const freeswitch = (hangup_cause: string | undefined, originate_disposition?: string) => {
  const record = freeswitchCdr({ uuid: 'u', accountcode: 2_000_000_001, start: START, talk: 0 });
  const variables = { ...record.variables, hangup_cause, originate_disposition };
  return outcomeOf('freeswitch', JSON.stringify({ ...record, variables }));
};

test('the final SIP response tells the outcome', () => {
  for (const [code, outcome] of [
    [486, 'busy'],
    [600, 'busy'],
    [408, 'no answer'],
    [480, 'no answer'],
    [487, 'cancelled'],
    [403, 'declined'],
    [407, 'declined'],
    [603, 'declined'],
    [608, 'declined'],
    [404, 'unavailable'],
    [410, 'unavailable'],
    [484, 'unavailable'],
    [604, 'unavailable'],
    [302, 'failed'],
    [488, 'failed'],
    [503, 'failed'],
    [606, 'failed'],
  ] as const) {
    const all = [opensips(code), opensips(`${code}`), kamailio(`${code}`), generic(code)];
    assert.deepEqual(all, [outcome, outcome, outcome, outcome], String(code));
  }
  assert.deepEqual([kamailio('200'), generic('200')], ['answered', 'answered']);
  for (const code of ['', null, undefined, 'busy', 0, 180, 700, -486, '4860']) {
    assert.equal(kamailio(code), undefined, String(code));
  }
});

test("Asterisk's disposition tells the outcome", () => {
  const told = ['ANSWERED', 'NO ANSWER', 'BUSY', 'FAILED', 'CONGESTION', 'UNKNOWN'].map(asterisk);
  assert.deepEqual(told, ['answered', 'no answer', 'busy', 'failed', 'failed', undefined]);
});

test("FreeSWITCH's hangup cause tells the outcome of a call without talk time", () => {
  for (const [cause, outcome] of [
    ['USER_BUSY', 'busy'],
    ['NO_ANSWER', 'no answer'],
    ['NO_USER_RESPONSE', 'no answer'],
    ['USER_NOT_REGISTERED', 'no answer'],
    ['ORIGINATOR_CANCEL', 'cancelled'],
    ['CALL_REJECTED', 'declined'],
    ['UNALLOCATED_NUMBER', 'unavailable'],
    ['INVALID_NUMBER_FORMAT', 'unavailable'],
    ['NORMAL_TEMPORARY_FAILURE', 'failed'],
    ['RECOVERY_ON_TIMER_EXPIRE', 'failed'],
    ['NORMAL_CLEARING', undefined],
    ['toString', 'failed'],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    assert.equal(freeswitch(cause), outcome, cause);
  }
  assert.equal(freeswitch('NORMAL_CLEARING', 'USER_BUSY'), 'busy');
  assert.equal(freeswitch('ORIGINATOR_CANCEL', 'USER_BUSY'), 'cancelled');
});

test('the generic format takes its own words; any other text tells nothing', () => {
  for (const word of ['answered', 'busy', 'no answer', 'declined', 'unavailable', 'failed']) {
    assert.deepEqual([generic(word), generic(` ${word.toUpperCase()} `)], [word, word]);
  }
  for (const other of ['not answered', 'CONGESTION', '', null, undefined, {}, ['busy'], true]) {
    assert.equal(generic(other), undefined, JSON.stringify(other));
  }
});
