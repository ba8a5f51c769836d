import pg from 'pg';
import { StoreUnavailable } from './errors.ts';

const EVERY_MS = 1_000;
const SILENT_AFTER_MS = 2_500;
const RETRY_MS = 250;

/**
 * Checks every second, on a separate connection, whether PostgreSQL answers. A silent PostgreSQL
 * (stopped, cut off, blocked by its disk) leaves connections open and requests waiting. The pulse
 * fails such requests within seconds, and notices when PostgreSQL answers again.
 */
export class Pulse {
  readonly #config: pg.ClientConfig;
  readonly #waiting = new Set<(error: Error) => void>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #silence: StoreUnavailable | undefined;
  #closed = false;

  constructor(config: pg.ClientConfig) {
    this.#config = {
      ...config,
      connectionTimeoutMillis: SILENT_AFTER_MS,
      query_timeout: SILENT_AFTER_MS,
    };
    this.#next(EVERY_MS);
  }

  /**
   * Runs `start`, as long as PostgreSQL answers.
   * @param abandon gets a result that arrives after the caller was failed
   * @throws StoreUnavailable at once where PostgreSQL is silent, or once it falls silent
   */
  guard<T>(start: () => Promise<T>, abandon: (late: T) => void = () => undefined): Promise<T> {
    if (this.#silence) return Promise.reject(this.#silence);
    return new Promise((resolve, reject) => {
      let given = false;
      const giveUp = (error: Error) => {
        given = true;
        reject(error);
      };
      this.#waiting.add(giveUp);
      start()
        .then((value) => (given ? abandon(value) : resolve(value)), reject)
        .finally(() => this.#waiting.delete(giveUp));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end();
  }

  #next(afterMs: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => void this.#beat(), afterMs);
  }

  async #beat(): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      await this.#client.query('SELECT 1');
      this.#silence = undefined;
      this.#next(EVERY_MS);
    } catch (error) {
      void this.#client?.end();
      this.#client = undefined;
      // Any other failure is an answer too, and statements get it as fast themselves.
      this.#silence = /timeout/.test((error as Error).message)
        ? new StoreUnavailable(error)
        : undefined;
      if (this.#silence) for (const giveUp of this.#waiting) giveUp(this.#silence);
      this.#next(RETRY_MS);
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    // The next beat notices a lost connection, because its statement fails.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}
