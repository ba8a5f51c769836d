import { type Readable, Transform } from 'node:stream';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { isRetryable, StoreUnavailable, translate } from './errors.ts';
import { PipelinedReader } from './pipelined-reader.ts';

/**
 * What runs SQL: a pool or a transaction. Every function of the domain takes one as its first
 * argument. Values are bound, never pasted into the text.
 */
export interface Queryable {
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
}

export interface DatabaseOptions {
  connection: pg.ClientConfig;
  /** most connections of the pool */
  poolSize: number;
  /** milliseconds after which a statement counts as unanswered */
  queryTimeoutMs?: number;
  applicationName?: string;
  onError?: (error: Error) => void;
}

const QUERY_TIMEOUT_MS = 4_000;
const CONNECT_TIMEOUT_MS = 3_000;
const DEADLOCK_TRIES = 5;
const STREAMS = 8;

// Numbers that JavaScript would round stay text; usernames have ten digits and fit.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, (text) => {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : text;
});

/** One PostgreSQL: a pool for statements and transactions, two pipelined clients for short reads. */
export class Database implements Queryable {
  readonly #pool: pg.Pool;
  /** of its own, so that slow readers of long answers cannot hold up anything else */
  readonly #streams: pg.Pool;
  readonly #reader: PipelinedReader;

  constructor(options: DatabaseOptions) {
    const config: pg.PoolConfig = {
      ...options.connection,
      types,
      application_name: options.applicationName ?? 'account-api',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: options.queryTimeoutMs ?? QUERY_TIMEOUT_MS,
      keepAlive: true,
    };
    this.#pool = new pg.Pool({ ...config, max: options.poolSize });
    this.#streams = new pg.Pool({ ...config, max: STREAMS, query_timeout: 0 });
    for (const pool of [this.#pool, this.#streams]) {
      pool.on('error', (error) => options.onError?.(error));
    }
    this.#reader = new PipelinedReader(config);
  }

  /** @throws StoreUnavailable where PostgreSQL does not answer */
  async query<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(text, values)).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  /** One statement that writes, again from its start after a deadlock. */
  async retrying<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.query<Row>(text, values);
      } catch (error) {
        if (attempt === DEADLOCK_TRIES || !isRetryable(error)) throw error;
      }
    }
  }

  /**
   * A short read by a prepared statement on a shared, pipelined connection.
   * @param name names the prepared statement; one name always goes with one text
   * @throws StoreUnavailable where PostgreSQL does not answer
   */
  async read<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    try {
      return (await this.#reader.query<Row>({ name, text, values })).rows;
    } catch (error) {
      throw translate(error);
    }
  }

  /**
   * Runs `work` in one transaction, again from its start after a deadlock or a serialization
   * failure. What `work` throws rolls back.
   */
  async transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    isolation: 'READ COMMITTED' | 'REPEATABLE READ' = 'READ COMMITTED',
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(work, isolation);
      } catch (error) {
        if (attempt === DEADLOCK_TRIES || !isRetryable(error)) throw translate(error);
      }
    }
  }

  async #attempt<T>(work: (tx: Queryable) => Promise<T>, isolation: string): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    try {
      await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
      const result = await work({
        query: async <Row extends object>(text: string, values: unknown[] = []) =>
          (await client.query<Row>(text, values)).rows,
      });
      await client.query('COMMIT');
      return result;
    } catch (error) {
      // A server that does not answer would not answer ROLLBACK either: closing does the same.
      if (translate(error) instanceof StoreUnavailable) broken = error as Error;
      else await client.query('ROLLBACK').catch((failure: Error) => (broken = failure));
      throw error;
    } finally {
      client.release(broken);
    }
  }

  /**
   * Streams `COPY (…) TO STDOUT`, with back-pressure down to PostgreSQL. A reader that goes away
   * ends the query by closing its connection.
   * @param sql a COPY statement; COPY binds no values, so only validated numbers may be pasted in
   */
  async copyOut(sql: string): Promise<Readable> {
    let client: pg.PoolClient;
    try {
      client = await this.#streams.connect();
    } catch (error) {
      throw translate(error);
    }
    const source = client.query(copyTo(sql));
    const output = new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) });
    let released = false;
    const release = (error?: Error) => {
      if (released) return;
      released = true;
      client.release(error);
    };
    source.once('end', () => release());
    source.once('error', (error) => {
      release(error);
      output.destroy(translate(error) as Error);
    });
    output.once('close', () => release(new Error('the reader went away')));
    return source.pipe(output);
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
    await Promise.all([this.#pool.end(), this.#streams.end(), this.#reader.close()]);
  }
}
