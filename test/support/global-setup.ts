import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedDatabase, openEmbedded } from '../../src/db/embedded/index.ts';
import { migrate } from '../../src/db/migrate.ts';
import { Queue } from '../../src/db/queue.ts';
import { TEMPLATE } from './postgres.ts';

let embedded: EmbeddedDatabase | undefined;
let folder: string | undefined;

/**
 * Starts one PostgreSQL for all test files (or takes the one of TEST_DATABASE_URL) and prepares
 * the database that each of them clones.
 */
export async function globalSetup(): Promise<void> {
  let connection: pg.ClientConfig = { connectionString: process.env.TEST_DATABASE_URL };
  if (!process.env.TEST_DATABASE_URL) {
    folder = await mkdtemp(join(tmpdir(), 'account-api-test-'));
    embedded = await openEmbedded({ dataDir: folder, role: 'server' });
    connection = embedded.connection;
  }
  process.env.TEST_CONNECTION = JSON.stringify(connection);
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE} WITH (FORCE)`);
  await client.query(`CREATE DATABASE ${TEMPLATE}`);
  await client.end();
  const template = templateConnection(connection);
  await migrate(template);
  const queue = await Queue.open(template, 'worker', (error) => console.error(error));
  await queue.stop();
}

export async function globalTeardown(): Promise<void> {
  await embedded?.stop();
  if (folder) await rm(folder, { recursive: true, force: true });
}

function templateConnection(connection: pg.ClientConfig): pg.ClientConfig {
  if (!connection.connectionString) return { ...connection, database: TEMPLATE };
  const url = new URL(connection.connectionString);
  url.pathname = `/${TEMPLATE}`;
  return { connectionString: url.href };
}
