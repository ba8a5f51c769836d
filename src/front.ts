import { type AddressInfo, Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from './app.ts';
import { metricsServer } from './http/health.ts';
import type { Service } from './service.ts';

const LAST_ANSWERS_MS = 10_000;
const SWEEP_MS = 100;
const FAREWELL_MS = 5_000;

/** What answers requests: this process, or workers. */
export interface Front {
  port: number;
  /** puts new processes in the place of those that answer, without a request that fails */
  renew?: () => Promise<void>;
  close: () => Promise<void>;
}

/** Answers requests in this process. */
export async function listen(
  service: Service,
  log: Logger,
): Promise<Front & { leave: () => Promise<void> }> {
  const app = await buildApp(service, log);
  const { port, host, metricsPort } = service.config;
  const metrics = metricsServer(app.metrics);
  app.addHook('onClose', () => metrics.close());
  await app.listen({ port, host });
  // After the other one: the first process takes the first port it hears of for the service's.
  if (metricsPort > 0) await metrics.listen({ port: metricsPort, host });
  return {
    port: (app.server.address() as AddressInfo).port,
    close: () => closeApp(app),
    leave: async () => {
      await sayFarewell(app);
      await closeApp(app);
    },
  };
}

/** Takes no more connections and finishes the requests in flight, unless they take too long. */
async function closeApp(app: FastifyInstance): Promise<void> {
  // A connection whose answer had begun is kept open by its header, and idle after it.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS);
  await app.close().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_SERVER_NOT_RUNNING') throw error;
  });
  clearInterval(sweep);
  clearTimeout(cut);
}

/**
 * Takes no more connections, and lets clients end those they have: each answer asks them to. Closing
 * idle ones at once, as HTTP servers do when they close, would meet requests that are on their way.
 */
async function sayFarewell({ server }: FastifyInstance): Promise<void> {
  Server.prototype.close.call(server);
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  for (const deadline = Date.now() + FAREWELL_MS; Date.now() < deadline; await sleep(SWEEP_MS)) {
    if ((await connections()) === 0) return;
  }
}
