import { Redis } from 'ioredis';
import type { AttemptStore, Span, Window } from './attempts.ts';
import { StoreUnavailable } from './errors.ts';

const PREFIX = 'account-api:limit:';
const TIMEOUT_MS = 1_000;
const RECONNECT_MS = 500;

// Counts and returns each key's window in one script, so no other command runs in between.
const COUNT = `
local windows = {}
for n, key in ipairs(KEYS) do
  local attempts = redis.call('INCRBY', key, ARGV[n + 1])
  local left = ARGV[1]
  if attempts == tonumber(ARGV[n + 1]) then
    redis.call('PEXPIRE', key, left)
  else
    left = redis.call('PTTL', key)
  end
  windows[2 * n - 1] = attempts
  windows[2 * n] = left
end
return windows`;

type RedisWithCount = Redis & {
  countAttempts(keys: number, ...keysAndArguments: (string | number)[]): Promise<unknown[]>;
};

/** Counts in Valkey or Redis. A window ends when its key expires there. */
export class RedisAttempts implements AttemptStore {
  readonly #redis: RedisWithCount;

  /**
   * @param url such as `redis://user:password@limits.example.net:6379/0`
   * @param onError is told once that the server is away, until it was there again
   */
  constructor(url: string, onError: (error: Error) => void) {
    this.#redis = new Redis(url, {
      // While the server is unreachable, no request waits for it.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      retryStrategy: () => RECONNECT_MS,
      scripts: { countAttempts: { lua: COUNT } },
    }) as RedisWithCount;
    let isAway = false;
    this.#redis.on('error', (cause) => {
      if (!isAway) onError(new Error('LIMITS_URL: the server that counts is away', { cause }));
      isAway = true;
    });
    this.#redis.on('ready', () => {
      isAway = false;
    });
  }

  add(
    counts: ReadonlyMap<string, number>,
    { nowMs, lengthMs }: Span,
  ): Promise<Map<string, Window>> {
    return available(async () => {
      const keys = [...counts.keys()];
      const windows = await this.#redis.countAttempts(
        keys.length,
        ...keys.map((key) => PREFIX + key),
        lengthMs,
        ...counts.values(),
      );
      return new Map(
        keys.map((key, n) => [
          key,
          { attempts: Number(windows[2 * n]), endsAtMs: nowMs + Number(windows[2 * n + 1]) },
        ]),
      );
    });
  }

  read(key: string, nowMs: number): Promise<Window | undefined> {
    return available(async () => {
      const [attempts, leftMs] = await Promise.all([
        this.#redis.get(PREFIX + key),
        this.#redis.pttl(PREFIX + key),
      ]);
      if (attempts === null || leftMs <= 0) return undefined;
      return { attempts: Number(attempts), endsAtMs: nowMs + leftMs };
    });
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }
}

async function available<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new StoreUnavailable(error);
  }
}
