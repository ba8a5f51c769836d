import type { Duplex } from 'node:stream';
import pg from 'pg';

/**
 * Settings with which a prepared statement has one plan, which suits full tables too. A plan that is
 * made without the values expects a row or two. So a whole scan of an empty partition and a sort of
 * the result seem cheaper than to read all partitions in the order of their index, but each page of a
 * long list would then read and sort the rest of the list. To compile a plan takes longer than to run
 * it once.
 */
export const ONE_PLAN =
  'SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET jit = off';

interface ReaderOptions {
  prepares: boolean;
  clients: number;
  onePlan?: boolean;
}

/** A name always stands for the same text. */
export interface PreparedQuery {
  name: string;
  text: string;
  values: unknown[];
}

/**
 * Some connections that all requests share. Statements are sent without a wait for earlier answers.
 * The next statement opens a lost connection again.
 */
export class PipelinedReader {
  readonly #config: pg.ClientConfig;
  readonly #prepares: boolean;
  readonly #onePlan: boolean;
  readonly #clients: (Promise<pg.Client> | undefined)[];
  #turn = 0;
  #closed = false;

  /**
   * @param prepares true: a statement is parsed once for a connection; false: each time
   * @param onePlan true: a prepared statement has one plan for all values
   */
  constructor(config: pg.ClientConfig, { prepares, clients, onePlan = false }: ReaderOptions) {
    this.#config = { ...config, pipeline: true };
    this.#prepares = prepares;
    this.#onePlan = prepares && onePlan;
    this.#clients = new Array(clients).fill(undefined);
  }

  async query<Row extends object>(statement: PreparedQuery): Promise<pg.QueryResult<Row>> {
    this.#turn = (this.#turn + 1) % this.#clients.length;
    const client = await this.#client(this.#turn);
    writeTogether(client.connection.stream);
    const { name, text, values } = statement;
    return client.query<Row>(this.#prepares ? { name, text, values } : { text, values });
  }

  /** Ends the connections; the next statements open new ones. */
  leave(): void {
    for (const pending of this.#clients) {
      pending?.then(
        (client) => client.connection.stream.destroy(),
        () => undefined,
      );
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#clients.map(async (pending) => {
        const client = await pending?.catch(() => undefined);
        await client?.end();
      }),
    );
  }

  #client(slot: number): Promise<pg.Client> {
    if (this.#closed) return Promise.reject(new Error('Client was closed'));
    this.#clients[slot] ??= this.#connect(slot);
    return this.#clients[slot];
  }

  #connect(slot: number): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    const connecting = client.connect().then(() => {
      if (this.#onePlan) client.query(ONE_PLAN).catch(() => undefined);
      return client;
    });
    const forget = () => {
      // When a lost connection ends, another one may have its slot already.
      if (this.#clients[slot] === connecting) this.#clients[slot] = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    connecting.catch(forget);
    return connecting;
  }
}

/** Sends all writes of this turn of the event loop by one system call. */
export function writeTogether(stream: Duplex): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
