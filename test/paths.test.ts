import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { request } from 'node:http';
import { test } from 'node:test';
import { pino } from 'pino';
import { listen } from '../src/front.ts';
import { routesOf } from './abuse/routes.ts';
import { freePort } from './support/free-port.ts';
import { sharedService } from './support/service.ts';
import { waitUntil } from './support/wait.ts';

const REQUESTS = 'http.server.request.start';

const api = sharedService();

/** Requests a path unchanged; fetch would normalise it. */
function ask(
  path: string,
  method = 'GET',
): Promise<{ status: number; location: string | undefined }> {
  const { hostname, port } = new URL(api.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, method, headers: { accept: 'text/html' } }, (response) => {
      response.resume();
      const { statusCode = 0, headers } = response;
      resolve({ status: statusCode, location: headers.location });
    })
      .on('error', reject)
      .end();
  });
}

test('each path has one spelling', async () => {
  assert.equal((await ask('/metrics')).status, 200);
  assert.equal((await ask(`${api.url}/metrics`)).status, 200);
  const others = [
    '//metrics',
    '/metrics//',
    '/%6Detrics',
    '/m%65trics',
    '/metrics%2F',
    '/metrics%3F',
    '/METRICS',
    '/Metrics',
    '/metrics;x',
    '/metrics#x',
    '/./metrics',
    '/x/../metrics',
    '/metrics.',
    '\\metrics',
    `${api.url}//metrics`,
    `${api.url}/%6Detrics`,
  ];
  for (const path of others) assert.ok([400, 404].includes((await ask(path)).status), path);
  assert.deepEqual(await ask('/metrics/?x=1'), { status: 308, location: '/metrics?x=1' });
  assert.deepEqual(await ask('/docs'), { status: 308, location: '/docs/' });
  assert.deepEqual(await ask('//metrics/'), { status: 404, location: undefined });
});

test('no route answers another spelling of its path; v2.1 and ingest take a last slash or none', async () => {
  let programs = 0;
  for (const { path, methods } of await routesOf(api.service)) {
    if (path === '/') continue;
    const isProgram = /^\/(v2\.1|ingest)\//.test(path) && !path.includes('openapi');
    const whole = path.replaceAll(/:[a-z]+/gi, '1').replace(/\/$/, '');
    const method = methods.find((each) => ['POST', 'PUT'].includes(each)) ?? 'GET';
    const letter = whole.slice(1, 2);
    const escaped = `/%${letter.charCodeAt(0).toString(16)}${whole.slice(2)}`;
    for (const other of [escaped, `/${whole}`, `${whole}//`, whole.toUpperCase()]) {
      if (other === whole) continue;
      const { status } = await ask(other, method);
      assert.equal(status, 404, `${method} ${other}`);
    }
    if (!isProgram) continue;
    programs++;
    // Without key, credentials and body, each route refuses in its own way.
    const { status } = await ask(whole, method);
    assert.ok([400, 401].includes(status), `${method} ${whole}: ${status}`);
    assert.deepEqual(await ask(`${whole}/`, method), await ask(whole, method), path);
    assert.equal((await ask(`${whole}/?x`, method)).status, status, path);
  }
  assert.ok(programs >= 30, String(programs));
  for (const path of ['/v2.1/account/info//', '/v2.1/account/%69nfo/', '/v2.1/account//info/']) {
    assert.equal((await ask(path, 'POST')).status, 404, path);
  }
});

test('metrics have a port of their own where it is set', async (t) => {
  const metricsPort = await freePort();
  const { config } = api.service;
  const service = { ...api.service, config: { ...config, port: 0, metricsPort } };
  const front = await listen(service, pino({ level: 'silent' }));
  t.after(() => front.close());
  const inside = `http://127.0.0.1:${metricsPort}`;
  const outside = `http://127.0.0.1:${front.port}`;
  assert.equal((await fetch(`${outside}/metrics`)).status, 404);
  assert.equal((await fetch(`${outside}/healthz`)).status, 200);
  assert.equal((await fetch(`${inside}/healthz`)).status, 404);
  const answer = await fetch(`${inside}/metrics`);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(
    await answer.text(),
    /^account_api_requests_total\{route="\/healthz",status="200"\} 1$/m,
  );
});

test('of many who ask for metrics at once, all get those that were gathered once', async (t) => {
  const { db } = api.service;
  const spies = [t.mock.method(db, 'query'), t.mock.method(db, 'read')];
  const statements = () => spies.reduce((sum, { mock }) => sum + mock.callCount(), 0);
  await fetch(`${api.url}/metrics`);
  const ofOne = statements();
  let arrived = 0;
  const count = () => {
    arrived++;
  };
  subscribe(REQUESTS, count);
  t.after(() => unsubscribe(REQUESTS, count));
  const answers = await db.transaction(async (tx) => {
    // The gathering waits until all requests are there.
    await tx.query('LOCK TABLE hold IN ACCESS EXCLUSIVE MODE');
    const asked = Array.from({ length: 50 }, () => fetch(`${api.url}/metrics`));
    await waitUntil(async () => arrived >= 50);
    return asked;
  });
  await Promise.all(answers);
  // Jobs of the service read, too.
  const gatherings = statements() / ofOne - 1;
  assert.ok(gatherings < 2, `${gatherings} gatherings for 50 requests`);
});
