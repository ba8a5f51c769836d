import Fastify, { type FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { GATHERED, type Gathered } from '../db/gather.ts';
import { jobFailures } from '../db/job-failures.ts';
import { Replica } from '../db/replica.ts';
import { countOperatorKeys } from '../domain/access/operator-key.ts';
import { hashesComputed } from '../domain/access/password.ts';
import { countMails } from '../domain/account/mail-queue.ts';
import { countRejected } from '../domain/calls/rejected-record.ts';
import { countRepeatedCalls } from '../domain/calls/repeated-call.ts';
import { sumHolds } from '../domain/rating/hold.ts';
import type { Service } from '../service.ts';
import { metricsOfAll } from './metrics-of-all.ts';

/** Without the database some figures are not known; the others are still asked for. */
const NOT_KNOWN = Number.NaN;

// Workers see the same, which must not be added up.
const OF_THE_DATABASE = { aggregator: 'first' } as const;

// What switches wait for.
const OF_SWITCHES = {
  '/ingest/v1/authorize': {
    name: 'account_api_authorize_seconds',
    help: 'Time to tell a switch whether a call may be made',
  },
  '/ingest/v1/calls/:format': {
    name: 'account_api_delivery_seconds',
    help: 'Time to take a delivery of calls',
  },
};
const OUTCOMES: Record<number, string> = { 200: 'done', 402: 'refused', 503: 'unavailable' };
const FINE = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

declare module 'fastify' {
  interface FastifyInstance {
    /** this service's metrics as Prometheus reads them; of many who ask at once, all get the same */
    metrics: () => Promise<string>;
  }
}

/**
 * `/healthz`: the process lives. `/readyz`: it can work. `/metrics`: for Prometheus, unless a port
 * of its own is for that.
 */
export function serveHealth(app: FastifyInstance, service: Service): void {
  const { db, reader, queue, config, clock } = service;
  app.get('/healthz', async () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const ready = await db.isReady();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'no database' });
  });

  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'account_api_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'account_api_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const switchSeconds = Object.entries(OF_SWITCHES).map(([route, { name, help }]) => {
    const labelNames = ['outcome'];
    const histogram = new Histogram({
      name,
      help,
      labelNames,
      buckets: FINE,
      registers: [registry],
    });
    return [route, histogram] as const;
  });
  const secondsOf = new Map<string, Histogram<string>>(switchSeconds);
  const gathered = new Histogram({
    name: 'account_api_gathered',
    help: 'Questions of switches, or their deliveries, that shared a transaction',
    labelNames: ['what'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
    registers: [registry],
  });
  GATHERED.subscribe((message) => {
    const { what, count } = message as Gathered;
    gathered.observe({ what }, count);
  });
  new Gauge({
    name: 'account_api_holds',
    help: 'Calls in progress that something is held for',
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      this.set((await sumHolds(db, clock()).catch(() => undefined))?.holds ?? NOT_KNOWN);
    },
  });
  new Gauge({
    name: 'account_api_held_dollars',
    help: 'What is held for calls in progress',
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      this.set((await sumHolds(db, clock()).catch(() => undefined))?.dollars ?? NOT_KNOWN);
    },
  });
  new Gauge({
    name: 'account_api_records_rejected',
    help: 'Rejected call records that are neither billed nor dismissed',
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      this.set(await countRejected(db).catch(() => NOT_KNOWN));
    },
  });
  new Gauge({
    name: 'account_api_calls_repeated',
    help: 'Ids of calls with more than one start or account, as the nightly check found them',
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      this.set(await countRepeatedCalls(db).catch(() => NOT_KNOWN));
    },
  });
  new Gauge({
    name: 'account_api_operator_keys',
    help: "Keys of the operators' API that count, and those of them that expire within 14 days",
    labelNames: ['state'],
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      const unknown = { active: NOT_KNOWN, expiring: NOT_KNOWN };
      const { active, expiring } = await countOperatorKeys(db, clock()).catch(() => unknown);
      this.set({ state: 'active' }, active);
      this.set({ state: 'expiring' }, expiring);
    },
  });
  new Gauge({
    name: 'account_api_mails',
    help: 'Mails that wait, and mails given up',
    labelNames: ['state'],
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      const unknown = { waiting: NOT_KNOWN, parked: NOT_KNOWN };
      const { waiting, parked } = await countMails(queue).catch(() => unknown);
      this.set({ state: 'waiting' }, waiting);
      this.set({ state: 'failed' }, parked);
    },
  });
  new Counter({
    name: 'account_api_job_failures_total',
    help: 'Jobs that failed, each try counted',
    labelNames: ['queue'],
    ...OF_THE_DATABASE,
    registers: [registry],
    async collect() {
      const counted = await jobFailures(db).catch(() => undefined);
      if (counted) this.reset();
      for (const { queue: name, failures } of counted ?? []) this.inc({ queue: name }, failures);
    },
  });
  new Counter({
    name: 'account_api_password_hashes_total',
    help: 'Password hashes computed, which is most of what signing in costs',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(hashesComputed());
    },
  });
  if (reader instanceof Replica) {
    new Gauge({
      name: 'account_api_replica_in_use',
      help: 'Whether calls are read from the replica (1), or from the primary (0)',
      aggregator: 'min',
      registers: [registry],
      collect() {
        this.set(Number(reader.isClose));
      },
    });
  }
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? '(none)';
    requests.inc({ route, status: reply.statusCode });
    seconds.observe({ route }, reply.elapsedTime / 1_000);
    const outcome = OUTCOMES[reply.statusCode] ?? 'rejected';
    secondsOf.get(route)?.observe({ outcome }, reply.elapsedTime / 1_000);
    done();
  });
  const all = metricsOfAll(registry);
  let asked: Promise<string> | undefined;
  app.decorate('metrics', () => {
    asked ??= all().finally(() => {
      asked = undefined;
    });
    return asked;
  });
  if (config.metricsPort === 0) serveMetrics(app, app.metrics);
}

/** A server of `/metrics` alone. */
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
