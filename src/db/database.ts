import pg from 'pg';
import { type AttemptStore, PostgresAttempts } from './attempts.ts';
import { Bridge } from './bridge.ts';
import { doubted, leavesConnection, mayRepeat, NotConnected, StoreUnavailable } from './errors.ts';
import {
  type ExchangeOptions,
  Exchanges,
  type ExchangeWork,
  type TakenClient,
} from './exchange.ts';
import { Finder, type ListQuestion } from './finder.ts';
import { ONE_PLAN, PipelinedReader, type PreparedQuery } from './pipelined-reader.ts';
import { type Need, Pulse } from './pulse.ts';
import { OpenTransaction } from './transaction.ts';

/**
 * Runs SQL: a pool or a transaction. It is the first argument of the domain's functions. Values are
 * always bound, never pasted into the text.
 */
export interface Queryable {
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
  /**
   * Only in transactions: calls `work` after the commit, and never after a rollback. Where it is
   * missing, each statement is committed when its answer arrives.
   */
  afterCommit?: (work: () => void) => void;
}

type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

export interface DatabaseOptions {
  connection: pg.ClientConfig;
  /** the most connections of the pool */
  poolSize: number;
  /**
   * 'server': a client waits for each answer, so long statements are cancelled and a silent
   * PostgreSQL is noticed within seconds, and a short loss of the primary is bridged; 'replica': the
   * same for a standby, without bridging; 'command': statements may take long
   */
  role?: 'server' | 'replica' | 'command';
  /**
   * false behind a transaction pooler (PgBouncer): a prepared statement ends with its transaction,
   * and the database role sets the limits for locks and statements
   */
  prepares?: boolean;
  /** counts attempts instead of this PostgreSQL */
  attempts?: AttemptStore | undefined;
  /** how long a commit may wait for a synchronous standby before changes are refused */
  copyWaitSeconds?: number;
  onError?: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2_500;
const COPY_WAIT_SECONDS = 5;
const LIMITS_MS: Record<'server' | 'command' | 'pooled', pg.ClientConfig> = {
  // PostgreSQL cancels late statements, so none keeps its locks and connection. The driver's limit
  // is for a server that does not answer.
  server: { lock_timeout: 2_000, statement_timeout: 30_000, query_timeout: 35_000 },
  command: { query_timeout: 3_600_000 },
  // A pooler refuses session settings.
  pooled: { query_timeout: 35_000 },
};
const EXCHANGES = 2;
const READ_CLIENTS = 2;
const PAGE_CLIENTS = 4;

// Integers that JavaScript would round stay text; usernames have ten digits and fit.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
});

/** One PostgreSQL: a pool for statements and transactions, pipelined clients for reads. */
export class Database implements Queryable {
  readonly attempts: AttemptStore;
  readonly #pool: pg.Pool;
  /** for deliveries: they may queue behind one locked account, and must not delay other work */
  readonly #deliveries: pg.Pool;
  /** for exchanges that are not patient */
  readonly #short: pg.Pool;
  readonly #exchanges: Exchanges;
  readonly #reader: PipelinedReader;
  /** separate connections, so long reads do not delay short ones */
  readonly #lists: PipelinedReader;
  readonly #pages: PipelinedReader;
  readonly #prepares: boolean;
  readonly #bridge: Bridge;
  readonly #open = new Set<pg.PoolClient>();
  readonly #finder = new Finder(this);

  constructor(options: DatabaseOptions) {
    const { connection, poolSize, role = 'server', prepares = true, onError } = options;
    const limits = role === 'command' ? role : 'server';
    const config: pg.PoolConfig = {
      ...connection,
      ...LIMITS_MS[prepares || role === 'command' ? limits : 'pooled'],
      types,
      application_name: 'account-api',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    };
    this.#pool = new pg.Pool({ ...config, max: poolSize });
    const pipelined = { ...config, pipeline: true };
    this.#deliveries = new pg.Pool({
      ...pipelined,
      max: Math.ceil(poolSize / 2),
      idleTimeoutMillis: 0,
    });
    this.#short = new pg.Pool({ ...pipelined, max: EXCHANGES, idleTimeoutMillis: 0 });
    for (const pool of this.#pools()) {
      pool.on('error', (error) => onError?.(error));
      // A lost connection fails its statement. Without a listener its event would end the process.
      pool.on('connect', (client) => {
        client.on('error', () => undefined);
        this.#open.add(client);
      });
      pool.on('remove', (client) => this.#open.delete(client));
    }
    if (prepares) {
      // To plan or compile a statement of deliveries takes longer than to store a hundred calls.
      this.#deliveries.on('connect', (client) => {
        client.query(ONE_PLAN).catch(() => undefined);
      });
    }
    this.#reader = new PipelinedReader(config, { prepares, clients: READ_CLIENTS });
    // Calls have many partitions. To plan a read over a hundred of them takes longer than the read.
    const onePlan = true;
    this.#lists = new PipelinedReader(config, { prepares, clients: READ_CLIENTS, onePlan });
    this.#pages = new PipelinedReader(config, { prepares, clients: PAGE_CLIENTS, onePlan });
    this.#prepares = prepares;
    this.attempts =
      options.attempts ??
      new PostgresAttempts((name, text, values) => this.read(name, text, values));
    const pulse =
      role === 'command'
        ? undefined
        : new Pulse(
            { ...connection, keepAlive: true },
            {
              onlyPrimary: role === 'server',
              copyWaitMs: (options.copyWaitSeconds ?? COPY_WAIT_SECONDS) * 1_000,
              onStandby: () => this.#leaveStandby(),
            },
          );
    this.#bridge = new Bridge(pulse, role === 'server');
    this.#exchanges = new Exchanges({
      prepares,
      take: (patient) => this.#take(patient ? this.#deliveries : this.#short, 'writes'),
      guard: (start) => this.#bridge.guard('writes', start),
    });
  }

  /** @throws StoreUnavailable where PostgreSQL does not answer */
  async query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const run = () => this.#single<Row>(this.#pool, { text, values });
    if (!isRead(text)) return this.repeated(run);
    return this.#bridge.reads(run);
  }

  /**
   * One statement that writes a feed's delivery; it is repeated as `transaction` is.
   * @param name of the prepared statement; a name always stands for the same text
   */
  async deliver<Row extends object>(
    name: string | undefined,
    text: string,
    values: unknown[],
  ): Promise<Row[]> {
    const statement = name && this.#prepares ? { name, text, values } : { text, values };
    return this.repeated(() => this.#single<Row>(this.#deliveries, statement));
  }

  /**
   * A short read by a prepared statement on a shared, pipelined connection.
   * @param name of the prepared statement; a name always stands for the same text
   * @throws StoreUnavailable where PostgreSQL does not answer
   */
  read<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.#readBy(this.#reader, { name, text, values });
  }

  /** Like `read`, for a list of up to some thousand rows. Short reads do not wait for it. */
  readList<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.#readBy(this.#lists, { name, text, values });
  }

  /** Like `read`, for a page of a long answer. Other reads do not wait for it. */
  readPage<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return this.#readBy(this.#pages, { name, text, values });
  }

  /**
   * A short read of one row by its key. One statement reads the keys of concurrent requests; it
   * costs little more than for one key.
   * @param text gets the keys as an array, $1; its column `n` has the position, from 1, of a row's
   *   key
   */
  find<Row extends object>(name: string, text: string, key: unknown): Promise<Row | undefined> {
    return this.#finder.find(name, text, key);
  }

  /**
   * Like `find`, for a row as long as a list, on the connections of `readList`. Keys share a
   * statement if its other values are the same.
   */
  findList<Row extends object>(question: ListQuestion): Promise<Row | undefined> {
    return this.#finder.findList(question);
  }

  /**
   * Runs `work` in one transaction. After a deadlock or a serialization failure it runs again from
   * its start, and also where the primary was lost before the commit was sent. If `work` throws, the
   * transaction is rolled back.
   */
  async transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    isolation: Isolation = 'READ COMMITTED',
  ): Promise<T> {
    return this.repeated(() => this.#attempt(work, isolation));
  }

  /**
   * Runs work that writes, and again from its start where it surely changed nothing: after a
   * deadlock, and when the primary comes back within seconds.
   */
  repeated<T>(work: () => Promise<T>): Promise<T> {
    return this.#bridge.writes(work);
  }

  async #attempt<T>(work: (tx: Queryable) => Promise<T>, isolation: Isolation): Promise<T> {
    const tx = await this.begin(isolation);
    try {
      const result = await work(tx);
      await tx.commit();
      return result;
    } catch (error) {
      await tx.rollBack(error);
      throw error;
    }
  }

  /** Begins a transaction that the caller must end, as `transaction` and `inOneTransaction` do. */
  async begin(isolation: Isolation = 'READ COMMITTED'): Promise<OpenTransaction> {
    const client = await this.#take(this.#pool, 'writes');
    const tx = new OpenTransaction(client, (start) => this.#bridge.guard('writes', start));
    try {
      await tx.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      return tx;
    } catch (error) {
      await tx.rollBack(error);
      throw error;
    }
  }

  /**
   * A short transaction with few network round trips: one for each answer that `work` waits for.
   * Its begin is sent with the first statements, its end with the last. It is repeated as
   * `transaction` is. Without changes it is rolled back, because a rollback does not wait for
   * the disk.
   */
  async exchange<T>(options: ExchangeOptions, work: ExchangeWork<T>): Promise<T> {
    return this.repeated(() => this.#exchanges.run(options, work));
  }

  /** Whether PostgreSQL answers at all. */
  async isReady(): Promise<boolean> {
    try {
      await this.read('ready', 'SELECT 1', []);
      return true;
    } catch (error) {
      if (error instanceof StoreUnavailable) return false;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#bridge.close();
    await this.attempts.close();
    await Promise.all([
      ...this.#pools().map((pool) => pool.end()),
      ...[this.#reader, this.#lists, this.#pages].map((reader) => reader.close()),
    ]);
  }

  #pools(): pg.Pool[] {
    return [this.#pool, this.#deliveries, this.#short];
  }

  #readBy<Row extends object>(reader: PipelinedReader, statement: PreparedQuery): Promise<Row[]> {
    return this.#bridge.reads(
      async () => (await this.#bridge.guard('answers', () => reader.query<Row>(statement))).rows,
    );
  }

  /** A statement that is a transaction of its own. */
  async #single<Row extends object>(pool: pg.Pool, statement: pg.QueryConfig): Promise<Row[]> {
    const need = isRead(statement.text) ? 'answers' : 'writes';
    const client = await this.#take(pool, need);
    let broken: Error | undefined;
    try {
      return (await this.#bridge.guard(need, () => client.query<Row>(statement))).rows;
    } catch (error) {
      if (!leavesConnection(error)) broken = error as Error;
      throw need === 'answers' ? error : doubted(error);
    } finally {
      client.release(broken);
    }
  }

  #take(pool: pg.Pool, need: Need): Promise<pg.PoolClient> {
    return this.#bridge
      .guard(
        need,
        () => pool.connect(),
        (client) => client.release(),
      )
      .catch((error) => {
        throw mayRepeat(error) ? new NotConnected(error) : error;
      });
  }

  /** Ends the connections, so the next ones may lead to the new primary. */
  #leaveStandby(): void {
    for (const client of this.#open) (client as TakenClient).connection.stream.destroy();
    for (const reader of [this.#reader, this.#lists, this.#pages]) reader.leave();
  }
}

/** Whether a single statement only reads, so it may be sent again without knowing its outcome. */
function isRead(text: string): boolean {
  return /^\s*SELECT\b/.test(text);
}
