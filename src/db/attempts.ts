import { Redis } from 'ioredis';
import { StoreUnavailable } from './errors.ts';

/** A span of time that began with a key's first attempt. */
export interface Window {
  attempts: number;
  /** Unix time in milliseconds */
  endsAtMs: number;
}

export interface Span {
  /** Unix time in milliseconds */
  nowMs: number;
  lengthMs: number;
}

/** Where attempts are counted, for all processes and across restarts. */
export interface AttemptStore {
  /** Adds attempts to each key. @returns the windows of all these keys, these attempts included */
  add(counts: ReadonlyMap<string, number>, span: Span): Promise<Map<string, Window>>;
  /** @returns undefined where a key has no window, or one that has ended */
  read(key: string, nowMs: number): Promise<Window | undefined>;
  close(): Promise<void>;
}

type Read = <Row extends object>(name: string, text: string, values: unknown[]) => Promise<Row[]>;

// Does not wait for the disk: a database that crashes may forget the attempts of its last moment.
// Rows are locked in the order of their keys, since processes count at the same time.
const COUNT_ATTEMPTS = `
WITH lax AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO rate_limit AS r (key, points, expire)
SELECT a.key, a.attempts, $4 FROM unnest($1::text[], $2::int[]) AS a (key, attempts), lax
ORDER BY a.key
ON CONFLICT (key) DO UPDATE SET
  points = CASE WHEN r.expire <= $3 THEN excluded.points ELSE r.points + excluded.points END,
  expire = CASE WHEN r.expire <= $3 THEN excluded.expire ELSE r.expire END
RETURNING key, points AS attempts, expire AS "endsAtMs"`;

const READ_ATTEMPTS = `SELECT points AS attempts, expire AS "endsAtMs" FROM rate_limit
 WHERE key = $1 AND expire > $2`;

/** Counts in the table rate_limit. */
export class PostgresAttempts implements AttemptStore {
  readonly #read: Read;

  constructor(read: Read) {
    this.#read = read;
  }

  async add(counts: ReadonlyMap<string, number>, span: Span): Promise<Map<string, Window>> {
    const now = Math.floor(span.nowMs);
    const values = [[...counts.keys()], [...counts.values()], now, now + span.lengthMs];
    const rows = await this.#read<Window & { key: string }>(
      'count-attempts',
      COUNT_ATTEMPTS,
      values,
    );
    return new Map(rows.map((row) => [row.key, row]));
  }

  async read(key: string, nowMs: number): Promise<Window | undefined> {
    const values = [key, Math.floor(nowMs)];
    return (await this.#read<Window>('read-attempts', READ_ATTEMPTS, values))[0];
  }

  async close(): Promise<void> {}
}

const PREFIX = 'account-api:limit:';
const TIMEOUT_MS = 1_000;
const RECONNECT_MS = 500;

// Each key's attempts and the end of its window, at once: no other command comes between.
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

/** Counts in Valkey or Redis, which also has the time that a window lasts. */
export class RedisAttempts implements AttemptStore {
  readonly #redis: RedisWithCount;

  /** @param url such as `redis://user:password@limits.example.net:6379/0` */
  constructor(url: string, onError: (error: Error) => void) {
    this.#redis = new Redis(url, {
      // While it is away, nobody waits for it.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: TIMEOUT_MS,
      commandTimeout: TIMEOUT_MS,
      retryStrategy: () => RECONNECT_MS,
      scripts: { countAttempts: { lua: COUNT } },
    }) as RedisWithCount;
    this.#redis.on('error', onError);
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
