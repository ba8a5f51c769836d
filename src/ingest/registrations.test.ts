import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { addCustomer } from '../../test/support/calls.ts';
import { post, sharedService } from '../../test/support/service.ts';
import { currentRegistration } from '../domain/sip/registration.ts';

let authorization: string;
let account: number;
const api = sharedService({}, async () => {
  authorization = await api.feed('kamailio');
});
beforeEach(async () => {
  account = await addCustomer(api);
});

/** Unix seconds, relative to the service's clock */
const at = (seconds: number) => api.service.clock().getTime() / 1_000 + seconds;

async function report(body: unknown): Promise<object> {
  const answer = await post(`${api.url}/ingest/v1/registrations`, body, { authorization });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  const { statusCode: _, status: _status, ...counts } = answer.body;
  return counts;
}

const feedUser = () =>
  Buffer.from(authorization.slice('Basic '.length), 'base64').toString().split(':')[0];

const one = { stored: 1, unknown: 0, malformed: 0 };
const HOST = '192.0.2.1:5060';

async function shown(address: 'contact' | 'received' = 'contact'): Promise<string | undefined> {
  const { db, clock } = api.service;
  const current = await currentRegistration(db, account, clock(), address).catch(
    (error: Error & { reason?: string }) => {
      assert.equal(error.reason, 'not registered');
      return undefined;
    },
  );
  return current && `${current.uri.replace(`sip:${account}@`, '')} ${current.agent}`;
}

// The form of records from a running Kamailio.
const kamailio = (fields: object = {}) => ({
  event: 'register',
  aor: String(account),
  user: String(account),
  contact: `<sip:${account}@${HOST}>`,
  received: 'sip:198.51.100.7:34512',
  user_agent: 'Zoiper rv2.8.97/',
  ruid: 'uloc-1-6b04b8ee-4d2f-1',
  expires: 60,
  ts: at(0),
  ...fields,
});

test('Kamailio: register, and unregister whose ruid and expires tell nothing', async () => {
  assert.deepEqual(await report(kamailio()), one);
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
  assert.equal(await shown('received'), '198.51.100.7:34512 Zoiper rv2.8.97/');
  const end = { event: 'unregister', ruid: 'uloc-1-6b04b8ee-4d2f-3', expires: 60 };
  assert.deepEqual(await report(kamailio(end)), one);
  assert.equal(await shown(), undefined);
});

test('Kamailio: an expired contact tells an absolute time and no user', async () => {
  await report(kamailio({ expires: 3_600 }));
  const expired = {
    event: 'expired',
    user: undefined,
    contact: `sip:${account}@${HOST}`,
    received: '',
    expires: 1795471526,
  };
  assert.deepEqual(await report(kamailio(expired)), one);
  assert.equal(await shown(), undefined);
});

test('a contact that is not renewed is no longer shown', async () => {
  await report(kamailio());
  api.advance(59);
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
  api.advance(2);
  assert.equal(await shown(), undefined);
});

test('of several contacts the newest that has not expired is shown', async () => {
  const other = { contact: 'sip:x@192.0.2.2', user_agent: 'Other' };
  await report([kamailio({ ts: at(-2), expires: 600 }), kamailio({ ...other, ts: at(-1) })]);
  assert.equal(await shown(), '192.0.2.2 Other');
  api.advance(61);
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
});

test('reports that come late, repeated or in another order end the same', async () => {
  const events = [
    kamailio({ ts: at(-30), expires: 600 }),
    kamailio({ ts: at(-20), event: 'unregister' }),
    kamailio({ ts: at(-10), expires: 600, user_agent: 'Renewed' }),
    kamailio({ ts: at(-5), contact: 'sip:x@192.0.2.2', event: 'expired' }),
  ];
  for (const event of [...events].reverse()) assert.deepEqual(await report(event), one);
  assert.equal(await shown(), `${HOST} Renewed`);
  await report([...events, ...events].map((event) => JSON.stringify(event)).join('\n'));
  assert.equal(await shown(), `${HOST} Renewed`);
});

test('a contact * ends all that were there before, and none that came later', async () => {
  await report([kamailio({ ts: at(-9) }), kamailio({ ts: at(-8), contact: 'sip:x@192.0.2.2' })]);
  const all = kamailio({ event: 'unregister', contact: '*', ts: at(-7) });
  await report([all, kamailio({ ts: at(-9) })]);
  assert.equal(await shown(), undefined);
  await report([kamailio({ ts: at(-6) }), all]);
  await report(all);
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
});

test('a report from the future does not outlive those to come', async () => {
  await report(kamailio({ ts: at(86_400), expires: 600 }));
  api.advance(1);
  await report(kamailio({ event: 'unregister', ts: at(0) }));
  assert.equal(await shown(), undefined);
});

test('OpenSIPS: events that overtake each other are told apart by callid and cseq', async () => {
  const event = (name: string, cseq: number, callid = 'a') => ({
    event: `E_UL_CONTACT_${name}`,
    aor: String(account),
    uri: `sip:${account}@${HOST}`,
    user_agent: `${callid} ${cseq}`,
    expires: Math.floor(at(600)),
    callid,
    cseq,
  });
  const off = undefined;
  for (const [events, expected] of [
    [[event('DELETE', 1), event('INSERT', 1)], off],
    [[event('INSERT', 3), event('DELETE', 1), event('INSERT', 1)], `${HOST} a 3`],
    [[event('UPDATE', 5), event('UPDATE', 4)], `${HOST} a 5`],
    [[event('DELETE', 5), event('UPDATE', 5), event('UPDATE', 4)], off],
    [[event('INSERT', 1, 'restarted')], `${HOST} restarted 1`],
    [[event('DELETE', 1, 'restarted')], off],
  ] as const) {
    for (const one of events) await report(one);
    assert.equal(await shown(), expected, JSON.stringify(events));
  }
  // The same events in one body, for another account.
  account = await addCustomer(api);
  await report([event('DELETE', 1), event('INSERT', 1)]);
  assert.equal(await shown(), off);
  await report([event('INSERT', 3), event('DELETE', 1), event('UPDATE', 2)]);
  assert.equal(await shown(), `${HOST} a 3`);
});

test('OpenSIPS: contacts inserted, updated and deleted', async () => {
  const event = (method: string, params: object = {}) => ({
    jsonrpc: '2.0',
    method,
    params: {
      domain: 'location',
      aor: `${account}@sip.example.com`,
      uri: `sip:${account}@${HOST}`,
      received: 'sip:198.51.100.7:34512',
      path: null,
      qval: -1,
      user_agent: 'Blink 8.9.4 (MacOSX)',
      socket: 'udp:192.0.2.13:5060',
      bflags: 0,
      expires: Math.floor(at(60)),
      callid: '4VWWnqsOg9TIRYSyFN',
      cseq: 10,
      attr: '',
      latency: 0,
      shtag: '',
      ...params,
    },
  });
  assert.deepEqual(await report(event('E_UL_CONTACT_INSERT')), one);
  assert.equal(await shown(), `${HOST} Blink 8.9.4 (MacOSX)`);
  assert.equal(await shown('received'), '198.51.100.7:34512 Blink 8.9.4 (MacOSX)');
  api.advance(30);
  await report(event('E_UL_CONTACT_UPDATE'));
  api.advance(45);
  assert.equal(await shown(), `${HOST} Blink 8.9.4 (MacOSX)`);
  assert.deepEqual(await report(event('E_UL_CONTACT_DELETE')), one);
  assert.equal(await shown(), undefined);
  const { params } = event('', { aor: String(account), cseq: 11 });
  assert.deepEqual(await report({ event: 'E_UL_CONTACT_INSERT', ...params }), one);
  assert.equal(await shown(), `${HOST} Blink 8.9.4 (MacOSX)`);
  assert.deepEqual(await report(event('E_UL_CONTACT_REFRESH')), {
    ...one,
    stored: 0,
    malformed: 1,
  });
});

test('FreeSWITCH: sofia::register, sofia::unregister and sofia::expire', async () => {
  const contact = `"user" <sip:${account}@${HOST};transport=udp;fs_nat=yes>`;
  const event = (subclass: string, fields: object) => ({
    'Event-Name': 'CUSTOM',
    'Event-Subclass': subclass,
    'Event-Date-Timestamp': String(Math.floor(at(0) * 1_000_000)),
    'profile-name': 'internal',
    contact,
    'call-id': '4VWWnqsOg9TIRYSyFN',
    ...fields,
  });
  const register = () =>
    event('sofia::register', {
      'from-user': String(account),
      'from-host': 'sip.example.com',
      username: String(account),
      'user-agent': 'Zoiper rv2.8.97/',
      'network-ip': '198.51.100.7',
      'network-port': '34512',
      expires: '60',
    });
  assert.deepEqual(await report(register()), one);
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
  assert.equal(await shown('received'), '198.51.100.7:34512 Zoiper rv2.8.97/');
  await report(event('sofia::unregister', { 'from-user': String(account), expires: '0' }));
  assert.equal(await shown(), undefined);
  await report(register());
  const expire = { user: String(account), host: 'sip.example.com', expires: '1795471526' };
  assert.deepEqual(await report(event('sofia::expire', expire)), one);
  assert.equal(await shown(), undefined);
  const broken = event('sofia::unregister', { 'from-user': String(account), contact: undefined });
  assert.deepEqual(await report(broken), { ...one, stored: 0, malformed: 1 });
});

test('what is no report is counted, told in the log, and harms no other', async () => {
  const wrong = [
    kamailio({ user: 'ali ce', aor: '*' }),
    kamailio({ contact: 'tel:+12125550123' }),
    kamailio({ contact: `sip:${'x'.repeat(2_000)}@192.0.2.1` }),
    kamailio({ contact: undefined }),
    kamailio({ event: 'refresh' }),
    kamailio({ expires: 'soon' }),
    kamailio({ expires: 1e9 }),
    'text',
  ];
  const unknown = kamailio({ user: '9999999998' });
  assert.deepEqual(await report([...wrong, unknown, kamailio()]), {
    stored: 1,
    unknown: 1,
    malformed: wrong.length,
  });
  assert.equal(await shown(), `${HOST} Zoiper rv2.8.97/`);
  const lines = `${JSON.stringify(kamailio({ ts: at(1) }))}\n{"event": "regis`;
  assert.deepEqual(await report(lines), { stored: 1, unknown: 0, malformed: 1 });
  assert.deepEqual(await report(''), { stored: 0, unknown: 0, malformed: 0 });
  const damaged = gzipSync(JSON.stringify(kamailio())).subarray(0, 40);
  assert.deepEqual(await report(damaged), { stored: 0, unknown: 0, malformed: 1 });
  const told = api
    .logged()
    .split('\n')
    .filter((line) => line.includes('registrations not read'));
  const [many, second, last] = told.slice(-3).map((line) => {
    const { feed, malformed, reports } = JSON.parse(line);
    return { feed, malformed, reports };
  });
  assert.deepEqual(many?.reports.slice(0, 2), [
    { detail: 'no SIP user', line: 1 },
    { detail: 'contact is no SIP URI', line: 1 },
  ]);
  assert.deepEqual([many?.malformed, many?.reports.length], [wrong.length, 5]);
  assert.deepEqual([second?.malformed, second?.reports[0].line], [1, 2]);
  const reports = [{ detail: 'damaged gzip', line: 1 }];
  assert.deepEqual(last, { feed: feedUser(), malformed: 1, reports });
});
