import type pg from 'pg';
import type { Config } from './config.ts';
import type { AttemptStore } from './db/attempts.ts';
import { Database } from './db/database.ts';
import {
  type EmbeddedDatabase,
  hasCluster,
  openEmbedded,
  requireCluster,
} from './db/embedded/index.ts';
import { loadMigrator, migrate } from './db/migrate.ts';
import { Queue } from './db/queue.ts';
import { Replica } from './db/replica.ts';
import { HourlyLimit } from './domain/access/hourly-limit.ts';
import { requireCurrency } from './domain/books/currency.ts';
import { ensureCurrentPartitions } from './domain/calls/call-partition.ts';
import { MAIL_QUEUE } from './domain/mail/message.ts';
import { openKeyring } from './domain/sealing/keyring.ts';
import { readSecretKey } from './secret-key.ts';
import type { Service } from './service.ts';

export interface OpenService extends Service {
  embedded: EmbeddedDatabase | undefined;
  /** closes everything that was opened, the embedded database last */
  close: () => Promise<void>;
}

export interface OpenOptions {
  /** a server works the queues; a command only puts jobs in, and may run long statements */
  role: 'server' | 'command';
  /** whether a server works the queues; one of several processes may leave them to the others */
  worksQueues?: boolean;
  onError: (error: Error) => void;
  clock?: () => Date;
}

/**
 * Opens the database of the settings, migrates its schema and opens its keys. Only a server creates
 * what is missing.
 * @throws ConfigError, EmbeddedDatabaseError, KeyringError, OtherCurrency, UnsupportedServer, NoSchema or
 * StoreUnavailable
 */
export async function openService(config: Config, options: OpenOptions): Promise<OpenService> {
  const { role, worksQueues = role === 'server', onError, clock = () => new Date() } = options;
  // A command creates neither a database nor a key: otherwise a wrong setting would look like an
  // empty service.
  if (role === 'command' && !config.databaseUrl) requireCluster(config.dataDir);
  const readFileKey = () => readSecretKey(config);
  await readFileKey();
  // Other processes make a new database. Meanwhile this one loads what it needs next.
  if (!config.databaseUrl && !hasCluster(config.dataDir)) void loadMigrator();
  const embedded = config.databaseUrl
    ? undefined
    : await openEmbedded({ dataDir: config.dataDir, role, onError });
  const connection: pg.ClientConfig = embedded?.connection ?? {
    connectionString: config.databaseUrl,
  };
  const direct: pg.ClientConfig = config.databaseDirectUrl
    ? { connectionString: config.databaseDirectUrl }
    : connection;
  const db = new Database({
    connection,
    prepares: config.databasePrepared,
    attempts: await attemptsElsewhere(config, onError),
    copyWaitSeconds: config.copyWaitSeconds,
    // A command may use one connection for a lock while it works with another.
    poolSize: Math.max(config.databasePool, role === 'command' ? 2 : 1),
    role,
    onError,
  });
  const replica = config.databaseReadUrl
    ? new Replica(
        db,
        new Database({
          connection: { connectionString: config.databaseReadUrl },
          prepares: config.databasePrepared,
          poolSize: config.databasePool,
          role: role === 'server' ? 'replica' : role,
          onError,
        }),
        config.replicaLagSeconds * 1_000,
      )
    : undefined;
  try {
    await migrate(direct, role === 'server' ? 'create' : 'existing');
    await requireCurrency(db, config.currency);
    const keyring = await openKeyring(db, readFileKey);
    await ensureCurrentPartitions(db, clock());
    const queue = Queue.late(direct, worksQueues ? 'worker' : 'sender', onError, makeQueues);
    const close = async () => {
      // PostgreSQL may be gone by now; the remaining parts are closed anyway.
      await queue.stop().catch(onError);
      await replica?.close().catch(onError);
      await db.close().catch(onError);
      await embedded?.stop();
    };
    const signInFailures = new HourlyLimit(db, 'sign-in', config.signInFailuresPerHour);
    const reader = replica ?? db;
    return { config, db, reader, queue, keyring, signInFailures, clock, embedded, close };
  } catch (error) {
    await replica?.close().catch(onError);
    await db.close().catch(onError);
    await embedded?.stop();
    throw error;
  }
}

/** Valkey or Redis, if one counts the limits; only then its client is loaded. */
async function attemptsElsewhere(
  { limitsUrl }: Config,
  onError: (error: Error) => void,
): Promise<AttemptStore | undefined> {
  if (!limitsUrl) return undefined;
  const { RedisAttempts } = await import('./db/redis-attempts.ts');
  return new RedisAttempts(limitsUrl, onError);
}

/** A database that no service has used yet has no queue for mails. */
async function makeQueues(queue: Queue): Promise<void> {
  if (await queue.has(MAIL_QUEUE)) return;
  const { defineQueues } = await import('./jobs/queues.ts');
  await defineQueues(queue);
}
