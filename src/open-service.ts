import { join } from 'node:path';
import type pg from 'pg';
import { type Config, ConfigError } from './config.ts';
import { Database } from './db/database.ts';
import { type EmbeddedDatabase, openEmbedded } from './db/embedded/index.ts';
import { migrate } from './db/migrate.ts';
import { Queue } from './db/queue.ts';
import { ensureCurrentPartitions } from './domain/call-partition.ts';
import { openKeyring } from './domain/keyring.ts';
import { readSecretKey } from './secret-key.ts';
import type { Service } from './service.ts';

const COMMAND_QUERY_TIMEOUT_MS = 3_600_000;

export interface OpenService extends Service {
  embedded: EmbeddedDatabase | undefined;
  /** gives back everything that was opened, the embedded database last */
  close: () => Promise<void>;
}

export interface OpenOptions {
  /** a server works the queues; a command only puts jobs in, and may run long statements */
  role: 'server' | 'command';
  onError: (error: Error) => void;
  clock?: () => Date;
}

/**
 * Opens the database that the settings name, brings its schema up to date and opens its keys.
 * @throws ConfigError, EmbeddedDatabaseError, KeyringError, UnsupportedServer or StoreUnavailable
 */
export async function openService(config: Config, options: OpenOptions): Promise<OpenService> {
  const { role, onError, clock = () => new Date() } = options;
  const readFileKey = () => secretKey(config);
  await readFileKey();
  const embedded = config.databaseUrl
    ? undefined
    : await openEmbedded({ dataDir: config.dataDir, role, onError });
  const connection: pg.ClientConfig = embedded?.connection ?? {
    connectionString: config.databaseUrl,
  };
  const db = new Database({
    connection,
    poolSize: config.databasePool,
    onError,
    ...(role === 'command' ? { queryTimeoutMs: COMMAND_QUERY_TIMEOUT_MS } : {}),
  });
  try {
    await migrate(connection);
    const keyring = await openKeyring(db, readFileKey);
    await ensureCurrentPartitions(db, clock());
    const queue = await Queue.open(connection, role === 'server' ? 'worker' : 'sender', onError);
    const close = async () => {
      await queue.stop();
      await db.close();
      await embedded?.stop();
    };
    return { config, db, queue, keyring, clock, embedded, close };
  } catch (error) {
    await db.close();
    await embedded?.stop();
    throw error;
  }
}

async function secretKey(config: Config): Promise<Buffer> {
  if (config.secretKeyFile) return readSecretKey(config.secretKeyFile, false);
  if (!config.databaseUrl) return readSecretKey(join(config.dataDir, 'secret.key'), true);
  throw new ConfigError(
    'SECRET_KEY_FILE must name the sealing key when DATABASE_URL is set; make one with: ' +
      '(umask 077; openssl rand -hex 32 > secret.key)',
  );
}
