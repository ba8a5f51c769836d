import { mkdtemp, rm } from 'node:fs/promises';
import { enableCompileCache, flushCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Database } from '../../src/db/database.ts';
import { type EmbeddedDatabase, openEmbedded } from '../../src/db/embedded/index.ts';
import { migrate } from '../../src/db/migrate.ts';
import { Queue } from '../../src/db/queue.ts';
import { ensureCurrentPartitions } from '../../src/domain/calls/call-partition.ts';
import { defineQueues } from '../../src/jobs/queues.ts';
import { COMPILED } from './compiled.ts';
import { TEMPLATE } from './postgres.ts';

let embedded: EmbeddedDatabase | undefined;
let folder: string | undefined;

/**
 * Starts one PostgreSQL for all test files, or uses TEST_DATABASE_URL. Prepares the database that
 * each file clones.
 */
export async function globalSetup(): Promise<void> {
  process.env.NODE_COMPILE_CACHE = COMPILED;
  const compiled = compileService();
  let connection: pg.ClientConfig = { connectionString: process.env.TEST_DATABASE_URL };
  if (!process.env.TEST_DATABASE_URL) {
    folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
    embedded = await openEmbedded({ dataDir: folder, role: 'server' });
    connection = embedded.connection;
    await forgoDurability(connection);
  }
  process.env.TEST_CONNECTION = JSON.stringify(connection);
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const template = templateConnection(connection);
  await migrate(template);
  await beginService(template);
  await compiled;
}

/** Creates what each service creates at its first start: the tables of calls, and the queues. */
async function beginService(connection: pg.ClientConfig): Promise<void> {
  const db = new Database({ connection, poolSize: 1 });
  await ensureCurrentPartitions(db, new Date());
  await db.close();
  const queue = await Queue.open(connection, 'worker', (error) => console.error(error));
  await defineQueues(queue);
  await queue.stop();
}

/** Otherwise the first processes would each compile it. */
async function compileService(): Promise<void> {
  enableCompileCache(COMPILED);
  await import('./service.ts');
  flushCompileCache();
}

export async function globalTeardown(): Promise<void> {
  await embedded?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
}

/** The data of these tests need not survive a crash; tests of crashes have separate databases. */
async function forgoDurability(connection: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    await client.query(`ALTER SYSTEM SET ${name} = off`);
  }
  await client.query('SELECT pg_reload_conf()');
  await client.end();
}

function templateConnection(connection: pg.ClientConfig): pg.ClientConfig {
  if (!connection.connectionString) return { ...connection, database: TEMPLATE };
  const url = new URL(connection.connectionString);
  url.pathname = `/${TEMPLATE}`;
  return { connectionString: url.href };
}
