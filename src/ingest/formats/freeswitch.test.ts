import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freeswitchCdr } from '../../../test/support/freeswitch.ts';
import { parsed } from '../../../test/support/parsing.ts';
import type { ReportedCall } from '../../domain/calls/call.ts';

const UUID = 'f2ce9c30-1d7a-4b6f-9a39-0d3f6f6d2f11';
const cdr = (options = {}) =>
  freeswitchCdr({
    uuid: UUID,
    accountcode: 4592086960,
    start: 1747345200,
    talk: 39.54,
    ...options,
  });

const CALL = {
  id: UUID.replaceAll('-', ''),
  account: 4592086960,
  startedAt: new Date(1747345200_000),
  talkMicroseconds: 39_540_000,
  outcome: undefined,
  caller: '8666326621',
  called: '8008786160',
  sourceIp: '192.0.2.13',
  callerName: 'TOLL FREE CALL',
  switchDebit: undefined,
  callId: UUID,
};

/** Like switch_url_encode: text that looks encoded is not changed. */
function urlEncode(text: string): string {
  return text.replace(/%(?![0-9A-F]{2})|[\r\n "#&+:;<=>?@[\\\]^`{|}]|[^ -~]/g, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

const encodeValues = (record: ReturnType<typeof cdr>) => ({
  ...record,
  variables: Object.fromEntries(
    Object.entries(record.variables).map(([name, value]) => [name, urlEncode(value)]),
  ),
});

test('every encoding of one record is the same call', () => {
  const json = JSON.stringify(cdr());
  const base64 = Buffer.from(json).toString('base64');
  const wrapped = base64.replace(/.{72}/g, '$&\n');
  for (const [name, body] of Object.entries({
    plain: json,
    'a line of a file': `${json}\n`,
    'plain as a field': `cdr=${json}`,
    form: `cdr=${urlEncode(json)}`,
    'form in a file': `${urlEncode(json)}\n`,
    base64: `cdr=${base64}`,
    'base64 with line ends': `cdr=${wrapped}`,
    'base64 whose + became blanks': `cdr=${base64.replaceAll('+', ' ')}`,
    'base64 in a file': `${base64}\n`,
  })) {
    assert.deepEqual(parsed('freeswitch', body), [CALL], name);
  }
});

test('in a form, lower-case escapes count, and what is none stays as it is', () => {
  const record = cdr({ callerName: 'NAME' });
  const form = urlEncode(JSON.stringify(record)).replaceAll('%7B', '%7b');
  for (const [written, read] of [
    ['100%', '100%'],
    ['%', '%'],
    ['%zz %4', '%zz %4'],
    ['%4g%g4', '%4g%g4'],
    ['%25%c3%bb+', '%û+'],
  ] as const) {
    const body = `cdr=${form.replace('NAME', written)}`;
    assert.deepEqual(parsed('freeswitch', body), [{ ...CALL, callerName: read }], written);
  }
});

test('base64 with a plus in it is read', () => {
  const record = cdr({ callerName: '~~~>>>???û' });
  const base64 = Buffer.from(JSON.stringify(record)).toString('base64');
  assert.ok(base64.includes('+'));
  const call = { ...CALL, callerName: '~~~>>>???û' };
  assert.deepEqual(parsed('freeswitch', `cdr=${base64}`), [call]);
  assert.deepEqual(parsed('freeswitch', `cdr=${base64.replaceAll('+', ' ')}`), [call]);
});

test('an array, lines and nothing at all are read', () => {
  const two = [cdr(), cdr({ uuid: 'f2ce9c30-1d7a-4b6f-9a39-0d3f6f6d2f12' })];
  const ids = ['f2ce9c301d7a4b6f9a390d3f6f6d2f11', 'f2ce9c301d7a4b6f9a390d3f6f6d2f12'];
  for (const body of [JSON.stringify(two), two.map((one) => JSON.stringify(one)).join('\r\n')]) {
    const calls = parsed('freeswitch', body) as { id: string }[];
    assert.deepEqual(
      calls.map(({ id }) => id),
      ids,
    );
  }
  assert.deepEqual(parsed('freeswitch', ' \n'), []);
});

test('percent-encoded values are read, and those that only look so are kept', () => {
  const record = encodeValues(cdr());
  assert.deepEqual(parsed('freeswitch', JSON.stringify(record)), [CALL]);
  record.variables.accountcode = '%zz';
  record.variables.sip_auth_username = '4592086960';
  assert.deepEqual(parsed('freeswitch', JSON.stringify(record)), [CALL]);
});

test('a form whose values hold quotes is mended', () => {
  const record = cdr();
  const variables = {
    sip_full_from: '"Alice \\ \r\n, \\"x" <sip:4592086960@example.com>;tag=1',
    ...record.variables,
    last: 'ends with a quote"',
  };
  const body = `cdr=${urlEncode(JSON.stringify(encodeValues({ ...record, variables })))}`;
  assert.throws(() => JSON.parse(decodeURIComponent(body.slice(4))), 'the form breaks the JSON');
  assert.deepEqual(parsed('freeswitch', body), [CALL]);
});

test('a form in which a caller wrote members of his own bills nobody else', () => {
  const forge = (injected: string, forged = {}) => {
    const record = cdr({ accountcode: '', ...forged });
    const variables = {
      sip_from_display: injected,
      ...record.variables,
      sip_auth_username: '4592086960',
    };
    return `cdr=${urlEncode(JSON.stringify(encodeValues({ ...record, variables })))}`;
  };
  const [account] = parsed('freeswitch', forge('x","nibble_account":"2125550123'));
  assert.match((account as { detail: string }).detail, /several accounts: 2125550123, 4592086960/);
  const [twice] = parsed('freeswitch', forge('x","sip_auth_username":"2125550123'));
  assert.match((twice as { detail: string }).detail, /member twice/);
  const [leg] = parsed('freeswitch', forge('x","direction":"outbound'));
  assert.match((leg as { detail: string }).detail, /member twice/);
});

test('only A-legs are billed', () => {
  const originated = (direction?: string) => {
    const record = cdr();
    Object.assign(record.callflow[0]?.caller_profile ?? {}, { originator: {} });
    const { direction: _, ...variables } = record.variables;
    const { channel_data: _data, ...rest } = record;
    return { ...rest, variables: direction ? { ...variables, direction } : variables };
  };
  const read = (record: object) => parsed('freeswitch', JSON.stringify(record));
  assert.deepEqual(read(originated('outbound')), ['unbilled leg']);
  assert.deepEqual(read(originated()), ['unbilled leg'], 'an old dump without a direction');
  assert.deepEqual(read(originated('inbound')), [CALL], 'a customer that was transferred');
  assert.deepEqual(read(cdr({ direction: 'outbound' })), [CALL], 'a call that the switch made');
  const [nobody] = read(cdr({ direction: 'outbound', accountcode: '' }));
  assert.match((nobody as { detail: string }).detail, /names no account/);
});

test('an old dump without a direction, and with callflow more than once, is an A-leg', () => {
  const { channel_data: _, ...record } = cdr();
  const { direction: _direction, ...variables } = record.variables;
  const flow = JSON.stringify(record.callflow[0]);
  const first = flow.replace('8008786160', '2125550199');
  const body = JSON.stringify({ variables, callflow: 0 }).replace(
    '"callflow":0',
    `"callflow":${first},"callflow":${flow}`,
  );
  assert.deepEqual(parsed('freeswitch', body), [CALL]);
});

test('who pays: nibble account, account code, SIP user, then the owner of the number', () => {
  const payer = (fields: object) => {
    const record = cdr({ accountcode: 'trunk-7' });
    Object.assign(record.variables, fields);
    return (parsed('freeswitch', JSON.stringify(record)) as { account?: number }[])[0]?.account;
  };
  const all = {
    nibble_account: '2000000001',
    accountcode: '2000000002',
    sip_auth_username: '2000000003',
  };
  assert.equal(payer(all), 2000000001);
  assert.equal(payer({ ...all, nibble_account: undefined }), 2000000002);
  assert.equal(payer({ sip_auth_username: '2000000003' }), 2000000003);
  assert.equal(payer({}), undefined);
});

test('talk time is taken as finely as it is told', () => {
  const talk = (fields: object) => {
    const record = cdr({ talk: 67.54 });
    Object.assign(record.variables, fields);
    const [call] = parsed('freeswitch', JSON.stringify(record));
    return (call as { talkMicroseconds?: number }).talkMicroseconds ?? call;
  };
  assert.equal(talk({}), 67_540_000);
  assert.equal(talk({ billusec: undefined }), 67_540_000);
  assert.equal(talk({ billusec: undefined, billmsec: undefined, billsec: '68' }), 68_000_000);
  const missing = talk({ billusec: undefined, billmsec: undefined, billsec: undefined });
  assert.match((missing as { detail: string }).detail, /billsec is missing/);
  for (const count of [undefined, '', '0']) {
    const unanswered = { billusec: count, billmsec: count, billsec: count };
    for (const answer_epoch of ['0', '']) assert.equal(talk({ ...unanswered, answer_epoch }), 0);
  }
});

test('an empty time in microseconds leaves the one in seconds', () => {
  const whole = cdr({ talk: 40 });
  const record = cdr({ talk: 40 });
  Object.assign(record.variables, { start_uepoch: '', answer_uepoch: '', end_uepoch: '' });
  const started = ({ variables }: typeof record) =>
    (parsed('freeswitch', JSON.stringify({ ...whole, variables }))[0] as ReportedCall).startedAt;
  assert.equal(Math.floor(+started(whole) / 1_000), +started(record) / 1_000);
});

test('counts of a talk time that contradict each other, or that there was no answer, are rejected', () => {
  for (const [fields, detail] of [
    [{ billusec: '0' }, 'billusec 0 is not billmsec 40000'],
    [{ billsec: '4000' }, 'billusec 40000000 is not billsec 4000'],
    [{ billusec: undefined, billmsec: '0' }, 'billmsec 0 is not billsec 40'],
    [{ answer_epoch: '0' }, 'not answered, but billusec 40000000'],
    [{ answer_epoch: '' }, 'not answered, but billusec 40000000'],
  ] as const) {
    const record = cdr({ talk: 40 });
    Object.assign(record.variables, fields);
    const raw = JSON.stringify(record);
    assert.deepEqual(parsed('freeswitch', raw), [{ detail, raw, line: 1 }]);
  }
});

test('what a switch with mod_nibblebill took is told', () => {
  const record = cdr();
  Object.assign(record.variables, { nibble_rate: '0.025', nibble_total_billed: '0.017500' });
  const body = JSON.stringify(record);
  assert.deepEqual(parsed('freeswitch', body, { debits: 'switch' }), [
    { ...CALL, switchDebit: { rate: '0.025', amount: '0.017500' } },
  ]);
  assert.deepEqual(parsed('freeswitch', body), [CALL]);
  const took = (variables: object) => {
    const told = cdr();
    Object.assign(told.variables, variables);
    const [call] = parsed('freeswitch', JSON.stringify(told), { debits: 'switch' });
    const { switchDebit, detail } = call as { switchDebit?: object; detail?: string };
    return switchDebit ?? detail;
  };
  // An unanswered call, and a call without mod_nibblebill.
  assert.deepEqual(took({ nibble_rate: '0.03' }), { rate: '0.03', amount: '0' });
  assert.deepEqual(took({}), { rate: '0', amount: '0' });
  assert.equal(took({ nibble_total_billed: '0.005010' }), 'nibble_rate is missing');
  assert.equal(
    took({ nibble_rate: '1000000' }),
    'nibble_rate is no decimal string from 0 to 999999.999999',
  );
});

test('a damaged record is kept as it came, encoded or not', () => {
  const { variables: _, ...damaged } = cdr();
  const json = JSON.stringify(damaged);
  const form = `cdr=${urlEncode(json)}`;
  const base64 = `cdr=${Buffer.from(json).toString('base64')}`;
  for (const body of [
    json,
    form,
    base64,
    `cdr=${urlEncode(json.slice(0, 200))}`,
    'cdr=',
    'cdr=%7',
  ]) {
    const [record, ...others] = parsed('freeswitch', body);
    assert.equal((record as { raw: string }).raw, body);
    assert.deepEqual(others, []);
  }
});
