import cluster, { type Worker } from 'node:cluster';
import { AggregatorRegistry, Registry } from 'prom-client';
import { measureWebhooks } from './metrics.ts';

type Metrics = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/** Messages between workers and the first process. An answer has the number of its question. */
type Message =
  | { kind: 'metrics of all?'; id: number }
  | { kind: 'metrics of all'; id: number; text: string }
  | { kind: 'metrics?'; id: number }
  | { kind: 'metrics'; id: number; metrics: Metrics };

const WORKER_TIMEOUT_MS = 1_000;
const ALL_TIMEOUT_MS = 5_000;
// These values only grow, so the sum must not shrink when a worker ends.
const GROWING = ['counter', 'histogram'];

/**
 * Reads the metrics of a service: those of this process or, if it is a worker, the sum of all
 * workers.
 */
export function metricsOfAll(registry: Registry): () => Promise<string> {
  const send = process.send?.bind(process);
  if (!cluster.isWorker || !send) return () => registry.metrics();
  const answers = new Answers<string>(ALL_TIMEOUT_MS);
  process.on('message', async (message: Message) => {
    if (message.kind === 'metrics of all') answers.give(message.id, message.text);
    if (message.kind !== 'metrics?') return;
    const { id } = message;
    send({ kind: 'metrics', id, metrics: await registry.getMetricsAsJSON() } satisfies Message);
  });
  return async () => {
    const text = await answers.to((id) => send({ kind: 'metrics of all?', id } satisfies Message));
    if (text === undefined) throw new Error('the first process does not tell the metrics');
    return text;
  };
}

/**
 * Answers workers that ask for the metrics of all. For a worker that does not answer or has ended,
 * its last metrics count. This process adds what it sends itself.
 * @param workers the running workers
 */
export function gatherMetrics(workers: ReadonlySet<Worker>): void {
  const last = new Map<Worker, Metrics>();
  let ended: Metrics = [];
  const own = new Registry();
  measureWebhooks(own);
  const answers = new Answers<Metrics>(WORKER_TIMEOUT_MS);
  cluster.on('exit', (worker) => {
    const growing = last.get(worker)?.filter(({ type }) => GROWING.includes(String(type)));
    last.delete(worker);
    if (growing)
      ended = AggregatorRegistry.aggregate([ended, growing]).getMetricsAsArray() as Metrics;
  });
  cluster.on('message', async (asker, message: Message) => {
    if (message.kind === 'metrics') answers.give(message.id, message.metrics);
    if (message.kind !== 'metrics of all?') return;
    const ask = async (worker: Worker) => {
      const metrics = await answers.to((id) => tell(worker, { kind: 'metrics?', id }));
      if (metrics && workers.has(worker)) last.set(worker, metrics);
    };
    await Promise.all([...workers].map(ask));
    const all = [...last.values(), ended, await own.getMetricsAsJSON()];
    const text = await AggregatorRegistry.aggregate(all).metrics();
    tell(asker, { kind: 'metrics of all', id: message.id, text });
  });
}

/** Sends a message; ignores errors, because the worker may be about to end. */
function tell(worker: Worker, message: Message): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}

class Answers<Value> {
  readonly #timeoutMs: number;
  readonly #waiting = new Map<number, (value: Value) => void>();
  #asked = 0;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** @returns undefined if no answer comes in time */
  to(ask: (id: number) => void): Promise<Value | undefined> {
    this.#asked++;
    const id = this.#asked;
    return new Promise((resolve) => {
      const give = (value?: Value) => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(value);
      };
      const timer = setTimeout(give, this.#timeoutMs);
      this.#waiting.set(id, give);
      ask(id);
    });
  }

  give(id: number, value: Value): void {
    this.#waiting.get(id)?.(value);
  }
}
