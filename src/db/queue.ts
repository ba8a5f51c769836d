import type pg from 'pg';
import type {
  ConstructorOptions,
  Job,
  JobWithMetadata,
  QueueOptions as Options,
  PgBoss,
  Queue as QueueDefinition,
} from 'pg-boss';
import type { Queryable } from './database.ts';

const POOL_SIZE = 2;
const POLLING_SECONDS = 1;
// After about half a minute another process gets a dead process's job.
const HEARTBEAT_SECONDS = 20;
const SUPERVISE_SECONDS = 10;
const STOP_TIMEOUT_MS = 10_000;
/** the member of a job's data that says that the job is marked */
const MARK = 'marked';

/**
 * @member deadLetter the queue for jobs that failed at every try
 * @member policy 'short' keeps one waiting job for each key, because a second would do the same
 */
type QueueSettings = Options &
  Pick<QueueDefinition, 'deadLetter'> & { policy: 'standard' | 'short' };

export interface SendOptions {
  /** the job's subject; a 'short' queue keeps one waiting job for each key */
  key?: string;
  /** a higher priority runs first; left out: 0 */
  priority?: number;
  /** on whose behalf; of each group one job runs at a time, in a queue that runs several */
  group?: string;
}

/** A job that waits. */
export interface QueuedJob<Data> {
  id: string;
  data: Data;
  queuedAt: Date;
  /** the number of tries, also in the queue that it came from as a dead letter */
  tries: number;
  nextTryAt: Date;
  /** why the last try failed */
  failure: string | null;
}

export type JobHandler<Data> = (data: Data, id: string) => Promise<void>;
/** Is called for each failed try, also for one that takes longer than its queue allows. */
export type FailureHandler = (error: unknown, id: string) => void;

/** Jobs in the same PostgreSQL. A job is queued only if its transaction commits. */
export class Queue {
  readonly #start: () => Promise<PgBoss>;
  #boss: Promise<PgBoss> | undefined;
  /** by name of the queue, for the queues that this process works on */
  readonly #wake = new Map<string, () => void>();

  private constructor(start: () => Promise<PgBoss>) {
    this.#start = start;
  }

  /**
   * @param role 'worker' maintains the queues' tables and schedules; 'sender' only adds jobs
   */
  static async open(
    connection: pg.ClientConfig,
    role: 'worker' | 'sender',
    onError: (error: Error) => void,
  ): Promise<Queue> {
    const queue = new Queue(() => startBoss(connection, role, onError));
    await queue.ready();
    return queue;
  }

  /**
   * A queue that opens at its first use: a service answers before that, and most commands queue
   * nothing.
   * @param prepare creates missing queues
   */
  static late(
    connection: pg.ClientConfig,
    role: 'worker' | 'sender',
    onError: (error: Error) => void,
    prepare: (queue: Queue) => Promise<void>,
  ): Queue {
    return new Queue(async () => {
      const queue = await Queue.open(connection, role, onError);
      try {
        await prepare(queue);
      } catch (error) {
        await queue.stop();
        throw error;
      }
      return queue.#opened();
    });
  }

  #opened(): Promise<PgBoss> {
    this.#boss ??= this.#start().catch((error) => {
      // The next use tries again.
      this.#boss = undefined;
      throw error;
    });
    return this.#boss;
  }

  /** Opens the queue now, if it is not open. */
  async ready(): Promise<void> {
    await this.#opened();
  }

  /** Creates a queue, or updates an existing queue's options. */
  async define(name: string, options: QueueSettings): Promise<void> {
    const { policy, ...changeable } = { heartbeatSeconds: HEARTBEAT_SECONDS, ...options };
    const boss = await this.#opened();
    await boss.createQueue(name, { policy, ...changeable });
    await boss.updateQueue(name, changeable);
  }

  async has(name: string): Promise<boolean> {
    const boss = await this.#opened();
    return (await boss.getQueue(name)) !== null;
  }

  /**
   * Adds a job to a queue, effective when the transaction commits. Then this process checks the
   * queue at once. If a 'short' queue already has a waiting job of the same key, no job is added.
   */
  async send(
    tx: Queryable,
    name: string,
    data: object = {},
    { key, priority = 0, group }: SendOptions = {},
  ): Promise<void> {
    const boss = await this.#opened();
    const executeSql = async (text: string, values?: unknown[]) => ({
      rows: await tx.query(text, values),
    });
    await boss.send(name, data, {
      db: { executeSql },
      priority,
      ...(key === undefined ? {} : { singletonKey: key }),
      ...(group === undefined ? {} : { group: { id: group } }),
    });
    const wake = () => this.#wake.get(name)?.();
    if (tx.afterCommit) tx.afterCommit(wake);
    else wake();
  }

  /** The data of a key's waiting jobs, oldest first. */
  async waiting<Data extends object>(
    tx: Queryable,
    name: string,
    key: string,
    most: number,
  ): Promise<Data[]> {
    // The tables are there from then on.
    await this.#opened();
    const jobs = await tx.query<{ data: Data }>(
      `SELECT data FROM pgboss.job WHERE name = $1 AND singleton_key = $2 AND state < 'active'
       ORDER BY created_on LIMIT $3`,
      [name, key, most],
    );
    return jobs.map(({ data }) => data);
  }

  /**
   * Passes a queue's jobs to `handler`. If it throws, the job is tried again.
   * @param atOnce how many jobs run at once in this process; of each group one in all processes
   */
  async work<Data extends object>(
    name: string,
    handler: JobHandler<Data>,
    onFailure: FailureHandler,
    atOnce = 1,
  ): Promise<void> {
    const options = {
      ...(atOnce > 1 ? { localConcurrency: atOnce, groupConcurrency: 1 } : {}),
      pollingIntervalSeconds: POLLING_SECONDS,
      batchSize: 1,
      // No pause while more jobs wait.
      burstWhenBatchFull: true,
    };
    const boss = await this.#opened();
    const worker = await boss.work<Data>(name, options, async (jobs: Job<Data>[]) => {
      for (const { data, id, signal } of jobs) {
        let ended = false;
        signal.addEventListener('abort', () => {
          if (!ended) onFailure(signal.reason, id);
        });
        try {
          await handler(data, id);
        } catch (error) {
          if (!signal.aborted) onFailure(error, id);
          throw error;
        } finally {
          ended = true;
        }
      }
      // More jobs may wait, so fetch them now and not at the next poll.
      boss.notifyWorker(worker);
    });
    this.#wake.set(name, () => boss.notifyWorker(worker));
  }

  /** @param cron five fields, in UTC */
  async schedule(name: string, cron: string): Promise<void> {
    const boss = await this.#opened();
    await boss.schedule(name, cron, null, { tz: 'UTC' });
  }

  /** The number of waiting jobs, also those that wait for a retry; at most a minute old. */
  async depth(name: string): Promise<number> {
    const boss = await this.#opened();
    const [stats] = await boss.getQueueStats(name, { force: true });
    return stats?.queuedCount ?? 0;
  }

  /**
   * The unfinished jobs of a queue in the order of their arrival.
   * @param page.after the id of the last job already seen
   */
  async list<Data extends object>(
    name: string,
    page: { after?: string | undefined; limit: number },
  ): Promise<QueuedJob<Data>[]> {
    // A database has no queues before the first start of a service.
    if (!(await this.has(name))) return [];
    const boss = await this.#opened();
    const { after, limit } = page;
    const options = { queued: true, limit, ...(after ? { after } : {}) };
    const jobs = await boss.findJobs<Data>(name, options);
    return jobs.map((job) => ({
      id: job.id,
      data: job.data,
      queuedAt: job.sourceCreatedOn ?? job.createdOn,
      tries: triesOf(job),
      nextTryAt: job.startAfter,
      failure: failureOf(job.sourceOutput ?? job.output),
    }));
  }

  /** Marks the waiting jobs of a queue that have no mark. @returns these, oldest first */
  async mark<Data extends object>(
    tx: Queryable,
    name: string,
  ): Promise<Pick<QueuedJob<Data>, 'id' | 'data' | 'failure'>[]> {
    // The tables are there from then on.
    await this.#opened();
    return tx.query<Pick<QueuedJob<Data>, 'id' | 'data' | 'failure'>>(
      `WITH marked AS (
         UPDATE pgboss.job SET data = data || '{"${MARK}": true}'
         WHERE name = $1 AND state < 'active' AND NOT data ? '${MARK}'
         RETURNING id, created_on, data, coalesce(source_output, output) ->> 'message' AS failure
       )
       SELECT id, data, failure FROM marked ORDER BY created_on, id`,
      [name],
    );
  }

  /** Removes a job from a queue, in a transaction. @returns undefined if it is gone already */
  async take<Data extends object>(
    tx: Queryable,
    name: string,
    id: string,
  ): Promise<Data | undefined> {
    // The tables are there from then on.
    await this.#opened();
    const [job] = await tx.query<{ data: Data }>(
      `DELETE FROM pgboss.job WHERE name = $1 AND id = $2 AND state < 'active' RETURNING data - '${MARK}' AS data`,
      [name, id],
    );
    return job?.data;
  }

  async stop(): Promise<void> {
    const boss = await this.#boss?.catch(() => undefined);
    await boss?.stop({ graceful: true, timeout: STOP_TIMEOUT_MS });
  }
}

async function startBoss(
  connection: pg.ClientConfig,
  role: 'worker' | 'sender',
  onError: (error: Error) => void,
): Promise<PgBoss> {
  const { PgBoss } = await import('pg-boss');
  const works = role === 'worker';
  const boss = new PgBoss({
    ...({ ...connection, keepAlive: true } as ConstructorOptions),
    max: POOL_SIZE,
    application_name: 'account-api jobs',
    supervise: works,
    superviseIntervalSeconds: SUPERVISE_SECONDS,
    monitorIntervalSeconds: SUPERVISE_SECONDS,
    schedule: works,
    registerInstance: works,
  });
  boss.on('error', onError);
  await boss.start();
  return boss;
}

function triesOf({ state, retryCount, sourceRetryCount }: JobWithMetadata): number {
  if (sourceRetryCount !== null) return sourceRetryCount + 1;
  return state === 'created' ? 0 : retryCount + 1;
}

function failureOf(output: object | null): string | null {
  const { message } = (output ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : null;
}
