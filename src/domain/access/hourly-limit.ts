import type { Window } from '../../db/attempts.ts';
import type { Database, Queryable } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { Gatherer } from '../../db/gather.ts';
import { Refusal, rateLimited } from '../refusal.ts';

const HOUR_MS = 3_600_000;
const MOST_REMEMBERED = 100_000;

/**
 * Unix time in milliseconds that does not follow changes of the clock: the start time of the
 * process plus the time since. So a clock that jumps does not change the length of a window.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * Limits the attempts of each key in an hour, which begins with the first attempt. `db.attempts`
 * counts them, so a limit holds across processes and restarts. A key that is known to be over its
 * limit is refused without a query. While nothing can be written there, attempts are counted in
 * memory.
 */
export class HourlyLimit {
  readonly #db: Database;
  readonly #name: string;
  readonly #perHour: number;
  readonly #now: () => number;
  /** windows that are used up, and windows that are counted in memory only */
  readonly #known = new Map<string, Window>();
  readonly #attempts = new Gatherer((keys: string[]) => this.#countTogether(keys));

  /**
   * @param name separates the keys of this limit from those of other limits
   * @param perHour 0: no limit
   */
  constructor(db: Database, name: string, perHour: number, now = steadyNow) {
    this.#db = db;
    this.#name = name;
    this.#perHour = perHour;
    this.#now = now;
  }

  /** Counts an attempt. @throws Refusal 'rate limited' if the limit is exceeded */
  async count(key: string): Promise<void> {
    if (this.#perHour === 0) return;
    const seconds = this.knownWait(key);
    if (seconds !== undefined) throw rateLimited(seconds);
    const window = await this.#attempts.ask(key);
    if (window.attempts >= this.#perHour) this.#remember(key, window);
    if (window.attempts > this.#perHour) throw this.#refusal(window);
  }

  /** Seconds until `count` allows a key again; undefined unless known to be over its limit. */
  knownWait(key: string): number | undefined {
    const known = this.#knownWindow(key);
    return known && known.attempts >= this.#perHour ? this.#secondsLeft(known) : undefined;
  }

  /** Remaining attempts of a key and the seconds until its window ends; counts nothing. */
  async remaining(key: string): Promise<{ perHour: number; left: number; secondsToEnd: number }> {
    const window = this.#knownWindow(key) ?? (await this.#readWindow(key));
    const left = Math.max(0, this.#perHour - (window?.attempts ?? 0));
    const secondsToEnd = window ? Math.ceil((window.endsAtMs - this.#now()) / 1_000) : 0;
    return { perHour: this.#perHour, left, secondsToEnd };
  }

  /**
   * Runs `attempt` and counts it if it is refused as unauthorized. After too many refusals it is
   * not run any more, so a guesser does not learn even that a password is right.
   * @throws Refusal 'rate limited', or an error of `attempt`
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

  /** Counts an attempt for each of the keys; a key that is there twice is counted twice. */
  async #countTogether(keys: string[]): Promise<Window[]> {
    const counts = new Map<string, number>();
    for (const key of keys.map((each) => this.#storedKey(each))) {
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const now = this.#now();
    try {
      const windows = await this.#db.attempts.add(counts, { nowMs: now, lengthMs: HOUR_MS });
      // The database returns the count after the last attempt of each key.
      return keys
        .toReversed()
        .map((key) => {
          const window = windows.get(this.#storedKey(key)) as Window;
          return { attempts: window.attempts--, endsAtMs: window.endsAtMs };
        })
        .reverse();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return keys.map((key) => this.#countInMemory(key));
    }
  }

  #countInMemory(key: string): Window {
    const known = this.#knownWindow(key);
    const window = known ?? { attempts: 0, endsAtMs: this.#now() + HOUR_MS };
    const counted = { attempts: window.attempts + 1, endsAtMs: window.endsAtMs };
    this.#remember(key, counted);
    return counted;
  }

  async #readWindow(key: string): Promise<Window | undefined> {
    try {
      return await this.#db.attempts.read(this.#storedKey(key), this.#now());
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

  /** Remembers a window, and forgets the oldest one if there are too many. */
  #remember(key: string, window: Window): void {
    this.#known.delete(key);
    this.#known.set(key, window);
    if (this.#known.size <= MOST_REMEMBERED) return;
    const [oldest = key] = this.#known.keys();
    this.#known.delete(oldest);
  }

  #storedKey(key: string): string {
    return `${this.#name}:${key}`;
  }

  #refusal(window: Window) {
    return rateLimited(this.#secondsLeft(window));
  }

  #secondsLeft({ endsAtMs }: Window): number {
    return Math.max(1, Math.ceil((endsAtMs - this.#now()) / 1_000));
  }
}

/**
 * Deletes windows that ended an hour ago or earlier. A clock that was set back may leave windows
 * that end far in the future; these are made to end within the hour.
 */
export async function tidyLimits(db: Queryable, nowMs = steadyNow()): Promise<void> {
  const now = Math.floor(nowMs);
  await db.query('DELETE FROM rate_limit WHERE expire < $1', [now - HOUR_MS]);
  await db.query('UPDATE rate_limit SET expire = $1 WHERE expire > $2', [
    now + HOUR_MS,
    now + 2 * HOUR_MS,
  ]);
}
