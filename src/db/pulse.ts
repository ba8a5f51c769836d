import pg from 'pg';
import { mayRepeat, NotConnected, StoreUnavailable } from './errors.ts';

const EVERY_MS = 1_000;
const TICK_MS = 250;
const SILENT_AFTER_TICKS = 10;
const RETRY_MS = 250;
const BRIDGED_MS = 4_000;
// A primary that is told to take no writes is about to be moved, and the new one will follow.
const PLANNED_MS = 10_000;
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
  readonly #waiting = new Map<(error: Error) => void, Need>();
  #client: pg.Client | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #refusal: StoreUnavailable | undefined;
  /** since when each need is not met */
  readonly #since = new Map<Need, number>();
  readonly #restored = new Set<() => void>();
  #bridgedMs = BRIDGED_MS;
  /** commits that wait for a standby, and when each was seen first */
  #uncopied = new Map<string, number>();
  #isUncopied = false;
  #isSilent = false;
  #closed = false;

  constructor(config: pg.ClientConfig, options: PulseOptions) {
    this.#options = options;
    this.#config = config;
    this.#next(EVERY_MS);
  }

  /**
   * Runs `start`, as long as PostgreSQL answers.
   * @param need 'writes': it may wait for a copy, so it also fails when copies are missing
   * @param abandon gets a result that arrives after the caller was failed
   * @throws StoreUnavailable at once where PostgreSQL is silent, or once it falls silent
   */
  guard<T>(
    need: Need,
    start: () => Promise<T>,
    abandon: (late: T) => void = () => undefined,
  ): Promise<T> {
    if (this.#refusal) return Promise.reject(this.#refusal);
    return new Promise((resolve, reject) => {
      let given = false;
      const giveUp = (error: Error) => {
        given = true;
        reject(error);
      };
      this.#waiting.set(giveUp, need);
      start()
        .then((value) => (given ? abandon(value) : resolve(value)), reject)
        .finally(() => this.#waiting.delete(giveUp));
    });
  }

  /** @throws StoreUnavailable while commits have waited for a standby for too long */
  requireCopies(): void {
    if (this.#isUncopied) throw new StoreUnavailable(new Error('no standby confirms changes'));
  }

  /** For how long an outage is bridged: four seconds, ten while the primary is being moved. */
  get bridgedMs(): number {
    return this.#bridgedMs;
  }

  /**
   * After a failure: waits until the need is met again.
   * @returns false once it has not been met for `bridgedMs`: an outage is bridged only if it is
   *   short, and each request waits at most so long
   */
  async restored(need: Need): Promise<boolean> {
    for (let first = true; !this.#closed; first = false) {
      // A silent server has been waited for already.
      if (this.#isSilent) return false;
      if (first) {
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        await this.#beatNow();
        if (this.#isSilent) return false;
      }
      const since = this.#since.get(need);
      if (since === undefined) return true;
      const leftMs = since + this.#bridgedMs - performance.now();
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
      this.#hear(await unlessSilent(this.#ask()));
    } catch (error) {
      this.#leave();
      this.#note('answers', false);
      this.#note('writes', false);
      this.#isSilent = error instanceof Silent;
      if (this.#isSilent) for (const wake of this.#restored) wake();
      const outageMs = performance.now() - (this.#since.get('answers') ?? 0);
      // Any other failure is an answer too, and statements get it as fast themselves. Only a pooler
      // keeps them waiting for a lost server.
      if (this.#isSilent) this.#refuse(new StoreUnavailable(error));
      else if (mayRepeat(error) && outageMs > this.#bridgedMs)
        this.#refuse(new NotConnected(error));
      else this.#refuse(undefined);
      this.#next(RETRY_MS);
    }
  }

  #hear({ standby, readOnly, uncopied }: Beat): void {
    this.#isSilent = false;
    const isLost = standby && this.#options.onlyPrimary;
    const refusesWrites = readOnly && this.#options.onlyPrimary;
    // The next connection may lead to the new primary.
    if (isLost || refusesWrites) this.#leave();
    if (refusesWrites && !isLost) this.#bridgedMs = PLANNED_MS;
    if (isLost) this.#options.onStandby();
    this.#refuse(isLost ? new NotConnected(new Error('a standby, no primary')) : undefined);
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
    for (const [giveUp, need] of this.#waiting) if (need === 'writes') giveUp(error);
  }

  #refuse(error: StoreUnavailable | undefined): void {
    this.#refusal = error;
    if (!error) return;
    // What is under way may have been done.
    const doubt = new StoreUnavailable(error.cause);
    for (const giveUp of this.#waiting.keys()) giveUp(doubt);
  }

  #note(need: Need, isMet: boolean): void {
    if (!isMet) {
      if (!this.#since.has(need)) this.#since.set(need, performance.now());
      return;
    }
    if (need === 'writes') this.#bridgedMs = BRIDGED_MS;
    if (this.#since.delete(need)) for (const wake of this.#restored) wake();
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
    this.#client?.connection.stream.destroy();
    this.#client = undefined;
  }

  async #ask(): Promise<Beat> {
    if (!this.#client) {
      this.#client = new pg.Client(this.#config);
      // The next beat notices a lost connection, because its statement fails.
      this.#client.on('error', () => undefined);
      await this.#client.connect();
    }
    const { rows } = await this.#client.query<Beat>(BEAT);
    return rows[0] as Beat;
  }
}

class Silent extends Error {}

/**
 * Waits for an answer for 2.5 seconds. While this process itself stands still, only one tick
 * passes, because the answer may have arrived meanwhile.
 * @throws Silent without an answer
 */
function unlessSilent<T>(answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks++;
      if (ticks === SILENT_AFTER_TICKS) reject(new Silent('PostgreSQL does not answer'));
    }, TICK_MS);
    answer.then(resolve, reject).finally(() => clearInterval(timer));
  });
}
