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

/** The part that answers requests: this process, or workers. */
export interface Front {
  port: number;
  /** replaces the answering processes by new ones; no request fails */
  renew?: () => Promise<void>;
  close: () => Promise<void>;
}

/** Answers requests in this process. */
export async function listen(
  service: Service,
  log: Logger,
): Promise<Front & { leave: () => Promise<void> }> {
  const app = await buildApp(service, log);
  const { port, host, metricsPort, trustProxy } = service.config;
  const leave = async () => {
    await sayFarewell(app);
    await closeApp(app);
  };
  const metrics = metricsServer(app.metrics);
  app.addHook('onClose', () => metrics.close());
  await app.listen({ port, host });
  // The first process takes the first port that a worker reports, so the service's port comes
  // first.
  if (metricsPort > 0) await metrics.listen({ port: metricsPort, host });
  return {
    port: (app.server.address() as AddressInfo).port,
    // A proxy keeps connections open, and may be sending on them; other clients need not wait.
    close: () => (trustProxy.length > 0 ? leave() : closeApp(app)),
    leave,
  };
}

/** Accepts no more connections and finishes the requests in flight, unless they take too long. */
async function closeApp(app: FastifyInstance): Promise<void> {
  // If an answer had begun, its header keeps the connection open, idle after the answer.
  const sweep = setInterval(() => app.server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => app.server.closeAllConnections(), LAST_ANSWERS_MS);
  await app.close().catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_SERVER_NOT_RUNNING') throw error;
  });
  clearInterval(sweep);
  clearTimeout(cut);
}

/**
 * Accepts no more connections; each answer asks the client to close its own. Closing idle
 * connections at once, as HTTP servers do, would hit requests that are already on their way.
 */
async function sayFarewell({ server }: FastifyInstance): Promise<void> {
  Server.prototype.close.call(server);
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)));
  for (const deadline = Date.now() + FAREWELL_MS; Date.now() < deadline; await sleep(SWEEP_MS)) {
    if ((await connections()) === 0) return;
  }
}
