import { pino } from 'pino';
import { ConfigError, loadConfig } from './config.ts';
import { EmbeddedDatabaseError } from './db/embedded/index.ts';
import { StoreUnavailable } from './db/errors.ts';
import { UnsupportedServer } from './db/migrate.ts';
import { KeyringError } from './domain/keyring.ts';
import { createLog } from './http/log.ts';
import { serve } from './serve.ts';

const EXPLAINED = [ConfigError, EmbeddedDatabaseError, KeyringError, UnsupportedServer];
const STOP_TIMEOUT_MS = 25_000;

let stop: (() => Promise<void>) | undefined;
let stopping = false;

// Handled from the start on: to the first process of a container, no signal is sent otherwise.
process.on('SIGTERM', end);
process.on('SIGINT', end);

try {
  const config = loadConfig();
  // Asynchronous: a line waits in memory for at most a moment instead of holding up its request.
  const log = createLog(
    config.logLevel,
    pino.destination({ sync: false, minLength: 8_192, periodicFlush: 200 }),
  );
  stop = await serve(config, log);
} catch (error) {
  console.error(`account-api: ${explain(error)}`);
  process.exit(1);
}

/** A terminal and npm may both send a signal, so that it comes twice. */
async function end(): Promise<void> {
  // What a start has begun is safe to leave at any point: the embedded database stops by itself.
  if (!stop) process.exit(0);
  if (stopping) return;
  stopping = true;
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
  await stop();
  process.exit(0);
}

function explain(error: unknown): string {
  if (EXPLAINED.some((kind) => error instanceof kind)) return (error as Error).message;
  if (error instanceof StoreUnavailable) {
    return `the database is not available: ${(error.cause as Error).message}`;
  }
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is in use; set PORT to another one`;
  return (error as Error).stack ?? String(error);
}
