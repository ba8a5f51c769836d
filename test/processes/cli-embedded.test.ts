import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { commandJson, runCommand, startCommand } from '../support/command.ts';
import { embeddedConnection, type Server, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';

// The command and the service run as separate processes, on several data folders in turn.

let folder: string;
let env: { DATA_DIR: string };
let server: Server | undefined;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
  env = { DATA_DIR: join(folder, 'data') };
});
after(async () => {
  await stop(server);
  // On a busy machine PostgreSQL may still be writing its last files.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
});

// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
let demo: any;
let admin: { username: number; password: string; apikey: string };
let backup: { file: string; secretKeys: string[] };

async function stop(running: Server | undefined): Promise<void> {
  running?.kill('SIGTERM');
  await running?.ended;
}

const call = (url: string, operation: string, body: object, key?: string) =>
  post(`${url}/v2.1/account/${operation}/`, body, key ? { authorization: `Bearer ${key}` } : {});

test('a command where there is no database says where it looked, and makes nothing', async () => {
  const nowhere = { DATA_DIR: join(folder, 'nowhere') };
  const commands = [
    ['backup', join(folder, 'nothing.tar.gz')],
    ['account', 'list'],
    ['admin', 'create'],
    ['demo'],
  ];
  for (const args of commands) {
    assert.deepEqual(await runCommand(nowhere, ...args), {
      status: 1,
      stdout: '',
      stderr:
        `account-api: there is no database at ${nowhere.DATA_DIR}/postgres/data18; set DATA_DIR ` +
        'to the data folder of the service (or DATABASE_URL), or make a new one with npm start\n',
    });
  }
  assert.deepEqual(await readdir(folder), []);
});

test('two commands at once while no service runs', async () => {
  await stop(await startServer(env.DATA_DIR));
  const [created, promo] = await Promise.all([
    commandJson(env, 'admin', 'create'),
    commandJson(env, 'promo', 'create', 'WELCOME', '--amount', '5'),
  ]);
  // This also queues a mail.
  const { apikey } = await commandJson(env, 'account', 'rotate-key', String(created.username));
  admin = { ...created, apikey };
  assert.equal(promo.code, 'WELCOME');
});

test('demo and backup while the service runs and calls come in', async () => {
  server = await startServer(env.DATA_DIR);
  const { url } = server;
  demo = await commandJson(env, 'demo');
  // The service listens on any free port.
  assert.equal(demo.url, url);
  let acknowledged = 0;
  let coming = true;
  const authorization = `Basic ${Buffer.from(`demo:${demo.feed.secret}`).toString('base64')}`;
  const deliver = async () => {
    while (coming) {
      const id = `during-backup-${acknowledged + 1}`;
      const start = Math.floor(Date.now() / 1_000) - 60;
      const record = { id, account: demo.username, start, duration: 60, cid: '1', dst: '2' };
      const { status } = await post(`${url}/ingest/v1/calls/generic`, record, { authorization });
      assert.equal(status, 200);
      acknowledged++;
    }
  };
  const delivering = deliver();
  while (acknowledged < 5) await sleep(5);
  const before = acknowledged;
  await mkdir(join(folder, 'backups'));
  const configured = new pg.Client(embeddedConnection(env.DATA_DIR));
  await configured.connect();
  await configured.query("ALTER SYSTEM SET archive_command = 'touch /tmp/ran'");
  await configured.end();
  backup = await commandJson(env, 'backup', join(folder, 'backups'));
  const most = acknowledged + 1;
  coming = false;
  await delivering;
  assert.deepEqual(await readdir(join(folder, 'backups')), [backup.file.split('/').at(-1)]);

  const restored = { DATA_DIR: join(folder, 'restored') };
  const refused = await runCommand(restored, 'restore', backup.file);
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /needs the secret key file with fingerprint [0-9a-f]{16}; put it at/,
  );
  await copyFile(join(env.DATA_DIR, 'secret.key'), join(restored.DATA_DIR, 'secret.key'));
  const found = await commandJson(restored, 'restore', backup.file);
  assert.deepEqual(found, { ...found, accounts: 3, imbalances: [] });
  const cluster = join(restored.DATA_DIR, 'postgres', 'data18');
  assert.equal(await readFile(join(cluster, 'postgresql.auto.conf'), 'utf8'), '');
  assert.equal(await readFile(join(cluster, 'postgresql.conf'), 'utf8'), '');
  const calls = found.calls - demo.calls;
  assert.ok(before <= calls && calls <= most, `${calls} calls of ${before} to ${most}`);

  const again = await runCommand(restored, 'restore', backup.file);
  assert.deepEqual([again.status, again.stdout], [1, '']);
  assert.match(again.stderr, /^account-api: \S+ has a database already; .*\n$/);
});

test('a restored folder answers all eight operations with the same credentials', async () => {
  const restored = await startServer(join(folder, 'restored'));
  const { url } = restored;
  const { username, password, apikey } = demo;
  const answers = await Promise.all([
    call(url, 'apikey', { username, password }),
    call(url, 'info', {}, apikey),
    call(url, 'cdr', {}, apikey),
    call(url, 'mrc', {}, apikey),
    call(url, 'registration', {}, apikey),
    call(url, 'recover', { email: 'demo@example.com' }),
    call(url, 'signup', { name: 'New', email: 'new@example.com', promo: 'WELCOME' }),
    call(url, 'add', { name: 'Sub', username: 3456789012, email: 's@example.com' }, admin.apikey),
  ]);
  await stop(restored);
  assert.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  );
  assert.equal(answers[0]?.body.apikey, apikey);
});

test('a backup that is damaged or cut short is refused and leaves nothing', async () => {
  const whole = await readFile(backup.file);
  const target = { DATA_DIR: join(folder, 'other') };
  await mkdir(target.DATA_DIR, { mode: 0o700 });
  await copyFile(join(env.DATA_DIR, 'secret.key'), join(target.DATA_DIR, 'secret.key'));
  const damaged = Buffer.from(whole);
  damaged.fill(0, 1_000_000, 1_000_010);
  const files = {
    short: whole.subarray(0, -9),
    damaged,
    unsealed: whole.subarray(0, -64),
    // The fingerprint of the key is known, but the key is not.
    resealed: Buffer.concat([whole.subarray(0, -32), Buffer.alloc(32)]),
  };
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const { status, stderr } = await runCommand(target, 'restore', path);
    assert.equal(status, 1, name);
    assert.match(
      stderr,
      /^account-api: \S+ is no backup or is damaged: it .*; nothing was restored, use another backup\n$/,
    );
    const left = await readdir(join(target.DATA_DIR, 'postgres'));
    assert.ok(!left.some((entry) => /data/.test(entry)));
  }
});

test('a rotation of keys that is killed again and again loses nothing', async () => {
  const { url } = server as Server;
  const { username, password, apikey } = demo;
  const works = async () => {
    const { body } = await call(url, 'apikey', { username, password });
    assert.equal(body.apikey, apikey);
  };
  // The first file is the new key, the second one the old key under its new name.
  for (const milestone of ['secret.key.new', `secret.key.${backup.secretKeys[0]}`]) {
    const child = startCommand(env, 'keys', 'rotate-sealing');
    const ended = once(child, 'close');
    while (child.exitCode === null && !existsSync(join(env.DATA_DIR, milestone))) await sleep(1);
    child.kill('SIGKILL');
    await ended;
    await works();
  }
  const done = await commandJson(env, 'keys', 'rotate-sealing');
  await works();
  const { inUse, others } = await commandJson(env, 'keys', 'show');
  assert.deepEqual([inUse, others], [done.fingerprint, []]);
  assert.notEqual(inUse, backup.secretKeys[0]);
  const kept = await readFile(join(env.DATA_DIR, `secret.key.${backup.secretKeys[0]}`), 'utf8');
  assert.match(kept, /^[0-9a-f]{64}\n$/);
  const created = await call(url, 'signup', { name: 'Later', email: 'later@example.com' });
  assert.equal(created.status, 200);

  await stop(server);
  assert.deepEqual((await commandJson(env, 'reconcile')).imbalances, []);
  server = await startServer(env.DATA_DIR);
  const after = await call(server.url, 'apikey', { username, password });
  assert.equal(after.body.apikey, apikey);
});
