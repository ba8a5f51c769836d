import Fastify, { type FastifyInstance } from 'fastify';
import { Registry } from 'prom-client';
import type { Service } from '../service.ts';
import { processMetrics } from './metrics.ts';
import { metricsOfAll } from './metrics-of-all.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** this service's metrics in Prometheus's format; concurrent readers share one result */
    metrics: () => Promise<string>;
  }
}

/**
 * `/healthz`: the process lives. `/readyz`: it can work. `/metrics`: for Prometheus, unless the
 * metrics have their own port.
 */
export function serveHealth(app: FastifyInstance, service: Service): void {
  const { db, config } = service;
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await db.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'no database' });
  });

  const all = metricsOfAll(processMetrics(app, service));
  let asked: Promise<string> | undefined;
  app.decorate('metrics', () => {
    asked ??= all().finally(() => {
      asked = undefined;
    });
    return asked;
  });
  if (config.metricsPort === 0) serveMetrics(app, app.metrics);
}

/** A server of only `/metrics`. */
export function metricsServer(metrics: () => Promise<string>): FastifyInstance {
  const server = Fastify({ forceCloseConnections: true });
  serveMetrics(server, metrics);
  return server;
}

function serveMetrics(app: FastifyInstance, metrics: () => Promise<string>): void {
  app.get('/metrics', async (_request, reply) =>
    reply.type(Registry.PROMETHEUS_CONTENT_TYPE).send(await metrics()),
  );
}
