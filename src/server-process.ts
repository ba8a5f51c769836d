import cluster from 'node:cluster';
import { flushCompileCache } from 'node:module';
import { pino } from 'pino';
import { ConfigError, loadConfig, readArguments } from './config.ts';
import { EmbeddedDatabaseError } from './db/embedded/index.ts';
import { StoreUnavailable } from './db/errors.ts';
import { UnsupportedServer } from './db/migrate.ts';
import { OtherCurrency } from './domain/books/currency.ts';
import { KeyringError } from './domain/sealing/keyring.ts';
import { createLog } from './http/log.ts';
import { type Running, serve, serveAsWorker } from './serve.ts';
import { systemErrorText, unavailableText } from './system-error.ts';
import { LEAVE } from './workers.ts';

const EXPLAINED = [
  ConfigError,
  EmbeddedDatabaseError,
  KeyringError,
  OtherCurrency,
  UnsupportedServer,
];
const STOP_TIMEOUT_MS = 25_000;

let running: Running | undefined;
let ending = false;
let renewing = false;

// Registered at the start: the first process of a container gets no signal without a handler.
process.on('SIGTERM', () => end('stop'));
process.on('SIGINT', () => end('stop'));
process.on('SIGHUP', renew);
process.on('message', (message) => (message === LEAVE ? end('renew') : undefined));

try {
  const config = loadConfig(undefined, readArguments(process.argv.slice(2)));
  // Asynchronous: a line waits in memory for a moment instead of delaying its request.
  const log = createLog(
    config.logLevel,
    pino.destination({ sync: false, minLength: 32_768, maxWrite: 65_536, periodicFlush: 200 }),
  );
  running = await (cluster.isWorker ? serveAsWorker : serve)(config, log);
  // Node.js writes the cache at exit, but a service may be killed before.
  flushCompileCache();
} catch (error) {
  console.error(`account-api: ${explain(error)}`);
  process.exit(1);
}

/** A terminal and npm may both send the signal, so it can come twice. */
async function end(how: 'stop' | 'renew'): Promise<void> {
  // A start can be left at any point: the embedded database stops by itself.
  if (!running) process.exit(0);
  if (ending) return;
  ending = true;
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref();
  await running[how]();
  process.exit(0);
}

/** A worker has nothing to renew; the first process controls it. */
async function renew(): Promise<void> {
  if (!running || cluster.isWorker || renewing) return;
  renewing = true;
  await running.renew();
  renewing = false;
}

function explain(error: unknown): string {
  if (EXPLAINED.some((kind) => error instanceof kind)) return (error as Error).message;
  if (error instanceof StoreUnavailable) return unavailableText(error.cause);
  const { code, syscall, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') return `port ${port} is in use; set PORT to another one`;
  const words = systemErrorText(error);
  if (words === undefined) return (error as Error).stack ?? String(error);
  const isAddress = syscall === 'listen' || syscall === 'getaddrinfo';
  return isAddress ? `${words}; look at HOST, PORT and METRICS_PORT` : words;
}
