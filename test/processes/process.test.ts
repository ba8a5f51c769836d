import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from '../support/child.ts';
import { newDataFolder } from '../support/prepared-data.ts';
import { Promises } from '../support/promises.ts';
import {
  addGenericFeed,
  embeddedConnection,
  launchServer,
  postmasterOf,
  startServer,
  whenReady,
} from '../support/server.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const CLONE = new URL('../..', import.meta.url).pathname;
const KILLS = 5;

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-process-'));
  folders.push(folder);
  return folder;
}

/** The data folder of a service that was started before. */
async function usedFolder(): Promise<string> {
  const folder = await newDataFolder('account-api-process-');
  folders.push(folder);
  return folder;
}

/** Whether its PostgreSQL was shut down normally. */
const isStopped = (dataDir: string) =>
  existsSync(join(dataDir, 'postgres/data18/PG_VERSION')) &&
  !existsSync(join(dataDir, 'postgres/data18/postmaster.pid'));

interface Credentials {
  username: string;
  password: string;
  apikey: string;
}

test('SIGTERM answers what is in flight and ends the database; the next start is at once', async () => {
  const dataDir = await newFolder();
  const server = await startServer(dataDir);
  const path = join(dataDir, 'admin.json');
  const { username, password, apikey } = JSON.parse(await readFile(path, 'utf8')) as Credentials;
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.match(
    server.output(),
    new RegExp(`Username {2}${username}\n {2}Password {2}${password}\n {2}API key {3}${apikey}\n`),
  );

  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // The answer to the first request shows that the beginning of the second one has come, too.
  socket.write(
    'HEAD /healthz HTTP/1.1\r\nHost: test\r\n\r\n' +
      'POST /v2.1/account/info/ HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n' +
      `Content-Length: ${JSON.stringify({ apikey }).length}\r\n\r\n{`,
  );
  await waitUntil(() => answer.endsWith('\r\n\r\n'));
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  answer = '';
  server.kill('SIGTERM');
  server.kill('SIGTERM');
  await server.line(/"msg":"stopping"/);
  await assert.rejects(fetch(`${server.url}/healthz`));
  socket.write(JSON.stringify({ apikey }).slice(1));
  await closed;
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*connection: close\r\n/i);
  assert.match(answer, new RegExp(`"username" ?: ?"${username}"`));
  assert.equal(await server.ended, 0);
  assert.ok(isStopped(dataDir));

  const again = await startServer(dataDir);
  assert.doesNotMatch(again.output(), /Password/);
  const headers = { authorization: `Bearer ${apikey}` };
  const info = await post(`${again.url}/v2.1/account/info/`, undefined, headers);
  assert.equal(info.body.account[0].username, username);
  again.kill('SIGTERM');
  assert.equal(await again.ended, 0);
});

test('npm start ends in good order when a terminal interrupts all of its processes', async () => {
  const dataDir = await usedFolder();
  const command = ['npm', '--prefix', CLONE, 'start'];
  const server = await startServer(dataDir, { command });
  server.kill('SIGINT', 'group');
  await server.ended;
  assert.match(server.output(), /"msg":"stopping"/);
  await waitUntil(() => isStopped(dataDir));
});

test('SIGTERM during a start ends it at once and hinders no later start', async () => {
  const dataDir = await newFolder();
  for (const afterMs of [150, 600]) {
    const child = launchServer(dataDir);
    await sleep(afterMs);
    child.kill('SIGTERM');
    assert.ok([0, 'SIGTERM'].includes(await child.ended), child.output());
  }
  const server = await startServer(dataDir);
  const { apikey } = JSON.parse(await readFile(join(dataDir, 'admin.json'), 'utf8')) as Credentials;
  const headers = { authorization: `Bearer ${apikey}` };
  const info = await post(`${server.url}/v2.1/account/info/`, undefined, headers);
  assert.equal(info.status, 200);
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

test('a start that fails says why in one line, and leaves no database running', async () => {
  const dataDir = await usedFolder();
  const server = await startServer(dataDir);
  const { port } = new URL(server.url);
  const otherDir = await usedFolder();
  const clash = launchServer(otherDir, { env: { PORT: port } });
  assert.equal(await clash.ended, 1);
  assert.match(
    clash.output(),
    new RegExp(`^account-api: port ${port} is in use; set PORT to another one\n$`),
  );
  assert.ok(isStopped(otherDir));
  // An address for examples, which no machine has (RFC 5737).
  const elsewhere = launchServer(otherDir, { env: { HOST: '192.0.2.1', PORT: port } });
  assert.equal(await elsewhere.ended, 1);
  assert.equal(
    elsewhere.output(),
    `account-api: 192.0.2.1:${port}: this machine does not have the address; look at HOST, PORT and METRICS_PORT\n`,
  );
  const second = launchServer(dataDir);
  assert.equal(await second.ended, 1);
  assert.match(
    second.output(),
    new RegExp(`^account-api: process ${server.pid} serves the data folder .*DATABASE_URL\\)\n$`),
  );
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

test('a Node.js that is too old is told in one line, as where npm ci was forgotten', async () => {
  const old = 'import m from "node:module"; delete m.registerHooks; m.syncBuiltinESMExports()';
  for (const file of ['src/main.js', 'src/cli/account-api.js']) {
    const child = startChild([process.execPath, '--import', `data:text/javascript,${old}`, file], {
      cwd: CLONE,
    });
    assert.equal(await child.ended, 1);
    assert.match(
      child.output(),
      /^account-api: Node\.js [\d.]+ is too old; npm ci brings one .*\n$/,
    );
  }
});

test('a PostgreSQL that is killed under load comes back, and so do requests and mails', async () => {
  const dataDir = await usedFolder();
  const server = await startServer(dataDir);
  const promises = new Promises(await addGenericFeed(dataDir));
  await promises.open(server.url, 3);
  for (let round = 0; round < 2; round++) {
    let loading = true;
    const load = Array.from({ length: 4 }, async (_, n) => {
      while (loading) {
        const status =
          n === 0 ? await promises.signUp(server.url) : await promises.deliver(server.url, 5);
        assert.ok(status === 200 || status === 503, String(status));
        if (status === 503) await sleep(50);
      }
    });
    await sleep(300);
    process.kill(await postmasterOf(dataDir), 'SIGKILL');
    const before = promises.acknowledged.size;
    await waitUntil(() => promises.acknowledged.size > before + 50);
    loading = false;
    await Promise.all(load);
  }
  await promises.repeat(server.url);
  assert.equal(promises.owed.length, 0);
  await promises.assertKept(embeddedConnection(dataDir));
  await promises.assertMailed(dataDir);
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});

test(`after kill -9 during ingest, ${KILLS} times, every acknowledged call is there once`, async () => {
  const dataDir = await usedFolder();
  let server = await startServer(dataDir);
  const promises = new Promises(await addGenericFeed(dataDir));
  await promises.open(server.url, 3);
  for (let kill = 0; kill < KILLS; kill++) {
    const { url } = server;
    const load = Array.from({ length: 3 }, async () => {
      while ((await promises.deliver(url, 5)) === 200);
    });
    await sleep(20 + Math.random() * 150);
    server.kill('SIGKILL', kill % 2 === 0 ? 'process' : 'group');
    await Promise.all(load);
    await server.ended;
    server = await whenReady(launchServer(dataDir));
    await promises.repeat(server.url);
  }
  assert.equal(promises.owed.length, 0);
  assert.ok(promises.acknowledged.size > KILLS);
  await promises.assertKept(embeddedConnection(dataDir));
  server.kill('SIGTERM');
  assert.equal(await server.ended, 0);
});
