import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Database } from '../src/db/database.ts';
import { type EmbeddedDatabase, openEmbedded } from '../src/db/embedded/index.ts';
import { migrate } from '../src/db/migrate.ts';
import { ensureCurrentPartitions } from '../src/domain/calls/call-partition.ts';
import { type Keyring, openKeyring } from '../src/domain/sealing/keyring.ts';
import { LoadGenerator } from './load.ts';
import { type HttpProcess, runHttp } from './process.ts';

const SERVICE = new URL('../src/main.js', import.meta.url);

/** The common parts of all benchmarks: a database, load, and the service. */
export interface Stage {
  db: Database;
  keyring: Keyring;
  load: LoadGenerator;
  /** the benchmark's database, for psql and pgbench */
  databaseUrl: string;
  folder: string;
  /** starts the service like an operator; limits are off unless set */
  startService: (env?: Record<string, string>) => Promise<HttpProcess>;
  /** starts a peer from `peers/` */
  startPeer: (name: string, env?: Record<string, string>) => Promise<HttpProcess>;
  close: () => Promise<void>;
}

/** A PostgreSQL server for the databases of the stages. */
export interface Server {
  url: string;
  kind: string;
  close: () => Promise<void>;
}

/** @param url undefined: the embedded one, started like the service's */
export async function openServer(url: string | undefined): Promise<Server> {
  if (url) return { url, kind: 'by DATABASE_URL', close: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'account-api-bench-'));
  const embedded = await openEmbedded({ dataDir: folder, role: 'server' });
  return {
    url: urlOf(embedded.connection),
    kind: 'embedded',
    close: async () => {
      await embedded.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Makes a database on the server, and the rest of a stage. */
export async function openStage(server: Server): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-bench-'));
  const name = `account_api_bench_${randomBytes(4).toString('hex')}`;
  await execute(server.url, `CREATE DATABASE ${name}`);
  const url = withDatabase(server.url, name);
  const connection = { connectionString: url };
  await migrate(connection);
  const db = new Database({ connection, poolSize: 4, role: 'command' });
  const secretKey = randomBytes(32);
  const secretKeyFile = join(folder, 'bench.key');
  await writeFile(secretKeyFile, secretKey.toString('hex'), { mode: 0o600 });
  const keyring = await openKeyring(db, async () => secretKey);
  await ensureCurrentPartitions(db, new Date());
  const load = new LoadGenerator();
  const logPath = join(folder, 'service.log');
  const running = new Set<HttpProcess>();
  const start = async (script: URL, env: Record<string, string>) => {
    const started = await runHttp(script, { env, logPath, port: await freePort() });
    running.add(started);
    return {
      ...started,
      stop: async () => {
        running.delete(started);
        await started.stop();
      },
    };
  };
  return {
    db,
    keyring,
    load,
    databaseUrl: url,
    folder,
    startService: (env = {}) =>
      start(SERVICE, {
        DATA_DIR: join(folder, 'service'),
        DATABASE_URL: url,
        SECRET_KEY_FILE: secretKeyFile,
        TRUST_PROXY: '127.0.0.1/32',
        RATE_LIMIT_PER_HOUR: '0',
        SIGNUP_LIMIT_PER_HOUR: '0',
        ...env,
      }),
    startPeer: (peer, env = {}) => start(new URL(`peers/${peer}.ts`, import.meta.url), env),
    close: async () => {
      load.stop();
      await Promise.all([...running].map((process) => process.stop()));
      await db.close();
      await execute(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, 'close');
  return port;
}

function urlOf({ host, port, user, database }: EmbeddedDatabase['connection']): string {
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

function withDatabase(server: string, name: string): string {
  return server.replace(/^(postgres(?:ql)?:\/\/[^/?]*)(\/[^?]*)?/, `$1/${name}`);
}

async function execute(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** One answer of an operation; without the headers that Node's HTTP server itself sets. */
export async function answerOf(
  port: number,
  path: string,
  key: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  return { status: response.status, headers: headersOf(response), body: await response.text() };
}

/** The headers of an answer that are not of its connection. */
export function headersOf(response: Response): Record<string, string> {
  const own = ['connection', 'content-length', 'date', 'keep-alive', 'transfer-encoding'];
  return Object.fromEntries([...response.headers].filter(([name]) => !own.includes(name)));
}
