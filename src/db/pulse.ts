import pg from 'pg';
import { StoreUnavailable } from './errors.ts';

const EVERY_MS = 1_000;
const SILENT_AFTER_MS = 2_500;
const RETRY_MS = 250;
const BRIDGED_MS = 4_000;
const PAUSE_MS = 50;

/** What work needs: an answer, or a primary that takes writes. */
export type Need = 'answers' | 'writes';

interface PulseOptions {
  /** a standby counts as lost; false for the connection to a replica */
  onlyPrimary: boolean;
  /** how long a commit may wait for a synchronous standby */
  copyWaitMs: number;
  /** ends all connections: they lead to a standby */
  onStandby: () => void;
}

interface Beat {
  standby: boolean;
  readOnly: boolean;
  /** the sessions of this role whose commits wait for a standby, with the time of the statement */
  uncopied: string[];
}

// https://www.postgresql.org/docs/current/monitoring-stats.html#WAIT-EVENT-IPC-TABLE
const BEAT = `SELECT pg_is_in_recovery() AS standby,
  current_setting('transaction_read_only') = 'on' AS "readOnly",
  ARRAY(SELECT pid || ' ' || query_start FROM pg_stat_activity
    WHERE wait_event = 'SyncRep' AND usename = current_user) AS uncopied`;

/**
 * Checks every second, on a separate connection, whether PostgreSQL answers and takes writes. A
 * silent PostgreSQL (stopped, cut off, blocked by its disk) leaves connections open and requests
 * waiting. The pulse fails such requests within seconds, and notices when PostgreSQL answers again.
 */
export class Pulse {
  readonly #config: pg.ClientConfig;
  readonly #options: PulseOptions;
  readonly #waiting = new Set<(error: Error) => void>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #refusal: StoreUnavailable | undefined;
  /** since when each need is not met */
  readonly #since = new Map<Need, number>();
  readonly #restored = new Set<() => void>();
  /** commits that wait for a standby, and when each was seen first */
  #uncopied = new Map<string, number>();
  #isUncopied = false;
  #isSilent = false;
  #closed = false;

  constructor(config: pg.ClientConfig, options: PulseOptions) {
    this.#options = options;
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
    if (this.#refusal) return Promise.reject(this.#refusal);
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

  /** @throws StoreUnavailable while commits have waited for a standby for too long */
  requireCopies(): void {
    if (this.#isUncopied) throw new StoreUnavailable(new Error('no standby confirms changes'));
  }

  /**
   * After a failure: waits until the need is met again.
   * @returns false once it has not been met for four seconds: an outage is bridged only if it is
   *   short, and each request waits at most so long
   */
  async restored(need: Need): Promise<boolean> {
    for (let first = true; !this.#closed; first = false) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      if (first) await this.#beatNow();
      // A silent server has been waited for already.
      if (this.#isSilent) return false;
      const since = this.#since.get(need);
      if (since === undefined) return true;
      const leftMs = since + BRIDGED_MS - performance.now();
      if (leftMs <= 0) return false;
      await this.#change(leftMs);
    }
    return false;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const wake of this.#restored) wake();
    await this.#client?.end();
  }

  #next(afterMs: number): void {
    if (!this.#closed) this.#timer = setTimeout(() => void this.#beatNow(), afterMs);
  }

  /** Beats, or joins a running beat. */
  #beatNow(): Promise<void> {
    clearTimeout(this.#timer);
    this.#beating ??= this.#beat().finally(() => {
      this.#beating = undefined;
    });
    return this.#beating;
  }

  async #beat(): Promise<void> {
    try {
      this.#client ??= await this.#connect();
      const { rows } = await this.#client.query<Beat>(BEAT);
      this.#hear(rows[0] as Beat);
    } catch (error) {
      this.#leave();
      this.#note('answers', false);
      this.#note('writes', false);
      // Any other failure is an answer too, and statements get it as fast themselves.
      this.#isSilent = /timeout/.test((error as Error).message);
      if (this.#isSilent) for (const wake of this.#restored) wake();
      this.#refuse(this.#isSilent ? new StoreUnavailable(error) : undefined);
      this.#next(RETRY_MS);
    }
  }

  #hear({ standby, readOnly, uncopied }: Beat): void {
    this.#isSilent = false;
    const isLost = standby && this.#options.onlyPrimary;
    const refusesWrites = readOnly && this.#options.onlyPrimary;
    // The next connection may lead to the new primary.
    if (isLost || refusesWrites) this.#leave();
    if (isLost) this.#options.onStandby();
    this.#refuse(isLost ? new StoreUnavailable(new Error('a standby, no primary')) : undefined);
    this.#noteUncopied(uncopied);
    this.#note('answers', !isLost);
    this.#note('writes', !isLost && !refusesWrites && !this.#isUncopied);
    this.#next(isLost || refusesWrites ? RETRY_MS : EVERY_MS);
  }

  #noteUncopied(waiting: string[]): void {
    const now = performance.now();
    const before = this.#uncopied;
    this.#uncopied = new Map(waiting.map((commit) => [commit, before.get(commit) ?? now]));
    const wasUncopied = this.#isUncopied;
    const longest = now - Math.min(now, ...this.#uncopied.values());
    this.#isUncopied = longest > this.#options.copyWaitMs;
    if (!this.#isUncopied || wasUncopied) return;
    const error = new StoreUnavailable(new Error('no standby confirmed a change'));
    for (const giveUp of this.#waiting) giveUp(error);
  }

  #refuse(error: StoreUnavailable | undefined): void {
    this.#refusal = error;
    if (error) for (const giveUp of this.#waiting) giveUp(error);
  }

  #note(need: Need, isMet: boolean): void {
    if (!isMet) {
      if (!this.#since.has(need)) this.#since.set(need, performance.now());
    } else if (this.#since.delete(need)) for (const wake of this.#restored) wake();
  }

  #change(mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#restored.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, mostMs);
      this.#restored.add(wake);
    });
  }

  #leave(): void {
    void this.#client?.end();
    this.#client = undefined;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#config);
    // The next beat notices a lost connection, because its statement fails.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}
