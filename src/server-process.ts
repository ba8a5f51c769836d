import cluster from 'node:cluster';
import { flushCompileCache } from 'node:module';
import { pino } from 'pino';
import { ConfigError, loadConfig, readArguments } from './config.ts';
import { EmbeddedDatabaseError } from './db/embedded/index.ts';
import { StoreUnavailable } from './db/errors.ts';
import { UnsupportedServer } from './db/migrate.ts';
import { KeyringError } from './domain/sealing/keyring.ts';
import { createLog } from './http/log.ts';
import { type Running, serve, serveAsWorker } from './serve.ts';
import { LEAVE } from './workers.ts';

const EXPLAINED = [ConfigError, EmbeddedDatabaseError, KeyringError, UnsupportedServer];
const STOP_TIMEOUT_MS = 25_000;

let running: Running | undefined;
let ending = false;
let renewing = false;

// Handled from the start on: to the first process of a container, no signal is sent otherwise.
process.on('SIGTERM', () => end('stop'));
process.on('SIGINT', () => end('stop'));
process.on('SIGHUP', renew);
process.on('message', (message) => (message === LEAVE ? end('renew') : undefined));

try {
  const config = loadConfig(undefined, readArguments(process.argv.slice(2)));
  // Asynchronous: a line waits in memory for at most a moment instead of holding up its request.
  const log = createLog(
    config.logLevel,
    pino.destination({ sync: false, minLength: 32_768, maxWrite: 65_536, periodicFlush: 200 }),
  );
  running = await (cluster.isWorker ? serveAsWorker : serve)(config, log);
  // A service may be killed before it exits, which is when Node.js would write it.
  flushCompileCache();
} catch (error) {
  console.error(`account-api: ${explain(error)}`);
  process.exit(1);
}

/** A terminal and npm may both send a signal, so that it comes twice. */
async function end(how: 'stop' | 'renew'): Promise<void> {
  // What a start has begun is safe to leave at any point: the embedded database stops by itself.
  if (!running) process.exit(0);
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
  await running[how]();
  process.exit(0);
}

/** In a worker there is nothing to renew; its first process tells it what to do. */
async function renew(): Promise<void> {
  if (!running || cluster.isWorker || renewing) return;
  renewing = true;
  await running.renew();
  renewing = false;
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
