import { Semaphore } from '../../../domain/access/semaphore.ts';
import { Problem } from './problem.ts';

const MINUTE_MS = 60_000;
const AT_ONCE = 8;
const MOST_REMEMBERED = 10_000;

interface Window {
  count: number;
  endsAtMs: number;
}

/** A limit of requests a minute for each subject, counted in the memory of this process. */
export class MinuteLimit {
  readonly #perMinute: number;
  readonly #windows = new Map<string, Window>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Counts a request. @returns headers with the rest @throws Problem 429 over the limit */
  count(subject: string): Record<string, string> {
    const window = this.#windowOf(subject);
    window.count++;
    const seconds = this.#secondsLeft(window);
    const left = Math.max(0, this.#perMinute - window.count);
    const headers = {
      'ratelimit-policy': `"minute";q=${this.#perMinute};w=60`,
      ratelimit: `"minute";r=${left};t=${seconds}`,
    };
    if (window.count <= this.#perMinute) return headers;
    throw tooMany(seconds, headers);
  }

  /** @throws Problem 429 if a subject has reached the limit */
  check(subject: string): void {
    const window = this.#windowOf(subject);
    if (window.count >= this.#perMinute) throw tooMany(this.#secondsLeft(window));
  }

  #windowOf(subject: string): Window {
    const now = performance.now();
    let window = this.#windows.get(subject);
    if (!window || window.endsAtMs <= now) {
      if (this.#windows.size >= MOST_REMEMBERED) this.#windows.clear();
      window = { count: 0, endsAtMs: now + MINUTE_MS };
      this.#windows.set(subject, window);
    }
    return window;
  }

  #secondsLeft({ endsAtMs }: Window): number {
    return Math.max(1, Math.ceil((endsAtMs - performance.now()) / 1_000));
  }
}

function tooMany(seconds: number, headers: Record<string, string> = {}): Problem {
  return new Problem(429, 'rate_limited', `Try again in ${seconds} s`, {
    headers: { 'retry-after': seconds, ...headers },
  });
}

/** Lets a few requests of each key run at once; the others wait. */
export function turnsOfKeys(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const turns = new Map<string, Semaphore>();
  return (key, work) => {
    let turn = turns.get(key);
    if (!turn) {
      turn = new Semaphore(AT_ONCE);
      turns.set(key, turn);
    }
    return turn.run(work);
  };
}
