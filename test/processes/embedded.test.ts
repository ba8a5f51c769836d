import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { makeSymlinks } from '../../src/db/embedded/binaries.ts';
import { openEmbedded } from '../../src/db/embedded/index.ts';
import { type Child, startChild } from '../support/child.ts';
import { ORDINARY_USER, type OrdinaryUser } from '../support/ordinary-user.ts';
import { newDataFolder } from '../support/prepared-data.ts';
import { waitUntil } from '../support/wait.ts';

const PROGRAM = new URL('../support/embedded-process.ts', import.meta.url).pathname;

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-embedded-'));
  folders.push(folder);
  return folder;
}

/** The data folder of a service that was started before. */
async function usedFolder(): Promise<string> {
  const folder = await newDataFolder('account-api-embedded-');
  folders.push(folder);
  return folder;
}

interface Holder extends Child {
  connection: pg.ClientConfig;
}

/** Starts a process that holds the database of a folder, and waits until it is ready. */
async function hold(
  dataDir: string,
  role: 'server' | 'command' = 'server',
  user?: OrdinaryUser,
): Promise<Holder> {
  const child = startHolder(dataDir, role, user);
  const [, connection = ''] = await child.line(/ready: (.*)/);
  return { ...child, connection: JSON.parse(connection) as pg.ClientConfig };
}

function startHolder(dataDir: string, role: 'server' | 'command', user?: OrdinaryUser): Child {
  const command = [...(user?.wrapper ?? []), process.execPath, PROGRAM, dataDir, role];
  return startChild(command, user?.ids);
}

async function stop(holder: Child): Promise<void> {
  holder.kill('SIGTERM');
  assert.equal(await holder.ended, 0);
}

async function query(connection: pg.ClientConfig, sql: string): Promise<unknown[][]> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

const postmasterOf = (dataDir: string) =>
  Number(readFileSync(join(dataDir, 'postgres/data18/postmaster.pid'), 'utf8').split('\n')[0]);

const parentOf = (pid: number) =>
  Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ')[1]);

test('what is written on the first start is there on a later one', async () => {
  const folder = await newFolder();
  const dataDir = join(folder, 'not made yet', 'data');
  const first = await hold(dataDir);
  await query(first.connection, 'CREATE TABLE kept (n int)');
  await query(first.connection, 'INSERT INTO kept VALUES (42)');
  const settings = `SELECT current_setting('data_checksums'), current_setting('fsync'),
    current_setting('listen_addresses'), current_setting('unix_socket_permissions'),
    current_setting('server_encoding'), current_setting('timezone')`;
  assert.deepEqual(await query(first.connection, settings), [
    ['on', 'on', '', '0700', 'UTF8', 'UTC'],
  ]);
  await stop(first);
  assert.equal(existsSync(join(dataDir, 'postgres/data18/postmaster.pid')), false);

  const second = await hold(dataDir);
  assert.deepEqual(await query(second.connection, 'SELECT n FROM kept'), [[42]]);
  await stop(second);
});

test('after kill -9 of the process or its group, a start 0.3 s later has every row', async () => {
  const dataDir = await usedFolder();
  let holder = await hold(dataDir);
  await query(holder.connection, 'CREATE TABLE kept (n int)');
  let acknowledged = 0;
  for (let round = 0; round < 10; round++) {
    const client = new pg.Client(holder.connection);
    client.on('error', () => undefined);
    await client.connect();
    const write = async () => {
      for (;;) {
        await client.query('INSERT INTO kept VALUES ($1)', [acknowledged]);
        acknowledged++;
      }
    };
    const writing = write().catch(() => undefined);
    const before = acknowledged;
    await waitUntil(() => acknowledged > before + 20);
    holder.kill('SIGKILL', round % 2 === 0 ? 'process' : 'group');
    await holder.ended;
    await sleep(300);
    holder = await hold(dataDir);
    await writing;
    const [[count, distinct] = []] = await query(
      holder.connection,
      `SELECT count(*)::int, count(DISTINCT n)::int FROM kept WHERE n < ${acknowledged}`,
    );
    assert.deepEqual([count, distinct], [acknowledged, acknowledged], `round ${round}`);
    // Removes a row whose acknowledgement was lost, because the test does not count it.
    await query(holder.connection, `DELETE FROM kept WHERE n >= ${acknowledged}`);
  }
  await stop(holder);
});

test('a PostgreSQL or watchdog that was killed is replaced while the process goes on', async () => {
  const dataDir = await usedFolder();
  const holder = await hold(dataDir);
  await query(holder.connection, 'CREATE TABLE kept (n int)');
  await query(holder.connection, 'INSERT INTO kept VALUES (1)');
  for (const victim of ['postmaster', 'watchdog', 'postmaster']) {
    const postmaster = postmasterOf(dataDir);
    process.kill(victim === 'postmaster' ? postmaster : parentOf(postmaster), 'SIGKILL');
    await waitUntil(async () => {
      const rows = await query(holder.connection, 'SELECT n FROM kept').catch(() => []);
      return rows.length === 1 && postmasterOf(dataDir) !== postmaster;
    });
  }
  assert.equal(holder.output().match(/PostgreSQL ended by itself/g)?.length, 3);
  await stop(holder);
});

test('a second server on a data folder is refused, also under another name of it', async () => {
  const dataDir = await usedFolder();
  const first = await hold(dataDir);
  const second = startHolder(join(dataDir, '..', dataDir.split('/').at(-1) ?? ''), 'server');
  assert.equal(await second.ended, 1);
  assert.equal(
    second.output(),
    `refused: process ${first.pid} serves the data folder ${dataDir} already; ` +
      'stop it first, or set another DATA_DIR (several servers can share a DATABASE_URL)\n',
  );
  assert.deepEqual(await query(first.connection, 'SELECT 1'), [[1]]);
  await stop(first);
});

test('commands use the database of a server, or of each other; a server waits for them', async () => {
  const dataDir = await usedFolder();
  const server = await hold(dataDir);
  const guest = await hold(dataDir, 'command');
  assert.deepEqual(guest.connection, server.connection);
  await stop(guest);
  assert.deepEqual(await query(server.connection, 'SELECT 1'), [[1]]);
  await stop(server);

  const owner = await hold(dataDir, 'command');
  const other = await hold(dataDir, 'command');
  assert.deepEqual(other.connection, owner.connection);
  const later = startHolder(dataDir, 'server');
  // The owner gets SIGTERM and waits for the other process, which continues to work.
  owner.kill('SIGTERM');
  await sleep(500);
  assert.deepEqual(await query(other.connection, 'SELECT 1'), [[1]]);
  assert.equal(later.output(), '');
  await stop(other);
  assert.equal(await owner.ended, 0);
  await later.line(/ready/);
  await stop(later);
});

test('two commands that start at once share one database', async () => {
  const dataDir = await usedFolder();
  const pair = await Promise.all([hold(dataDir, 'command'), hold(dataDir, 'command')]);
  const answers = await Promise.all(pair.map(({ connection }) => query(connection, 'SELECT 1')));
  assert.deepEqual(answers, [[[1]], [[1]]]);
  for (const holder of pair) holder.kill('SIGTERM');
  assert.deepEqual(await Promise.all(pair.map(({ ended }) => ended)), [0, 0]);
});

test('a first start that was killed, whenever, does not hinder the next', async () => {
  const dataDir = await newFolder();
  for (const [round, afterMs] of [250, 400, 600, 900].entries()) {
    const child = startHolder(dataDir, 'server');
    await sleep(afterMs);
    child.kill('SIGKILL', round % 2 === 0 ? 'process' : 'group');
    await child.ended;
  }
  const holder = await hold(dataDir);
  assert.deepEqual(await query(holder.connection, 'SELECT 1'), [[1]]);
  await stop(holder);
  const left = readdirSync(join(dataDir, 'postgres')).filter((name) => name.includes('.new-'));
  assert.deepEqual(left, []);
});

test('a postmaster.pid left behind whose pid is another process by now means nothing', async () => {
  const dataDir = await usedFolder();
  const another = await hold(await usedFolder());
  const holder = await hold(dataDir);
  const path = join(dataDir, 'postgres/data18/postmaster.pid');
  const lines = readFileSync(path, 'utf8').split('\n');
  await stop(holder);
  for (const pid of [process.pid, postmasterOf(another.output() && folderOf(another))]) {
    await writeFile(path, [pid, ...lines.slice(1)].join('\n'));
    const next = await hold(dataDir);
    assert.deepEqual(await query(next.connection, 'SELECT 1'), [[1]]);
    await stop(next);
  }
  assert.deepEqual(await query(another.connection, 'SELECT 1'), [[1]]);
  await stop(another);
});

const folderOf = (holder: Holder) => join(String(holder.connection.host), '../..');

test('a data folder may have blanks in its path, and a path too long for a socket', async () => {
  for (const name of ['with blanks and "quotes"', 'deep/'.repeat(30)]) {
    const holder = await hold(join(await newFolder(), name));
    assert.deepEqual(await query(holder.connection, 'SELECT 1'), [[1]]);
    const socketFolder = String(holder.connection.host);
    await stop(holder);
    assert.equal(existsSync(socketFolder), name.startsWith('with'), socketFolder);
  }
});

test('a socket folder outside of the data folder is removed by the start after a kill', async () => {
  const dataDir = join(await newFolder(), 'deep/'.repeat(30));
  const killed = await hold(dataDir);
  killed.kill('SIGKILL');
  await killed.ended;
  const next = await hold(dataDir);
  assert.notEqual(next.connection.host, killed.connection.host);
  assert.equal(existsSync(String(killed.connection.host)), false);
  await stop(next);
});

test('a data folder that cannot be used is named in one line', async () => {
  const folder = await newFolder();
  const file = join(folder, 'file');
  await writeFile(file, '');
  await assert.rejects(openEmbedded({ dataDir: file, role: 'server' }), (error: Error) => {
    assert.match(error.message, /^the data folder \S+file cannot be used \(E.*; set DATA_DIR to a/);
    return !error.message.includes('\n');
  });
  if (!ORDINARY_USER) {
    chmodSync(folder, 0o500);
    const dataDir = join(folder, 'data');
    await assert.rejects(openEmbedded({ dataDir, role: 'server' }), /cannot be used \(EACCES/);
    chmodSync(folder, 0o700);
    return;
  }
  // Root may write anywhere, so the holder runs as an ordinary user.
  const child = startHolder(join(folder, 'data'), 'server', ORDINARY_USER);
  assert.equal(await child.ended, 1);
  assert.match(child.output(), /^refused: the data folder \S+ cannot be used \(EACCES/);
});

test('an ordinary user runs it; what belongs to another user is refused', async () => {
  const folder = await newFolder();
  if (ORDINARY_USER) {
    const { uid = 0, gid = 0 } = ORDINARY_USER.ids;
    chmodSync(folder, 0o711);
    const dataDir = join(folder, 'data');
    mkdirSync(dataDir, 0o700);
    chownSync(dataDir, uid, gid);
    const holder = await hold(dataDir, 'server', ORDINARY_USER);
    await query(holder.connection, 'CREATE TABLE kept (n int)');
    await stop(holder);
    // Root runs PostgreSQL as the folder's owner and changes no ownership.
    const root = await hold(dataDir);
    assert.deepEqual(await query(root.connection, 'SELECT n FROM kept'), []);
    await stop(root);
    const again = await hold(dataDir, 'server', ORDINARY_USER);
    assert.deepEqual(await query(again.connection, 'SELECT n FROM kept'), []);
    await stop(again);
  }
  const holder = await hold(join(folder, 'own'));
  assert.deepEqual(await query(holder.connection, 'SELECT 1'), [[1]]);
  await stop(holder);
});

test('symbolic links that the package lacks are made, also by two at once', async () => {
  const folder = await newFolder();
  mkdirSync(join(folder, 'native/lib/deep'), { recursive: true });
  const links = [
    { source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' },
    { source: 'native/lib/libx.so.1.2', target: 'native/lib/deep/libx.so' },
  ];
  await writeFile(join(folder, 'native/pg-symlinks.json'), JSON.stringify(links));
  await writeFile(join(folder, 'native/lib/libx.so.1.2'), '');
  makeSymlinks(folder);
  makeSymlinks(folder);
  assert.equal(await readlink(join(folder, 'native/lib/libx.so.1')), 'libx.so.1.2');
  assert.equal(await readlink(join(folder, 'native/lib/deep/libx.so')), '../libx.so.1.2');
});
