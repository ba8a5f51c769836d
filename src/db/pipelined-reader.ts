import type { Duplex } from 'node:stream';
import pg from 'pg';

// Compiling a plan takes longer than running it once.
const ONE_PLAN = 'SET plan_cache_mode = force_generic_plan; SET jit = off';

interface ReaderOptions {
  prepares: boolean;
  clients: number;
  onePlan?: boolean;
}

/** One name always goes with one text. */
export interface PreparedQuery {
  name: string;
  text: string;
  values: unknown[];
}

/**
 * Some connections shared by all requests, on which statements are sent without waiting for the
 * answers before them. A connection that was lost is opened again by the next statement.
 */
export class PipelinedReader {
  readonly #config: pg.ClientConfig;
  readonly #prepares: boolean;
  readonly #onePlan: boolean;
  readonly #clients: (Promise<pg.Client> | undefined)[];
  #turn = 0;
  #closed = false;

  /**
   * @param prepares whether a statement is parsed once for a connection, or each time
   * @param onePlan whether a prepared one is planned once, whatever its values
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
      // By the time a lost connection has ended, another may be in its place.
      if (this.#clients[slot] === connecting) this.#clients[slot] = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    connecting.catch(forget);
    return connecting;
  }
}

/** Has what is written before this turn of the event loop ends go out by one system call. */
export function writeTogether(stream: Duplex): void {
  if (stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}
