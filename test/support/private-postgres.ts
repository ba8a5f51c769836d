import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';
import { waitUntil } from './wait.ts';

/** A PostgreSQL of Debian's package, with a separate cluster in a test's folder. */
export interface PrivatePostgres {
  /** of a role that may create databases but is not superuser */
  url: string;
  port: number;
  stop: () => Promise<void>;
}

const ROLE = 'carrier';

/** The programs of the newest installed version. */
export function postgresBin(): string {
  const found = globSync('/usr/lib/postgresql/*/bin/initdb').sort().at(-1);
  if (!found) throw new Error('no PostgreSQL is installed; on Debian: apt-get install postgresql');
  return found.replace(/\/initdb$/, '');
}

/** @param settings of postgresql.conf */
export async function startPrivatePostgres(
  folder: string,
  settings: Record<string, string> = {},
): Promise<PrivatePostgres> {
  const bin = postgresBin();
  const ids = unprivileged();
  mkdirSync(folder, { recursive: true });
  if (ids.uid !== undefined && ids.gid !== undefined) chownSync(folder, ids.uid, ids.gid);
  const cluster = join(folder, 'cluster');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', cluster, '-U', 'postgres', '--auth=trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...ids, cwd: '/', encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const { port, child } = await startCluster(folder, settings);
  const superuser = superuserOf(port);
  await execute(superuser, `CREATE ROLE ${ROLE} LOGIN CREATEDB PASSWORD 'secret'`);
  await execute(superuser, `CREATE DATABASE ${ROLE} OWNER ${ROLE}`);
  return { url: urlOf(port), port, stop: () => stop(child) };
}

/**
 * A streaming replica of it, with a separate cluster, which is created if missing.
 * @param port default: a free one
 */
export async function startStandby(
  primary: PrivatePostgres,
  folder: string,
  port?: number,
): Promise<PrivatePostgres> {
  const cluster = join(folder, 'cluster');
  if (!existsSync(cluster)) {
    const ids = unprivileged();
    mkdirSync(folder, { recursive: true });
    if (ids.uid !== undefined && ids.gid !== undefined) chownSync(folder, ids.uid, ids.gid);
    const from = ['-h', '127.0.0.1', '-p', String(primary.port), '-U', 'postgres'];
    const made = spawnSync(
      join(postgresBin(), 'pg_basebackup'),
      [...from, '-D', cluster, '--write-recovery-conf', '--checkpoint=fast', '--no-sync'],
      { ...ids, cwd: '/', encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`pg_basebackup: ${made.stderr}`);
  }
  const started = await startCluster(folder, {}, port);
  return { url: urlOf(started.port), port: started.port, stop: () => stop(started.child) };
}

/** Starts a cluster that a backup was restored to, in the folder `cluster` of this one. */
export async function startRestored(folder: string): Promise<PrivatePostgres> {
  const { port, child } = await startCluster(folder, {});
  return { url: urlOf(port), port, stop: () => stop(child) };
}

/** Runs a statement that only a superuser may run. */
export function asSuperuser({ port }: PrivatePostgres, sql: string): Promise<void> {
  return execute(superuserOf(port), sql);
}

async function startCluster(folder: string, settings: Record<string, string>, given?: number) {
  const port = given ?? (await freePort());
  const options = { listen_addresses: '127.0.0.1', unix_socket_directories: folder, ...settings };
  const child = startChild(
    [
      join(postgresBin(), 'postgres'),
      ...['-D', join(folder, 'cluster'), '-p', String(port), '-c', 'max_connections=300'],
      ...Object.entries(options).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...unprivileged(), cwd: '/' },
  );
  const answers = () =>
    execute(superuserOf(port), 'SELECT 1').then(
      () => true,
      () => false,
    );
  await waitUntil(answers);
  return { port, child };
}

function superuserOf(port: number): pg.ClientConfig {
  return { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' };
}

function urlOf(port: number): string {
  return `postgres://${ROLE}:secret@127.0.0.1:${port}/${ROLE}`;
}

/** PostgreSQL and its tools refuse to run as root. */
export function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'));
  if (!line) throw new Error('there is no user postgres');
  return { uid: Number(line[1]), gid: Number(line[2]) };
}

async function stop(child: Child): Promise<void> {
  child.kill('SIGINT');
  await child.ended;
}

async function execute(connection: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}
