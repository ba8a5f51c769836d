import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect, type SecureVersion } from 'node:tls';
import { promisify } from 'node:util';
import { startChild } from '../support/child.ts';
import { watchDelays } from '../support/delays.ts';
import { freePort } from '../support/free-port.ts';
import { startService, type TestService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const NAME = 'account.example.com';
const CONFIGURATION = new URL('../../deploy/nginx/account-api.conf', import.meta.url);
const INSIDE = '127.0.0.1';
const OUTSIDE = '127.0.0.2';
const OTHER = '127.0.0.3';
const CLIENTS = 64;
const SLOW_MS = 10_000;

let api: TestService;
let folder: string;
let certificate: string;
let [httpPort, httpsPort] = [0, 0];

/** The shipped configuration, with ports and files of the test. */
async function configure(): Promise<string> {
  [httpPort, httpsPort] = [await freePort(), await freePort()];
  const shipped = await readFile(CONFIGURATION, 'utf8');
  const changes: [RegExp, string][] = [
    [/^ *listen \[::\].*\n/gm, ''],
    [/listen 80;/, `listen ${httpPort};`],
    [/listen 443 /, `listen ${httpsPort} `],
    [/server 127\.0\.0\.1:8080;/, `server ${new URL(api.url).host};`],
    [/\/etc\/ssl\/account\.example\.com/g, join(folder, 'tls')],
  ];
  return changes.reduce((text, [pattern, put]) => {
    assert.match(text, pattern);
    return text.replace(pattern, put);
  }, shipped);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-nginx-'));
  api = await startService({ PUBLIC_URL: `https://${NAME}`, TRUST_PROXY: '127.0.0.1/32' });
  const [key, pem] = [join(folder, 'tls.key'), join(folder, 'tls.pem')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-days', '1', '-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`],
    ...['-keyout', key, '-out', pem],
  ]);
  certificate = await readFile(pem, 'utf8');
  await writeFile(join(folder, 'site.conf'), await configure());
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const main = join(folder, 'nginx.conf');
  await writeFile(
    main,
    `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off;
worker_processes 1;
pid ${join(folder, 'pid')};
error_log stderr notice;
events { worker_connections 512; }
http {
  access_log off;
  ${paths.join('\n  ')}
  include ${join(folder, 'site.conf')};
}
`,
  );
  const nginx = startChild(['nginx', '-e', 'stderr', '-c', main]);
  await nginx.line(/start worker process \d+/);
});
after(async () => {
  await api.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  location: string | undefined;
  text: string;
}

/** Sends a request from a local address, over TLS unless the port says otherwise. */
function ask(path: string, options: RequestOptions = {}, body?: Buffer): Promise<Answer> {
  const { localAddress = OUTSIDE, port = httpsPort, headers, ...others } = options;
  const send = port === httpPort ? plainRequest : request;
  return new Promise((resolve, reject) => {
    send(
      {
        ...{ host: INSIDE, port, path, localAddress, ca: certificate, servername: NAME },
        ...{ agent: false, headers: { host: NAME, ...headers }, ...others },
      },
      async (response) => {
        const { statusCode: status = 0, headers } = response;
        const text = Buffer.concat(await response.toArray()).toString();
        resolve({ status, location: headers.location, text });
      },
    )
      .on('error', reject)
      .end(body);
  });
}

function versionOf(version: SecureVersion): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...{ host: INSIDE, port: httpsPort, servername: NAME, ca: certificate },
      ...{ minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    socket.on('error', reject).on('secureConnect', () => {
      resolve(socket.getProtocol() ?? '');
      socket.destroy();
    });
  });
}

test('TLS 1.2 and 1.3 alone', async () => {
  assert.equal(await versionOf('TLSv1.2'), 'TLSv1.2');
  assert.equal(await versionOf('TLSv1.3'), 'TLSv1.3');
  for (const old of ['TLSv1', 'TLSv1.1'] as const) {
    await assert.rejects(versionOf(old), /alert|unsupported|version/i, old);
  }
});

test('http is refused where keys are sent, and led to https elsewhere', async () => {
  const message = 'Use https, and replace the key that was just sent without';
  for (const path of [
    '/v2.1/account/info/',
    '/v2.2/account',
    '/operator/v1/accounts',
    '//v2.2/account',
    '/ingest/v1/calls/generic',
    '/%69ngest/v1/authorize',
  ]) {
    const { status, text } = await ask(path, { port: httpPort, method: 'POST' });
    const body = { statusCode: '403', status: 'Error', message };
    assert.deepEqual([status, JSON.parse(text)], [403, body], path);
  }
  const page = await ask('/sign-in?x=1', { port: httpPort });
  assert.deepEqual([page.status, page.location], [301, `https://${NAME}/sign-in?x=1`]);
});

test('metrics and health are for the machine itself, in whatever spelling', async () => {
  const inside = await ask('/metrics', { localAddress: INSIDE });
  assert.equal(inside.status, 200);
  assert.match(inside.text, /^account_api_holds 0$/m);
  const spellings: Record<string, number> = {
    '/metrics': 403,
    '/metrics/': 403,
    '/metrics?x': 403,
    '//metrics': 403,
    '/./metrics': 403,
    '/x/../metrics': 403,
    '/%6Detrics': 403,
    '/metrics%2F': 403,
    '/metrics%3F': 404,
    '/metrics;x': 404,
    '/metrics//': 403,
    '/METRICS': 404,
    '/x/%2e%2e/metrics': 403,
    '/healthz': 403,
    '/readyz/': 403,
  };
  for (const [path, expected] of Object.entries(spellings)) {
    const { status, text } = await ask(path);
    assert.equal(status, expected, path);
    assert.doesNotMatch(text, /account_api_|process_/, path);
  }
});

test("the service sees the client's own address, whatever the client writes", async () => {
  const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
  const lines = () =>
    api
      .logged()
      .split('\n')
      .filter((text) => text.includes('"route":"/sign-in"'));
  const before = lines().length;
  assert.equal((await ask('/sign-in', { headers })).status, 200);
  // The log is written some milliseconds after the answer.
  await waitUntil(() => lines().length > before);
  assert.equal(JSON.parse(lines().at(-1) ?? '{}').address, OUTSIDE);
});

test('bodies of operations have 1 MiB, those of feeds 16 MiB', async () => {
  const body = Buffer.alloc(1024 * 1024 + 1, ' ');
  const post = { method: 'POST' };
  assert.equal((await ask('/v2.1/account/info/', post, body)).status, 413);
  assert.equal((await ask('/ingest/v1/calls/generic', post, body)).status, 401);
});

test('slow clients are let go of, and one address has 64 requests at once', async () => {
  const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
  const busyMs = watchDelays();
  const start = performance.now();
  const slow = Array.from(
    { length: CLIENTS },
    () =>
      new Promise<number | undefined>((resolve, reject) => {
        const sent = request(
          {
            ...{ host: INSIDE, port: httpsPort, path: '/v2.1/account/info/', method: 'POST' },
            ...{ localAddress: OUTSIDE, ca: certificate, servername: NAME, agent },
            headers: { host: NAME, 'content-length': 100 },
          },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        ).on('error', (error: NodeJS.ErrnoException) =>
          error.code === 'ECONNRESET' ? resolve(undefined) : reject(error),
        );
        sent.write('{');
      }),
  );
  const header = new Promise<number>((resolve, reject) => {
    const socket = connect({ host: INSIDE, port: httpsPort, servername: NAME, ca: certificate });
    socket
      .on('secureConnect', () => socket.write('GET /sign-in HTTP/1.1\r\nHos'))
      .on('error', reject)
      .on('close', () => resolve(performance.now() - start))
      .resume();
  });
  let refused: Answer | undefined;
  while (refused?.status !== 429 && performance.now() - start < SLOW_MS / 2) {
    refused = await ask('/sign-in');
  }
  assert.equal(refused?.status, 429);
  assert.equal((await ask('/sign-in', { localAddress: OTHER })).status, 200);
  const ended = await Promise.all(slow);
  const [bodyMs, headerMs] = [performance.now() - start, await header];
  agent.destroy();
  assert.ok(
    ended.every((status) => status === undefined || status === 408),
    ended.join(),
  );
  for (const ms of [bodyMs, headerMs]) {
    assert.ok(ms > SLOW_MS * 0.9 && ms < SLOW_MS * 2 + busyMs(), `${ms} ms`);
  }
  assert.equal((await ask('/sign-in')).status, 200);
});
