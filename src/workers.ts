import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Front } from './front.ts';
import { gatherMetrics } from './http/metrics-of-all.ts';

/** The message that makes a worker finish its requests, take no new ones, and end. */
export const LEAVE = 'leave';

const START_TIMEOUT_MS = 60_000;
const PAUSE_MS = 1_000;
const YOUNG_MS = 5_000;

/**
 * Starts processes that answer requests on one port. A process that ends by itself is started
 * again.
 * @param env settings for them in addition to those of this process
 * @throws Error if they do not start
 */
export async function startWorkers(
  count: number,
  env: Record<string, string>,
  log: Logger,
): Promise<Front> {
  let stopping = false;
  let port = 0;
  const leaving = new Set<Worker>();
  const workers = new Set<Worker>();

  // Workers may report values that are not numbers in JSON, such as NaN.
  cluster.setupPrimary({ serialization: 'advanced' });
  gatherMetrics(workers);
  const start = async (): Promise<Worker> => {
    const worker = cluster.fork(env);
    const began = Date.now();
    workers.add(worker);
    worker.once('exit', (code, signal) => {
      workers.delete(worker);
      if (leaving.delete(worker) || stopping) return;
      log.error({ worker: worker.process.pid, status: signal ?? code }, 'worker ended by itself');
      void replace(Date.now() - began < YOUNG_MS ? PAUSE_MS : 0);
    });
    port = await listening(worker);
    return worker;
  };
  const replace = async (pauseMs: number) => {
    await sleep(pauseMs);
    if (stopping) return;
    await start().catch((error) => log.error({ err: error }, 'worker does not start'));
  };
  const dismiss = async (worker: Worker) => {
    if (!workers.has(worker)) return;
    leaving.add(worker);
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.send(LEAVE, () => undefined);
    await ended;
  };

  await Promise.all(Array.from({ length: count }, start));
  return {
    port,
    renew: async () => {
      log.info('workers are replaced one by one');
      for (const worker of [...workers]) {
        if (stopping) return;
        await start();
        await dismiss(worker);
      }
      log.info('workers are replaced');
    },
    close: async () => {
      stopping = true;
      await Promise.all([...workers].map(dismiss));
    },
  };
}

/** Waits until a worker listens. @returns the port */
function listening(worker: Worker): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      worker.process.kill('SIGKILL');
      reject(new Error('a worker has not started in time'));
    }, START_TIMEOUT_MS);
    worker.once('listening', (address) => {
      clearTimeout(timer);
      resolve(address.port);
    });
    worker.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`a worker ended with status ${code} while it started`));
    });
  });
}
