import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import {
  assertFailure,
  type Contract,
  type Customer,
  failure,
  newAddress,
  newUsername,
  OPERATIONS,
  type OperationName,
  startContract,
} from '../support/contract.ts';
import { post } from '../support/service.ts';

const NOT_JSON = 'The body must be JSON in UTF-8';
const NOT_OBJECT = 'The body must be a JSON object';
const TWICE = 'The body has a member twice';
const NO_TEXT = 'The body has a character that no text can have';

let contract: Contract;
let customer: Customer;
let administrator: string;
before(async () => {
  contract = await startContract();
  customer = await contract.signUp();
  administrator = (await contract.api.administrator()).apikey;
});
after(() => contract.api.stop());

/** A body that the operation answers with 200 or, for registration, 404. */
function goodBody(operation: OperationName): Record<string, unknown> {
  const email = `${randomBytes(6).toString('hex')}@example.com`;
  switch (operation) {
    case 'add':
      return { apikey: administrator, name: 'x', username: newUsername(), email };
    case 'apikey':
      return { username: customer.username, password: customer.password };
    case 'recover':
      return { email };
    case 'signup':
      return { name: 'x', email };
    default:
      return { apikey: customer.apikey };
  }
}

const good = (operation: OperationName) => (operation === 'registration' ? 404 : 200);

/** The answer to an empty object. */
const FIRST_MISSING: Record<OperationName, object> = {
  add: failure(400, 'Field Required: apikey'),
  apikey: failure(400, 'Field Required: username'),
  cdr: failure(400, 'Field Required: apikey'),
  info: failure(400, 'Field Required: apikey'),
  mrc: failure(400, 'Field Required: apikey'),
  recover: failure(400, 'Field: email', 'Must be valid'),
  registration: failure(400, 'Field Required: apikey'),
  signup: failure(400, 'Field Required: name'),
};

for (const operation of OPERATIONS) {
  const call = (body?: unknown, headers?: Record<string, string>) =>
    contract.call(operation, body, headers);
  const json = (text: string | Buffer, type = 'application/json') =>
    call(text, { 'content-type': type });

  describe(operation, () => {
    test('the path without its last slash, and with a query, is answered the same', async () => {
      const path = `${contract.api.url}/v2.1/account/${operation}`;
      for (const url of [path, `${path}?x=1`, `${path}/?apikey=x&x[y]=1`]) {
        const headers = { 'x-forwarded-for': newAddress() };
        const answer = await post(url, goodBody(operation), headers);
        assert.equal(answer.status, good(operation));
        const empty = await post(url, {}, headers);
        assert.deepEqual(empty.body, FIRST_MISSING[operation]);
      }
    });

    test('other methods are told which one there is', async () => {
      const url = `${contract.api.url}/v2.1/account/${operation}/`;
      for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
        for (const path of [url, url.slice(0, -1)]) {
          const body = ['PUT', 'PATCH'].includes(method) ? '{not json' : null;
          const headers = body ? { 'content-type': 'application/json' } : {};
          const response = await fetch(path, { method, body, headers });
          assert.equal(response.status, 405, method);
          assert.equal(response.headers.get('allow'), 'POST');
          assert.equal(response.headers.get('cache-control'), 'no-store');
          const text = await response.text();
          if (method === 'HEAD') assert.equal(text, '');
          else assert.deepEqual(JSON.parse(text), failure(405, 'Method not allowed'));
        }
      }
    });

    test('no body at all counts as an empty object, whatever its media type', async () => {
      const bodies: [string | undefined, (string | undefined)[]][] = [
        [undefined, [undefined, 'application/json', 'text/plain', 'image/png', 'x', '']],
        ['', ['application/json', 'text/plain', 'x']],
        [' \r\n\t ', [undefined, 'application/json', 'text/plain', 'image/png']],
        [' {} ', ['application/json']],
      ];
      for (const [body, types] of bodies) {
        for (const type of types) {
          const headers: Record<string, string> =
            type === undefined ? {} : { 'content-type': type };
          const answer = await call(body, headers);
          assert.equal(answer.status, 400, `${JSON.stringify(body)} ${type}`);
          assert.deepEqual(answer.body, FIRST_MISSING[operation]);
        }
      }
    });

    test('media types that are JSON, and no media type', async () => {
      for (const type of [
        'application/json; charset=utf-8',
        'application/json;charset="UTF-8"',
        'Application/JSON',
        'application/vnd.example+json',
      ]) {
        const answer = await json(JSON.stringify(goodBody(operation)), type);
        assert.equal(answer.status, good(operation), type);
      }
      const bytes = Buffer.from(JSON.stringify(goodBody(operation)));
      assert.equal((await call(bytes)).status, good(operation));
    });

    test('a byte order mark and escapes in names are JSON', async () => {
      const marked = Buffer.from(`\ufeff${JSON.stringify(goodBody(operation))}`);
      assert.equal((await json(marked)).status, good(operation));
      const escaped = JSON.stringify(goodBody(operation)).replaceAll(
        /"(\w)(\w+)":/g,
        (_, first: string, rest: string) => `"\\u00${first.charCodeAt(0).toString(16)}${rest}":`,
      );
      assert.equal((await json(escaped)).status, good(operation));
    });

    test('415: other media types', async () => {
      for (const type of [
        'text/plain',
        'text/json',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
        'application/jsonp',
        'json',
        'x',
      ]) {
        const answer = await json(JSON.stringify(goodBody(operation)), type);
        assertFailure(answer, 415, 'The media type must be application/json');
      }
    });

    test('400: what is no JSON in UTF-8', async () => {
      const text = JSON.stringify(goodBody(operation));
      for (const bad of [
        '{',
        '}',
        '{"a":1',
        text.slice(0, -1),
        `${text}x`,
        `${text}${text}`,
        "{'a':1}",
        '{a:1}',
        '{"a":1,}',
        '{"a":01}',
        '{"a":NaN}',
        '{"a":"\t"}',
        '{"a":"\\x"}',
        'undefined',
        'a=1',
        `apikey=${customer.apikey}`,
        `/**/${text}`,
        '\u00a0',
        '\u0000',
        `${text}\0`,
      ]) {
        assertFailure(await json(bad), 400, NOT_JSON);
      }
      for (const bytes of [
        Buffer.from([0xff]),
        Buffer.from([0xa0]),
        Buffer.from('{"name":"\xe9"}', 'latin1'),
        Buffer.from([...Buffer.from('{"a":"'), 0xc0, 0x80, ...Buffer.from('"}')]),
        Buffer.from([...Buffer.from('{"a":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
        Buffer.from(text, 'utf16le'),
      ]) {
        assertFailure(await json(bytes), 400, NOT_JSON);
      }
    });

    test('400: JSON that is no object', async () => {
      for (const bad of ['[]', '[{}]', 'null', 'true', '0', '1e400', '"x"', '""']) {
        assertFailure(await json(bad), 400, NOT_OBJECT);
      }
    });

    test('400: a member that is there twice, at any depth', async () => {
      const [first = ''] = Object.keys(goodBody(operation));
      const text = JSON.stringify(goodBody(operation));
      for (const bad of [
        text.replace('{', `{${JSON.stringify(first)}:1,`),
        text.replace('{', `{"${first.replace('e', '\\u0065')}":1,"${first}":2,`),
        text.replace('{', '{"x":{"y":[{"z":1,"z":1}]},'),
        text.replace('{', '{"__proto__":1,"__proto__":1,'),
        '{"":1,"":1}',
      ]) {
        assertFailure(await json(bad), 400, TWICE);
      }
    });

    test('400: NUL and halves of characters, in names and values', async () => {
      const text = JSON.stringify(goodBody(operation));
      for (const member of [
        '"x":"\\u0000"',
        '"x\\u0000":1',
        '"x":["a\\u0000b"]',
        '"x":"\\ud800"',
        '"x":"\\udc00\\ud800"',
      ]) {
        assertFailure(await json(text.replace('{', `{${member},`)), 400, NO_TEXT);
      }
    });

    test('413: more than 16 KiB, told or not', async () => {
      const padded = (bytes: number) => {
        const text = JSON.stringify(goodBody(operation));
        return text.replace('{', `{${' '.repeat(bytes - text.length)}`);
      };
      assert.equal((await json(padded(16_384))).status, good(operation));
      assertFailure(await json(padded(16_385)), 413, 'Body too large');
      const response = await fetch(`${contract.api.url}/v2.1/account/${operation}/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': newAddress() },
        body: new ReadableStream({
          start: (controller) => {
            controller.enqueue(Buffer.from(padded(20_000)));
            controller.close();
          },
        }),
        duplex: 'half',
      });
      assert.equal(response.status, 413);
      assert.deepEqual(await response.json(), failure(413, 'Body too large'));
    });

    test('members that are not known, or are names of a prototype, change nothing', async () => {
      for (const more of [
        '"__proto__":{"apikey":"x","role":"administrator"}',
        '"constructor":{"prototype":{"apikey":"x"}}',
        '"prototype":1,"toString":null,"valueOf":1,"hasOwnProperty":"","":1',
        '"statusCode":"500","status":"Error","role":"administrator","x":[1e400,-0]',
        `"x":${'['.repeat(7_500)}${']'.repeat(7_500)}`,
        `"x":${'{"a":'.repeat(2_500)}1${'}'.repeat(2_500)}`,
      ]) {
        const text = JSON.stringify(goodBody(operation));
        const answer = await json(text.replace('{', `{${more},`));
        assert.equal(answer.status, good(operation), more.slice(0, 60));
      }
      assert.equal(Object.keys(Object.prototype).length, 0);
    });
  });
}
