import { readdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { isLockTimeout, translate } from './errors.ts';

const MIGRATIONS = fileURLToPath(new URL('../../migrations', import.meta.url));
const OLDEST_SERVER = 15;
const LOCK_TRIES = 60;

/** The server's version, or the database's schema, is not supported. */
export class UnsupportedServer extends Error {}

/** The database has no schema, and the caller did not want to create one. */
class NoSchema extends Error {}

/**
 * Brings the schema up to date. Processes that start at the same time wait for each other.
 * @param where 'existing' refuses a database that has no schema yet
 * @throws UnsupportedServer for a PostgreSQL older than 15, or a database of an unreleased version;
 *   NoSchema
 */
export async function migrate(
  connection: pg.ClientConfig,
  where: 'create' | 'existing' = 'create',
): Promise<void> {
  const client = new pg.Client(connection);
  // A lost connection fails the running statement.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number; hasTable: boolean }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS version,
              to_regclass('schema_migration') IS NOT NULL AS "hasTable"`,
    );
    const { version = 0, hasTable = false } = rows[0] ?? {};
    if (version < OLDEST_SERVER) {
      throw new UnsupportedServer(
        `PostgreSQL ${version} is too old; use ${OLDEST_SERVER} or newer`,
      );
    }
    if (!hasTable && where === 'existing') {
      throw new NoSchema(
        `the database ${client.database} on ${client.host} is empty; set DATABASE_URL to the ` +
          'database of the service, or fill this one with npm start',
      );
    }
    if (hasTable && (await isUpToDate(client))) return;
    const { runner } = await loadMigrator();
    // Everybody else would wait behind a change of a table that waits for a long read.
    await client.query("SET lock_timeout = '1s'");
    for (let tries = 1; ; tries++) {
      try {
        await runner({
          dbClient: client,
          dir: MIGRATIONS,
          direction: 'up',
          migrationsTable: 'schema_migration',
          advisoryLockMode: 'wait',
          log: () => undefined,
        });
        return;
      } catch (error) {
        if (tries === LOCK_TRIES || !isLockTimeout(error)) throw error;
      }
    }
  } catch (error) {
    throw translate(error);
  } finally {
    await client.end();
  }
}

/** Loaded only for an old or empty schema, because loading takes longer than most commands. */
export const loadMigrator = () => import('node-pg-migrate');

/** @throws UnsupportedServer for a database that other migrations have created */
async function isUpToDate(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM schema_migration');
  const files = new Set((await readdir(MIGRATIONS)).map((file) => basename(file, '.sql')));
  const highest = Math.max(...[...files].map(numberOf));
  // A newer version may have run more migrations already, all with higher numbers.
  const foreign = rows.find(({ name }) => !files.has(name) && numberOf(name) <= highest);
  if (foreign) {
    throw new UnsupportedServer(
      `the database was made by an unreleased version (its migration ${foreign.name} is none of ` +
        'this one); start with an empty DATA_DIR or database',
    );
  }
  return [...files].every((file) => rows.some(({ name }) => name === file));
}

/** Migrations are numbered from 1 without gaps: `001_sealing`. */
const numberOf = (name: string) => Number.parseInt(name, 10);
