import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { reconcile } from '../../src/domain/books/proof.ts';
import { freeswitchCdr } from '../support/freeswitch.ts';
import { type Answer, post } from '../support/service.ts';
import { assertEnvelope, assertNoSecrets, startTarget } from './support.ts';
import { HOSTILE } from './values.ts';

const UNPACKED_LIMIT = 4 * 1024 * 1024;
const FORMATS = ['freeswitch', 'kamailio', 'opensips', 'asterisk', 'generic'];
const ZEROS = gzipSync(Buffer.alloc(UNPACKED_LIMIT + 1));
const BOMB = gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 9 });
const ROUTES = [
  ...FORMATS.map((format) => `/ingest/v1/calls/${format}`),
  '/ingest/v1/registrations',
  '/ingest/v1/authorize',
  '/ingest/v1/subscriber',
  '/ingest/v1/number',
];
const isQuestion = (path: string) => /\/(authorize|subscriber|number)$/.test(path);

const target = startTarget({
  INGEST_BODY_LIMIT: String(2 * 1024 * 1024),
  INGEST_UNPACKED_LIMIT: String(UNPACKED_LIMIT),
});
const basic = (text: string | Buffer) => `Basic ${Buffer.from(text).toString('base64')}`;

/** The Authorization header of the feed for a path's format. */
const feedFor = (path: string) =>
  target.feeds[path.split('/').at(-1) ?? ''] ?? target.feeds.generic ?? '';

/** The beginning of a body, for messages. */
const shown = (body: unknown) =>
  Buffer.isBuffer(body)
    ? body.toString('latin1', 0, 200)
    : (typeof body === 'string' ? body : JSON.stringify(body))?.slice(0, 200);

async function send(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const authorization = feedFor(path);
  const answer = await post(`${target.api.url}${path}`, body, { authorization, ...headers });
  const what = `${path} ${shown(body)}`;
  if (path.endsWith('/authorize') && answer.status === 402) {
    assertNoSecrets(JSON.stringify(answer.body), target.secrets, what);
  } else {
    assertEnvelope(answer, target.secrets, what);
  }
  return answer;
}

/** Asserts that the counts cover every record of a body, and that this many are billed. */
function assertTaken(answer: Answer, records: number, billed: number, what: string): void {
  assert.equal(answer.status, 200, what);
  const { stored, duplicates, unbilled, rejected } = answer.body;
  assert.equal(stored, billed, what);
  assert.equal(stored + duplicates + unbilled + rejected, records, what);
}

for (const path of ROUTES) {
  describe(path, () => {
    test('credentials that are none', async () => {
      const { attacker, administrator, victim } = target;
      const good = Buffer.from(feedFor(path).slice(6), 'base64').toString();
      const [name = '', secret = ''] = good.split(':');
      const wrong: (string | undefined)[] = [
        undefined,
        '',
        'Basic',
        'Basic ',
        'Basic !!!',
        'Basic =',
        basic(''),
        basic(':'),
        basic(name),
        basic(`${name}:`),
        basic(`:${secret}`),
        basic(`${name}:${secret}x`),
        basic(`${name}:${secret.slice(1)}`),
        basic(`${name}:${secret}\0`),
        basic(`${name}\0:${secret}`),
        basic(`${name.toUpperCase()}:${secret}`),
        basic(` ${name}:${secret}`),
        basic(`' OR '1'='1:${secret}`),
        basic(`__proto__:${secret}`),
        basic(Buffer.from([0xff, 0xfe, 0x3a, 0x61])),
        basic(`${'x'.repeat(5_000)}:${secret}`),
        basic(`${attacker.username}:${attacker.password}`),
        basic(`${administrator.username}:${administrator.password}`),
        `Bearer ${administrator.apikey}`,
        `Bearer ${victim.apikey}`,
        `Bearer ${secret}`,
        `Digest username="${name}"`,
        `${feedFor(path)}, ${feedFor(path)}`,
      ];
      for (const authorization of wrong) {
        const { url } = target.api;
        const headers: Record<string, string> =
          authorization === undefined ? {} : { authorization };
        const answer = await post(`${url}${path}`, [{ id: 'x' }], headers);
        assertEnvelope(answer, target.secrets, `${path} ${authorization}`);
        assert.equal(answer.status, 401, `${path} ${authorization}`);
        assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="ingest"');
      }
    });

    test('a large body of a stranger is not read', async () => {
      const headers = { authorization: basic('x:y') };
      const answer = await post(`${target.api.url}${path}`, 'x'.repeat(3_000_000), headers);
      assert.equal(answer.status, 401);
    });

    test('bodies too large, packed or not', async () => {
      if (!isQuestion(path)) {
        for (const body of [ZEROS, BOMB]) {
          for (const headers of [{}, { 'content-encoding': 'gzip' }] as Record<string, string>[]) {
            assert.equal((await send(path, body, headers)).status, 413);
          }
        }
      }
      assert.equal((await send(path, Buffer.alloc(2 * 1024 * 1024 + 1))).status, 413);
    });

    test('damaged bodies', async () => {
      const packed = gzipSync('[{}]');
      const bodies: (string | Buffer)[] = [
        '{',
        '[',
        '[{]',
        'null',
        'true',
        '1',
        '"x"',
        '\0',
        Buffer.from([0xff, 0xfe, 0xfd]),
        Buffer.from('{"id":"\xe9"}', 'latin1'),
        Buffer.from('{"id":"x"}', 'utf16le'),
        packed.subarray(0, 15),
        Buffer.concat([packed.subarray(0, 10), Buffer.alloc(20, 0xaa)]),
        gzipSync(packed),
        '{"id":"x","id":"y"}',
        '{"__proto__":{"account":1},"constructor":{"prototype":1}}',
        '{"id":"\\u0000"}',
        '{"id":"\\ud800"}',
        '['.repeat(500_000),
        `${'['.repeat(200_000)}${']'.repeat(200_000)}`,
        `[${'['.repeat(200_000)}${']'.repeat(200_000)}]`,
        `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`,
        `[{"id":${'['.repeat(100_000)}${']'.repeat(100_000)}}]`,
        `{"id":"${'x'.repeat(1_500_000)}"}`,
        `{"id":"${'\\"'.repeat(500_000)}"}`,
        `{"${'x'.repeat(1_000_000)}":1}`,
        `"${'"'.repeat(100_000)}`,
        ','.repeat(500_000),
        '"\n'.repeat(5_000),
        'cdr=%7B',
        'cdr=%zz%',
        `cdr=${'%7B'.repeat(200_000)}`,
        `cdr=${Buffer.from('{').toString('base64')}`,
        '<?xml version="1.0"?><cdr/>',
        'a=1&b=2',
        '2024-01-01,x\r\n',
      ];
      const types = ['application/json', 'text/csv', 'application/x-www-form-urlencoded', 'x'];
      for (const [n, body] of bodies.entries()) {
        const type = types[n % types.length] ?? '';
        const answer = await send(path, body, { 'content-type': type });
        const tooLarge = Buffer.byteLength(body) > 16 * 1024;
        if (isQuestion(path)) assert.equal(answer.status, tooLarge ? 413 : 400);
        else assert.equal(answer.body.stored, 0, String(body).slice(0, 60));
      }
    });

    test('nothing at all', async () => {
      for (const body of [undefined, '', ' ', '\n\n', '[]', '[\n]']) {
        const answer = await send(path, body);
        if (isQuestion(path)) assert.equal(answer.status, 400);
        else assert.equal(answer.body.stored, 0);
      }
    });

    test('other methods', async () => {
      for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'SEARCH']) {
        if (method === 'TRACE') continue;
        const response = await fetch(`${target.api.url}${path}`, { method });
        assert.equal(response.status, 405, method);
      }
    });
  });
}

test('a feed may use the routes of its own format', async () => {
  for (const format of FORMATS) {
    for (const other of FORMATS.filter((name) => name !== format)) {
      const authorization = target.feeds[other] ?? '';
      const path = `/ingest/v1/calls/${format}`;
      assert.equal((await send(path, [], { authorization })).status, 403);
    }
  }
  const unknown = [
    'x',
    '__proto__',
    'constructor',
    'toString',
    '%00',
    '%2e%2e',
    'GENERIC',
    'generic%20',
  ];
  for (const format of [...unknown, 'x'.repeat(90)]) {
    const authorization = target.feeds.generic ?? '';
    assert.equal(
      (await send(`/ingest/v1/calls/${format}`, [], { authorization })).status,
      404,
      format,
    );
  }
});

test('fields of calls: each record is billed or rejected, and none is lost', async () => {
  const { username } = target.attacker;
  const start = Math.floor(target.api.service.clock().getTime() / 1_000) - 100;
  const good = { account: username, start, duration: 60, cid: '8005550001', dst: '8005550002' };
  const texts = new Set(['cid', 'dst', 'ip', 'cn']);
  for (const field of ['id', 'account', 'start', 'duration', 'cid', 'dst', 'ip', 'cn']) {
    const records = HOSTILE.map(([, value]) => ({ id: randomUUID(), ...good, [field]: value }));
    const { status, body } = await send('/ingest/v1/calls/generic', records);
    assert.equal(status, 200);
    const { stored, duplicates, unbilled, rejected } = body;
    assert.equal(stored + duplicates + unbilled + rejected, records.length, field);
    assert.ok(rejected > 0 || field === 'ip', `${field}: nothing is rejected`);
    if (!texts.has(field) && field !== 'id') assert.ok(stored <= 4, `${field}: ${stored} stored`);
    for (const [n, record] of records.slice(0, 5).entries()) {
      const again = await send('/ingest/v1/calls/generic', record);
      assert.equal(again.body.stored, 0, `${field} ${n}: billed twice`);
    }
  }
});

test('fields of switches’ own records', async () => {
  const variables = [
    'uuid',
    'accountcode',
    'start_uepoch',
    'start_epoch',
    'answer_epoch',
    'billusec',
    'direction',
  ];
  for (const name of variables) {
    const records = HOSTILE.map(([, value]) => {
      const cdr = freeswitchCdr({ accountcode: target.attacker.username });
      return { ...cdr, variables: { ...cdr.variables, [name]: value } };
    });
    for (const record of records) {
      const { body } = await send('/ingest/v1/calls/freeswitch', record);
      const { stored, duplicates, unbilled, rejected } = body;
      assert.equal(stored + duplicates + unbilled + rejected, 1, name);
    }
  }
  for (const [name, value] of HOSTILE) {
    for (const body of [value, [value], { variables: value }, { variables: {}, callflow: value }]) {
      for (const format of FORMATS) {
        const json = JSON.stringify(body);
        const answer = await send(`/ingest/v1/calls/${format}`, json);
        assert.equal(answer.status, 200, name);
        assert.equal(answer.body.stored, 0, name);
      }
    }
  }
});

test('times and sums that cannot be', async () => {
  const { username } = target.attacker;
  const now = target.api.service.clock().getTime() / 1_000;
  const bad: object[] = [
    { start: now + 10 * 86_400 },
    { start: now - 20 * 365 * 86_400 },
    { start: -now },
    { start: 1e300 },
    { start: '9'.repeat(300) },
    { start: '2024-02-30T25:61:61Z' },
    { start: '+275760-09-13T00:00:00.001Z' },
    { duration: -1 },
    { duration: 1e300 },
    { duration: '-1' },
    { duration: 40 * 86_400 },
    { duration: 'NaN' },
  ];
  for (const fields of bad) {
    const record = {
      id: randomUUID(),
      account: username,
      start: now - 60,
      duration: 1,
      cid: '1',
      dst: '2',
      ...fields,
    };
    const answer = await send('/ingest/v1/calls/generic', record);
    assertTaken(answer, 1, 0, JSON.stringify(fields));
  }
});

test('registrations and questions with hostile fields', async () => {
  const { username } = target.attacker;
  for (const [name, value] of HOSTILE) {
    for (const field of [
      'event',
      'user',
      'aor',
      'contact',
      'user_agent',
      'expires',
      'ts',
      'received',
    ]) {
      const event = { event: 'register', user: username, contact: 'sip:x@192.0.2.9', expires: 60 };
      const answer = await send('/ingest/v1/registrations', { ...event, [field]: value });
      assert.equal(answer.status, 200, `${field}: ${name}`);
    }
    for (const field of ['account', 'dst', 'call_id']) {
      const question = { account: username, dst: '8005550002', call_id: 'x' };
      const { status } = await send('/ingest/v1/authorize', { ...question, [field]: value });
      assert.ok([400, 402].includes(status), `${field}: ${name}: ${status}`);
    }
  }
  const { body } = await post(`${target.api.url}/v2.1/account/registration/`, {
    apikey: target.attacker.apikey,
  });
  if (body.account) assert.ok(body.account.uri.startsWith(`sip:${username}@`));
});

test('after all that the books balance', async () => {
  const { imbalances, calls } = await reconcile(target.api.service.db);
  assert.deepEqual(imbalances, []);
  assert.ok(calls > 1);
});
