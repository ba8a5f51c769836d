import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchDelays } from '../support/delays.ts';
import { assertNoSecrets, startTarget } from './support.ts';

const target = startTarget();
const INFO = 'POST /v2.1/account/info/ HTTP/1.1\r\n';
const HOST = 'Host: x\r\n';
const TRIES = 3;
const WAIT_MS = 15_000;

async function open(): Promise<Socket> {
  const { hostname, port } = new URL(target.api.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Sends bytes and waits until the connection is closed. @returns the whole answer */
async function exchange(bytes: string | Buffer): Promise<string> {
  const socket = await open();
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  socket.end();
  await Promise.race([once(socket, 'close'), sleep(WAIT_MS)]);
  assert.ok(socket.closed, 'the connection was left open');
  return answer;
}

interface Parsed {
  status: number;
  body: string;
  headers: string;
}

function parse(answer: string): Parsed {
  const [head = '', ...rest] = answer.split('\r\n\r\n');
  const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
  return { status: Number(status), body: rest.join('\r\n\r\n'), headers: head.toLowerCase() };
}

/** Asserts the error envelope with this status. */
function assertRefused(answer: string, statuses: number[], what: string): void {
  const { status, body, headers } = parse(answer);
  assert.ok(statuses.includes(status), `${what}: ${answer.slice(0, 200)}`);
  assert.match(headers, /content-type: application\/json; charset=utf-8/, what);
  assert.match(headers, /cache-control: no-store/, what);
  const { message, ...others } = JSON.parse(body);
  assert.deepEqual(others, { statusCode: String(status), status: 'Error' }, what);
  assert.equal(typeof message, 'string');
  assertNoSecrets(answer, target.secrets, what);
}

const long = (length: number) => 'x'.repeat(length);

test('what is no HTTP, or HTTP that can be understood in two ways', async () => {
  const bad: [string, string, number[]][] = [
    ['noise', '\x00\x01\x02\xff\xfe\r\n\r\n', [400]],
    ['text', 'hello\r\n\r\n', [400]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
    ['HTTP/9', `GET / HTTP/9.9\r\n${HOST}\r\n`, [400]],
    ['HTTP/0.9', 'GET /nowhere\r\n\r\n', [400, 404]],
    ['an unknown method', `HACK / HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['a method in lower case', `post / HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['no address', `GET  HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['spaces in the address', `GET /a b HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['NUL in the address', `GET /a\0b HTTP/1.1\r\n${HOST}\r\n`, [400]],
    ['no Host', `${INFO}Content-Length: 0\r\n\r\n`, [400]],
    ['no Host on a GET', 'GET /healthz HTTP/1.1\r\n\r\n', [400]],
    ['a header without a colon', `${INFO}${HOST}Nonsense\r\n\r\n`, [400]],
    ['a space before the colon', `${INFO}${HOST}Content-Length : 0\r\n\r\n`, [400]],
    ['a folded header', `${INFO}${HOST}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`, [400]],
    ['NUL in a header', `${INFO}${HOST}X: a\0b\r\n\r\n`, [400]],
    ['a bare line feed in a header', `${INFO}${HOST}X: a\nY: b\r\n\r\n`, [400]],
    ['a bare carriage return', `${INFO}${HOST}X: a\rY: b\r\n\r\n`, [400]],
    ['two lengths', `${INFO}${HOST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x`, [400]],
    [
      'a length and chunks',
      `${INFO}${HOST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    ['chunks not last', `${INFO}${HOST}Transfer-Encoding: chunked, gzip\r\n\r\n{}`, [400]],
    ['an unknown encoding', `${INFO}${HOST}Transfer-Encoding: x\r\n\r\n{}`, [400, 501]],
    ['a negative length', `${INFO}${HOST}Content-Length: -1\r\n\r\n`, [400]],
    ['a length with a sign', `${INFO}${HOST}Content-Length: +2\r\n\r\n{}`, [400]],
    ['a length in hexadecimal', `${INFO}${HOST}Content-Length: 0x2\r\n\r\n{}`, [400]],
    [
      'a length beyond 64 bits',
      `${INFO}${HOST}Content-Length: 99999999999999999999\r\n\r\n`,
      [400],
    ],
    [
      'a chunk that is none',
      `${INFO}${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
      [400],
    ],
    [
      'a chunk size beyond 64 bits',
      `${INFO}${HOST}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n`,
      [400],
    ],
    ['a body cut short', `${INFO}${HOST}Content-Length: 100\r\n\r\n{`, [400]],
    ['chunks cut short', `${INFO}${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\n{`, [400]],
    ['a long address', `GET /${long(20_000)} HTTP/1.1\r\n${HOST}\r\n`, [414, 431]],
    ['a long header', `${INFO}${HOST}X: ${long(20_000)}\r\n\r\n`, [431]],
    ['a long key', `${INFO}${HOST}Authorization: Bearer ${long(20_000)}\r\n\r\n`, [431]],
    ['a long name of a header', `${INFO}${HOST}${long(20_000)}: x\r\n\r\n`, [431]],
    ['many headers', `${INFO}${HOST}${'X: y\r\n'.repeat(5_000)}\r\n`, [400, 431]],
    ['a length of more than is taken', `${INFO}${HOST}Content-Length: 99999999\r\n\r\n{`, [413]],
    ['a proxy is asked for', `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`, [405]],
    [
      'an unknown expectation',
      `${INFO}${HOST}Expect: miracles\r\nContent-Length: 2\r\n\r\n{}`,
      [417],
    ],
    ['TRACE', `TRACE / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [404, 405]],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [400, 404, 405]],
    [
      'a path of another host',
      `GET http://evil.example/x HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
      [404],
    ],
    ['a path upwards', `GET /../../etc/passwd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [404]],
    ['a damaged escape', `GET /%zz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [400]],
    [
      'an upgrade',
      `GET /x HTTP/1.1\r\n${HOST}Upgrade: websocket\r\nConnection: close, Upgrade\r\n\r\n`,
      [404],
    ],
    [
      'HTTP/2 by upgrade',
      `GET /x HTTP/1.1\r\n${HOST}Upgrade: h2c\r\nHTTP2-Settings: AA\r\nConnection: close, Upgrade, HTTP2-Settings\r\n\r\n`,
      [404],
    ],
  ];
  for (const [what, bytes, statuses] of bad) {
    assertRefused(await exchange(bytes), statuses, what);
  }
  assert.equal((await fetch(`${target.api.url}/healthz`)).status, 200);
});

test('a request hidden in the body of another is not answered', async () => {
  const hidden = `POST /v2.1/account/add/ HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`;
  const smuggling = [
    `${INFO}${HOST}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    `${INFO}${HOST}Content-Length: ${hidden.length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${INFO}${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
    `${INFO}${HOST}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${hidden}`,
  ];
  for (const bytes of smuggling) {
    const answer = await exchange(bytes);
    assert.equal(answer.match(/HTTP\/1\.1 \d{3}/g)?.length, 1, answer);
    assertRefused(answer, [400], bytes.slice(0, 120));
  }
});

test('requests one after the other on one connection are answered in their order', async () => {
  const one = (path: string) => `GET ${path} HTTP/1.1\r\n${HOST}\r\n`;
  const answer = await exchange(`${one('/healthz')}${one('/nowhere')}${one('/healthz')}`);
  assert.deepEqual(
    [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status),
    ['200', '404', '200'],
  );
});

test('a body that breaks after its answer gets no second one', async () => {
  const socket = await open();
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
  socket.write(
    `POST /ingest/v1/calls/generic HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n`,
  );
  await once(socket, 'data');
  socket.write('no chunk\r\n');
  await Promise.race([once(socket, 'close'), sleep(WAIT_MS)]);
  assert.ok(socket.closed, 'the connection was left open');
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d{3}/g), ['HTTP/1.1 401']);
});

test('clients that go away in the middle harm nobody', async () => {
  const { attacker, feeds } = target;
  const key = `Authorization: Bearer ${attacker.apikey}\r\n`;
  const starts = [
    '',
    'POST',
    INFO,
    `${INFO}${HOST}${key}`,
    `${INFO}${HOST}${key}Content-Length: 100\r\n\r\n{"x"`,
    `${INFO}${HOST}${key}Content-Length: 2\r\n\r\n{}`,
    `POST /v2.1/account/cdr/ HTTP/1.1\r\n${HOST}${key}Content-Length: 2\r\n\r\n{}`,
    `POST /ingest/v1/calls/generic HTTP/1.1\r\n${HOST}Authorization: ${feeds.generic}\r\nContent-Length: 9999\r\n\r\n[`,
    `GET / HTTP/1.1\r\n${HOST}\r\n`,
  ];
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      starts.map(async (start) => {
        const socket = await open();
        if (start) socket.write(start);
        await sleep(round % 5);
        if (round % 2) socket.resetAndDestroy();
        else socket.destroy();
      }),
    );
  }
  assert.equal((await fetch(`${target.api.url}/readyz`)).status, 200);
});

test('slow senders are closed within ten seconds, and told so where they began to send', async () => {
  const { attacker } = target;
  const slow: [string, string, string, number[]][] = [
    ['nothing', '', '', [408]],
    ['a line a byte at a time', 'P', 'O', [400, 408]],
    ['headers without end', `${INFO}${HOST}`, 'X: y\r\n', [408]],
    [
      'a body without end',
      `${INFO}${HOST}Authorization: Bearer ${attacker.apikey}\r\nContent-Length: 1000\r\n\r\n{`,
      ' ',
      [408],
    ],
    ['chunks without end', `${INFO}${HOST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n', [408]],
  ];
  // On a busy machine one try may be late; what is closed too late is late in all of them.
  let late: string[] = [];
  for (let tries = 0; tries < TRIES; tries++) {
    late = [];
    const busyMs = watchDelays();
    await Promise.all(
      slow.map(async ([what, first, drop, statuses]) => {
        const started = performance.now();
        const socket = await open();
        let answer = '';
        socket.on('data', (chunk) => (answer += chunk));
        if (first) socket.write(first);
        const dripping = setInterval(() => drop && socket.writable && socket.write(drop), 500);
        await Promise.race([once(socket, 'close'), sleep(20_000)]);
        clearInterval(dripping);
        const ms = performance.now() - started;
        if (!socket.closed || ms > 11_000 + busyMs()) late.push(`${what}: ${ms} ms`);
        if (answer || first) assertRefused(answer, statuses, what);
      }),
    );
    if (late.length === 0) return;
  }
  assert.fail(late.join());
});
