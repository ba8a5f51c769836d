import { randomBytes } from 'node:crypto';
import pg from 'pg';

export const TEMPLATE = 'account_api_test_template';

export interface TestDatabase {
  connection: pg.ClientConfig;
  drop: () => Promise<void>;
}

/** Clones the migrated template. @returns the connection to the clone, and a function to drop it */
export function cloneDatabase(): Promise<TestDatabase> {
  return createDatabase(TEMPLATE);
}

/** Creates a database, by default an empty one. */
export async function createDatabase(template = 'template1'): Promise<TestDatabase> {
  const server = JSON.parse(process.env.TEST_CONNECTION ?? '{}') as pg.ClientConfig;
  const name = `test_${randomBytes(6).toString('hex')}`;
  await execute(server, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
  return {
    connection: withDatabase(server, name),
    drop: () => execute(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

function withDatabase(server: pg.ClientConfig, database: string): pg.ClientConfig {
  if (!server.connectionString) return { ...server, database };
  const url = new URL(server.connectionString);
  url.pathname = `/${database}`;
  return { connectionString: url.href };
}

async function execute(connection: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A connection as a URL for DATABASE_URL. */
export function databaseUrl(connection: pg.ClientConfig): string {
  if (connection.connectionString) return connection.connectionString;
  const { host = '', port, user, database } = connection;
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}
