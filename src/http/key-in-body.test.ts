import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { keyInBody, mayHaveKeyInBody } from './key-in-body.ts';

/** What was found in each request: its key, and then its body. */
const found: [key: string | undefined, body: string | undefined][] = [];
const server = createServer(async (request, response) => {
  const key = mayHaveKeyInBody(request) ? await keyInBody(request) : 'not looked for';
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  const body = request.destroyed
    ? undefined
    : await once(request, 'end').then(() => Buffer.concat(chunks).toString());
  found.push([key, body]);
  response.end();
});
before(() => once(server.listen(0, '127.0.0.1'), 'listening'));
after(() => server.close());

/** Sends parts, some time after each other. @returns what was found in the request */
async function send(...parts: string[]) {
  const socket = open();
  for (const part of parts) {
    socket.write(part);
    await sleep(30);
  }
  const result = await nextFound();
  socket.destroy();
  return result;
}

function open() {
  found.length = 0;
  return connect((server.address() as AddressInfo).port, '127.0.0.1');
}

async function nextFound() {
  while (found.length === 0) await sleep(5);
  return found[0];
}

const head = (length: number, more = '') =>
  `POST / HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${length}\r\n\r\n`;
const whole = (body: string, more = '') => send(head(Buffer.byteLength(body), more) + body);

test('a key alone is found, and its body can be read again', async () => {
  for (const body of [
    '{"apikey":"x"}',
    ' {\n  "apikey" : "x"\n}\n',
    '{"\\u0061pikey":"\\u0078"}',
    '\ufeff{"apikey":"x"}',
  ]) {
    for (const type of [
      '',
      'Content-Type: application/json\r\n',
      'Content-Type: Application/JSON; charset=UTF-8\r\n',
    ]) {
      assert.deepEqual(await whole(body, type), ['x', body]);
    }
  }
});

test('a body that arrives in parts is waited for', async () => {
  assert.deepEqual(await send(head(14), '{"apik', 'ey":', '"x"}'), ['x', '{"apikey":"x"}']);
});

test('any other body is left as it is', async () => {
  for (const body of [
    '{}',
    '{"apikey":""}',
    '{"apikey":1}',
    '{"apikey":null}',
    '{"apikey":["x"]}',
    '{"apikey":"x","start":1}',
    '{"apikey":"x","__proto__":1}',
    '{"apikey":"x","apikey":"x"}',
    '{"apikey":"\\u0000"}',
    '{"apikey":"x"',
    'null',
    '"x"',
    '["x"]',
    'apikey=x',
    ' ',
  ]) {
    assert.deepEqual(await whole(body), [undefined, body]);
  }
});

test('a long body, one of another type, and one of unknown length are not looked at', async () => {
  const body = '{"apikey":"x"}';
  const long = body.replace('{', `{${' '.repeat(115)}`);
  assert.deepEqual(await whole(long.replace(' ', '')), ['x', long.replace(' ', '')]);
  assert.deepEqual(await whole(long), ['not looked for', long]);
  for (const type of ['text/plain', 'application/json, text/plain', 'application/jsonp', '']) {
    const more = `Content-Type: ${type}\r\n`;
    assert.deepEqual(await whole(body, more), ['not looked for', body], type);
  }
  const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.deepEqual(await send(`${chunked}e\r\n${body}\r\n0\r\n\r\n`), ['not looked for', body]);
});

test('of a client that leaves there is no key', async () => {
  const socket = open();
  socket.write(`${head(14)}{"apik`);
  await once(server, 'request');
  socket.destroy();
  assert.deepEqual(await nextFound(), [undefined, undefined]);
});
