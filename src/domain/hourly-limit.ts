import type { Database, Queryable } from '../db/database.ts';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal, rateLimited } from './refusal.ts';

const HOUR_MS = 3_600_000;
const MOST_REMEMBERED = 100_000;

/** An hour that began with a key's first attempt. */
interface Window {
  attempts: number;
  endsAtMs: number;
}

/**
 * Unix time in milliseconds that no change of the clock moves: the time at which the process
 * started, and what has passed since. A clock that jumps neither ends a window early nor late.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * A number of attempts that each key has in an hour. They are counted in the database, each by one
 * atomic statement, so that a limit holds across processes and restarts. A key known to be over its
 * limit is refused without asking; while the database cannot write, attempts are counted in memory.
 */
export class HourlyLimit {
  readonly #db: Database;
  readonly #name: string;
  readonly #perHour: number;
  readonly #now: () => number;
  /** windows that are used up, and those that only memory knows */
  readonly #known = new Map<string, Window>();

  /**
   * @param name tells the keys of one limit from those of others
   * @param perHour 0: no limit
   */
  constructor(db: Database, name: string, perHour: number, now = steadyNow) {
    this.#db = db;
    this.#name = name;
    this.#perHour = perHour;
    this.#now = now;
  }

  /** Counts an attempt. @throws Refusal 'rate limited' for one too many */
  async count(key: string): Promise<void> {
    if (this.#perHour === 0) return;
    const known = this.#knownWindow(key);
    if (known && known.attempts >= this.#perHour) throw this.#refusal(known);
    const window = await this.#countAttempt(key);
    if (window.attempts >= this.#perHour) this.#remember(key, window);
    if (window.attempts > this.#perHour) throw this.#refusal(window);
  }

  /**
   * Runs `attempt`, and counts it where it is refused as unauthorized. Once too many were, none is
   * run any more, so that not even the right password can be told.
   * @throws Refusal 'rate limited', or what `attempt` throws
   */
  async guard<T>(key: string, attempt: () => Promise<T>): Promise<T> {
    if (this.#perHour === 0) return attempt();
    const known = this.#knownWindow(key);
    for (const window of [known, await this.#readWindow(key)]) {
      if (window && window.attempts >= this.#perHour) throw this.#refusal(window);
    }
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof Refusal && error.code === 'unauthorized') await this.count(key);
      throw error;
    }
  }

  async #countAttempt(key: string): Promise<Window> {
    const now = this.#now();
    try {
      const [row] = await this.#db.read<Window>(
        'count-attempt',
        `INSERT INTO rate_limit AS r (key, points, expire) VALUES ($1, 1, $3)
         ON CONFLICT (key) DO UPDATE SET
           points = CASE WHEN r.expire <= $2 THEN 1 ELSE r.points + 1 END,
           expire = CASE WHEN r.expire <= $2 THEN excluded.expire ELSE r.expire END
         RETURNING points AS attempts, expire AS "endsAtMs"`,
        [this.#rowKey(key), Math.floor(now), Math.floor(now) + HOUR_MS],
      );
      return row as Window;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      const { attempts, endsAtMs } = this.#knownWindow(key) ?? {
        attempts: 0,
        endsAtMs: now + HOUR_MS,
      };
      const window = { attempts: attempts + 1, endsAtMs };
      this.#remember(key, window);
      return window;
    }
  }

  async #readWindow(key: string): Promise<Window | undefined> {
    try {
      const [row] = await this.#db.read<Window>(
        'read-attempts',
        `SELECT points AS attempts, expire AS "endsAtMs" FROM rate_limit
         WHERE key = $1 AND expire > $2`,
        [this.#rowKey(key), Math.floor(this.#now())],
      );
      return row;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return undefined;
    }
  }

  #knownWindow(key: string): Window | undefined {
    const window = this.#known.get(key);
    if (window && window.endsAtMs > this.#now()) return window;
    this.#known.delete(key);
    return undefined;
  }

  /** Forgets the windows remembered first where there are too many. */
  #remember(key: string, window: Window): void {
    this.#known.delete(key);
    this.#known.set(key, window);
    if (this.#known.size <= MOST_REMEMBERED) return;
    const [oldest = key] = this.#known.keys();
    this.#known.delete(oldest);
  }

  #rowKey(key: string): string {
    return `${this.#name}:${key}`;
  }

  #refusal({ endsAtMs }: Window) {
    return rateLimited(Math.max(1, Math.ceil((endsAtMs - this.#now()) / 1_000)));
  }
}

/**
 * Deletes windows that ended an hour ago or earlier. Those that a clock since set back has put far
 * ahead are ended within the hour.
 */
export async function tidyLimits(db: Queryable, nowMs = steadyNow()): Promise<void> {
  const now = Math.floor(nowMs);
  await db.query('DELETE FROM rate_limit WHERE expire < $1', [now - HOUR_MS]);
  await db.query('UPDATE rate_limit SET expire = $1 WHERE expire > $2', [
    now + HOUR_MS,
    now + 2 * HOUR_MS,
  ]);
}
