import type { FastifyInstance } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { GATHERED, type Gathered } from '../db/gather.ts';
import { jobFailures } from '../db/job-failures.ts';
import { Replica } from '../db/replica.ts';
import { countOperatorKeys } from '../domain/access/expiring-keys.ts';
import { hashesComputed } from '../domain/access/password.ts';
import { countMails } from '../domain/account/mail-queue.ts';
import { countRejected } from '../domain/calls/rejected-search.ts';
import { countRepeatedCalls } from '../domain/calls/repeated-call.ts';
import { countOperations } from '../domain/operation/operation.ts';
import { sumHolds } from '../domain/rating/hold.ts';
import { countWebhooks, SENT, type Sent } from '../domain/webhook/delivery.ts';
import { eventLag } from '../domain/webhook/event-log.ts';
import type { Service } from '../service.ts';

// Requests that switches wait for.
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

/** The metrics of this process, with counts of the requests that the server answers. */
export function processMetrics(app: FastifyInstance, service: Service): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  measureRequests(app, registry);
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
  new Counter({
    name: 'account_api_password_hashes_total',
    help: 'Password hashes computed, which is most of what signing in costs',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(hashesComputed());
    },
  });
  measureWebhooks(registry);
  const { reader } = service;
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
  readDatabase(registry, service);
  return registry;
}

/** The time of webhooks that this process sends: the first one of the service, beside its workers. */
export function measureWebhooks(registry: Registry): void {
  const seconds = new Histogram({
    name: 'account_api_webhook_seconds',
    help: 'Time that endpoints of webhooks took to answer',
    labelNames: ['outcome'],
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers: [registry],
  });
  SENT.subscribe((message) => {
    const sent = message as Sent;
    seconds.observe({ outcome: sent.outcome }, sent.seconds);
  });
}

function measureRequests(app: FastifyInstance, registry: Registry): void {
  const requests = new Counter({
    name: 'account_api_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'status'],
    registers: [registry],
    // It is read before the other metrics of requests.
    collect: () => app.tellAnswered(),
  });
  const seconds = new Histogram({
    name: 'account_api_request_seconds',
    help: 'Time to answer a request',
    labelNames: ['route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  const switchSeconds = Object.entries(OF_SWITCHES).map(([route, metric]) => {
    const labelNames = ['outcome'];
    return [
      route,
      new Histogram({ ...metric, labelNames, buckets: FINE, registers: [registry] }),
    ] as const;
  });
  const secondsOf = new Map<string, Histogram<string>>(switchSeconds);
  app.onAnswered((answered) => {
    for (const { route, status, ms } of answered) {
      requests.inc({ route, status });
      seconds.observe({ route }, ms / 1_000);
      const outcome = OUTCOMES[status] ?? 'rejected';
      secondsOf.get(route)?.observe({ outcome }, ms / 1_000);
    }
  });
}

/** Figures of the database. All workers read the same ones, so they must not be added. */
function readDatabase(registry: Registry, { db, queue, clock }: Service): void {
  const aggregator = 'first';
  /** One figure. If the database fails, it is unknown; the other figures are still read. */
  const figure = (name: string, help: string, read: () => Promise<number>) =>
    new Gauge({
      ...{ name, help, aggregator, registers: [registry] },
      async collect() {
        this.set(await read().catch(() => Number.NaN));
      },
    });
  /** One figure for each state. If the database fails, all of them are unknown. */
  const figures = (
    name: string,
    help: string,
    states: string[],
    read: () => Promise<Record<string, number>>,
  ) =>
    new Gauge({
      ...{ name, help, aggregator, labelNames: ['state'], registers: [registry] },
      async collect() {
        const found = await read().catch((): Record<string, number> => ({}));
        for (const state of states) this.set({ state }, found[state] ?? Number.NaN);
      },
    });
  figure(
    'account_api_holds',
    'Calls in progress that something is held for',
    async () => (await sumHolds(db, clock())).holds,
  );
  figure(
    'account_api_held_money',
    'What is held for calls in progress',
    async () => (await sumHolds(db, clock())).amount,
  );
  figure(
    'account_api_records_rejected',
    'Rejected call records that are neither billed nor dismissed',
    () => countRejected(db),
  );
  figure(
    'account_api_calls_repeated',
    'Ids of calls with more than one start or account, as the nightly check found them',
    () => countRepeatedCalls(db),
  );
  figures(
    'account_api_operator_keys',
    "Keys of the operators' API that count, and those of them that expire within 14 days",
    ['active', 'expiring'],
    async () => ({ ...(await countOperatorKeys(db, clock())) }),
  );
  figures(
    'account_api_webhooks',
    'Events that wait for an endpoint, and events given up',
    ['waiting', 'failed'],
    async () => ({ ...(await countWebhooks(db)) }),
  );
  figures(
    'account_api_webhook_endpoints',
    'Endpoints that fail, and endpoints that were disabled because they failed',
    ['failing', 'disabled'],
    async () => ({ ...(await countWebhooks(db)) }),
  );
  figure('account_api_event_lag_seconds', 'How long the oldest event waits for its number', () =>
    eventLag(db, clock()),
  );
  figures(
    'account_api_operations',
    'Long work that systems requested, such as imports: waiting, running, failed within a day',
    ['waiting', 'running', 'failed'],
    () => countOperations(db, clock()),
  );
  figures(
    'account_api_mails',
    'Mails that wait, and mails given up',
    ['waiting', 'failed'],
    async () => {
      const { waiting, parked } = await countMails(queue);
      return { waiting, failed: parked };
    },
  );
  new Counter({
    ...{ name: 'account_api_job_failures_total', aggregator, registers: [registry] },
    help: 'Jobs that failed, each try counted',
    labelNames: ['queue'],
    async collect() {
      const counted = await jobFailures(db).catch(() => undefined);
      if (counted) this.reset();
      for (const { queue: name, failures } of counted ?? []) this.inc({ queue: name }, failures);
    },
  });
}
