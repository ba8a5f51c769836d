/** A span of time that begins with a key's first attempt. */
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

/** Counts attempts for all processes and across restarts. */
export interface AttemptStore {
  /** Adds attempts to each key. @returns the keys' windows with these attempts */
  add(counts: ReadonlyMap<string, number>, span: Span): Promise<Map<string, Window>>;
  /** @returns undefined where the key has no window, or its window has ended */
  read(key: string, nowMs: number): Promise<Window | undefined>;
  close(): Promise<void>;
}

type Read = <Row extends object>(name: string, text: string, values: unknown[]) => Promise<Row[]>;

// Does not wait for the disk: a crash of the database may lose the last moment's attempts. Rows are
// locked in the order of their keys, because several processes count at the same time.
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
