import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEmailAddress } from '../../src/domain/email-address.ts';
import { OPERATIONS, type OperationName } from '../support/contract.ts';
import { type Answer, post } from '../support/service.ts';
import { assertEnvelope, goodBody, startTarget } from './support.ts';
import { HOSTILE } from './values.ts';

const target = startTarget();

const FIELDS: Record<OperationName, string[]> = {
  add: ['apikey', 'name', 'username', 'email', 'masterAccount'],
  apikey: ['username', 'password'],
  cdr: ['apikey', 'start', 'end'],
  info: ['apikey'],
  mrc: ['apikey'],
  recover: ['email'],
  registration: ['apikey'],
  signup: ['name', 'email', 'promo'],
};

const pathOf = (operation: string) => `${target.api.url}/v2.1/account/${operation}/`;

async function send(operation: string, body: unknown, headers = {}): Promise<Answer> {
  const answer = await post(pathOf(operation), body, headers);
  const what = `${operation} ${JSON.stringify(body)?.slice(0, 200)} ${JSON.stringify(headers)}`;
  assertEnvelope(answer, target.secrets, what);
  return answer;
}

/** Whether a field may have a value, by the words of the contract, not by the code. */
function isAllowed(field: string, value: unknown): boolean {
  switch (field) {
    case 'name':
      return isName(value);
    case 'email':
      return isEmailAddress(value);
    case 'start':
    case 'end':
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) < 1e11;
    default:
      return false;
  }
}

/** Control characters, and those that end a line or turn the text beside them. */
const NOT_IN_NAMES = [
  ['\0', '\x1f'],
  ['\x7f', '\x9f'],
  ['\u2028', '\u202e'],
  ['\u2066', '\u2069'],
] as const;

function isName(value: unknown): boolean {
  if (typeof value !== 'string' || value.trim() === '' || [...value].length > 100) return false;
  return [...value].every((character) =>
    NOT_IN_NAMES.every(([first, last]) => character < first || character > last),
  );
}

let count = 0;

for (const operation of OPERATIONS) {
  describe(operation, () => {
    for (const field of FIELDS[operation]) {
      test(`${field}: values that have broken other software`, async () => {
        for (const [name, value] of HOSTILE) {
          count++;
          const body = { ...goodBody(target, operation), [field]: value };
          const { status, body: answer } = await send(operation, body);
          const key = field === 'apikey' || (operation === 'apikey' && field === 'password');
          const refused = key && (field === 'apikey' || typeof value === 'string') ? 401 : 400;
          const expected = isAllowed(field, value) ? 200 : refused;
          assert.equal(status, expected, `${operation} ${field}: ${name}`);
          if (status === 200 && field === 'name') assert.equal(answer.account.name, value);
        }
      });
    }

    test('what a header says changes nothing', async () => {
      const { attacker } = target;
      const bad: Record<string, string>[] = [
        { 'x-forwarded-for': '127.0.0.1' },
        { 'x-forwarded-for': "' OR 1=1 --, ::1, 999.999.999.999" },
        { 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1;host=evil.example' },
        { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' },
        { origin: 'https://evil.example', referer: 'https://evil.example/' },
        { origin: 'null', 'sec-fetch-site': 'cross-site' },
        { 'x-http-method-override': 'DELETE', 'x-method-override': 'PUT' },
        { 'x-original-url': '/metrics', 'x-rewrite-url': '/metrics' },
        { cookie: `session=${'x'.repeat(4_000)}; __proto__=1; a` },
        { 'user-agent': '() { :; }; echo x' },
        { 'accept-language': '../../etc/passwd', accept: 'text/html;q=x' },
        { 'accept-encoding': 'gzip;q=9, *;q=0' },
        { 'x-request-id': 'x'.repeat(1_000) },
        { 'if-none-match': '*', range: 'bytes=0-1' },
        { 'content-encoding': 'identity' },
        {
          'x-account': String(target.victim.username),
          'x-admin': 'true',
          'x-user-role': 'administrator',
        },
      ];
      for (const headers of bad) {
        count++;
        const good = operation === 'registration' ? 404 : 200;
        assert.equal((await send(operation, goodBody(target, operation), headers)).status, good);
        const without = operation === 'apikey' || operation === 'recover' || operation === 'signup';
        const { apikey: _, username: __, email: ___, ...keyless } = goodBody(target, operation);
        const answer = await send(operation, keyless, { ...headers, authorization: 'Bearer x' });
        assert.ok(answer.status === (without ? 400 : 401) || answer.status === 400);
      }
      for (const authorization of [
        `Basic ${Buffer.from(`${attacker.username}:${attacker.password}`).toString('base64')}`,
        `Digest username="${attacker.username}"`,
        `Bearer ${attacker.apikey}, Bearer ${attacker.apikey}`,
        `Bearer ${attacker.apikey}' OR '1'='1`,
        `Bearer ${Buffer.from(attacker.apikey).toString('base64')}`,
        `bearer\t${attacker.apikey}x`,
        'Bearer ../../admin.json',
        'Bearer null',
        'Bearer undefined',
        `Bearer ${'0'.repeat(32)}`,
        `Bearer ${'f'.repeat(8_000)}`,
      ]) {
        count++;
        const { apikey: _, ...body } = goodBody(target, operation);
        const { status } = await send(operation, body, { authorization });
        const open = ['apikey', 'recover', 'signup'].includes(operation);
        assert.equal(status, open ? 200 : /^bearer/i.test(authorization) ? 401 : 400);
      }
    });

    test('bodies that are damaged, huge, deep or of another kind', async () => {
      const text = JSON.stringify(goodBody(target, operation));
      const first = Object.keys(JSON.parse(text))[0];
      const bad: [number, string | Buffer, string][] = [
        [400, text.slice(0, -1), 'application/json'],
        [400, `${text}\0`, 'application/json'],
        [400, `${text}${text}`, 'application/json'],
        [400, `[${text}]`, 'application/json'],
        [400, Buffer.from(text, 'utf16le'), 'application/json; charset=utf-16'],
        [400, Buffer.from([0x1f, 0x8b, 8, 0, 0]), 'application/json'],
        [400, text.replace('{', `{"${first}":1,`), 'application/json'],
        [400, text.replace('{', '{"__proto__":1,"__proto__":2,'), 'application/json'],
        [400, text.replace('{', '{"x":"\\u0000",'), 'application/json'],
        [400, text.replace('{', '{"x":"\\ud800",'), 'application/json'],
        [400, '['.repeat(16_000), 'application/json'],
        [400, `${'['.repeat(8_000)}${']'.repeat(8_000)}`, 'application/json'],
        [400, '{"a":'.repeat(3_000), 'application/json'],
        [413, text.replace('{', `{${' '.repeat(20_000)}`), 'application/json'],
        [413, '['.repeat(5_000_000), 'application/json'],
        [415, text, 'text/plain'],
        [415, text, 'application/x-www-form-urlencoded'],
        [415, text, 'multipart/form-data; boundary=x'],
        [415, `<x>${text}</x>`, 'application/xml'],
        [415, text, 'application/json-seq'],
        [415, text, 'application'],
        [415, text, '\u00e4/\u00e4'],
        [415, text, `application/${'x'.repeat(5_000)}`],
      ];
      for (const [expected, body, type] of bad) {
        count++;
        const { status } = await send(operation, body, { 'content-type': type });
        assert.equal(status, expected, `${body.slice(0, 60)} as ${type}`);
      }
    });
  });
}

test('a key gives its own account, whatever else the body names', async () => {
  const { attacker, victim } = target;
  const others = {
    username: victim.username,
    account: victim.username,
    masterAccount: victim.username,
    email: victim.email,
    id: victim.username,
  };
  const info = await send('info', { apikey: attacker.apikey, ...others });
  assert.equal(info.body.account[0].username, String(attacker.username));
  assert.deepEqual(
    (await send('cdr', { apikey: attacker.apikey, start: 0, ...others })).body.cdr,
    [],
  );
  const mrc = await send('mrc', { apikey: attacker.apikey, ...others });
  assert.deepEqual(mrc.body.mrc, [{ did: 0 }, { total: 0 }]);
  assert.equal((await send('registration', { apikey: attacker.apikey, ...others })).status, 404);
});

test('an ordinary key is no administrator’s, in any way it may be sent', async () => {
  const { attacker } = target;
  const { apikey: _, ...wanted } = goodBody(target, 'add');
  const ways: [object, object][] = [
    [{ apikey: attacker.apikey }, {}],
    [{}, { authorization: `Bearer ${attacker.apikey}` }],
    [{ apikey: attacker.apikey, role: 'administrator', admin: true }, {}],
    [{ apikey: target.administrator.apikey }, { authorization: `Bearer ${attacker.apikey}` }],
    [{ apikey: [target.administrator.apikey] }, {}],
    [{ apikey: attacker.apikey, masterAccount: attacker.username }, {}],
  ];
  for (const [body, headers] of ways) {
    const answer = await send('add', { ...wanted, ...body }, headers);
    assert.equal(answer.status, 401);
    assert.equal(answer.body.message, 'Unauthorized — administrator access required');
  }
});

test('keys and passwords in the address line are looked at by nobody', async () => {
  const { attacker } = target;
  for (const operation of OPERATIONS) {
    const { url } = target.api;
    const query = `apikey=${attacker.apikey}&username=${attacker.username}&password=${attacker.password}`;
    const answer = await post(
      `${url}/v2.1/account/${operation}/?${query}&name=x&email=a@example.com`,
    );
    assertEnvelope(answer, target.secrets, operation);
    assert.equal(answer.status, 400);
    for (const path of [
      `/v2.1/account/${operation}/${attacker.apikey}`,
      `/v2.1/account/../account/x`,
    ]) {
      const lost = await post(`${url}${path}`, goodBody(target, operation));
      assertEnvelope(lost, target.secrets, path);
      assert.equal(lost.status, 404);
    }
  }
});

test('three hundred bad inputs and more', () => {
  assert.ok(count >= 300, `${count}`);
});
