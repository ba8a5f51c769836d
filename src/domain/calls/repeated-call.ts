import type { Database, Queryable } from '../../db/database.ts';

/** An id with several stored calls: perhaps one call that was reported in different ways. */
export interface RepeatedCall {
  /** 32 hexadecimal digits */
  id: string;
  calls: number;
  accounts: number;
}

const DAY_MS = 86_400_000;
// A wrong time zone shifts a start by a day at most. Earlier nights checked older calls.
const DAYS = 7;
const MOST = 1_000;

/**
 * Finds ids with more than one start or account within a day, among the calls of the last week, and
 * stores them for the metrics. It reads the index day by day, so each statement is short.
 * @returns at most a thousand for each day
 */
export async function checkRepeatedCalls(db: Database, now: Date): Promise<RepeatedCall[]> {
  const found = new Map<string, RepeatedCall>();
  for (let day = 0; day < DAYS; day++) {
    const to = new Date(now.getTime() - (day - 1) * DAY_MS);
    const rows = await db.query<RepeatedCall>(
      `WITH repeated AS (
         SELECT id FROM call WHERE started_at >= $1 AND started_at < $2
         GROUP BY id HAVING count(*) > 1 LIMIT ${MOST}
       )
       SELECT replace(id::text, '-', '') AS id, count(*)::int AS calls,
         count(DISTINCT account)::int AS accounts
       FROM call JOIN repeated USING (id)
       WHERE started_at >= $1 AND started_at < $2 GROUP BY id ORDER BY id`,
      [new Date(to.getTime() - 2 * DAY_MS), to],
    );
    for (const row of rows) found.set(row.id, row);
  }
  const repeated = [...found.values()];
  await db.transaction(async (tx) => {
    await tx.query('DELETE FROM repeated_call');
    await tx.query(
      `INSERT INTO repeated_call (id, calls, accounts, found_at)
       SELECT id, calls, accounts, $4 FROM unnest($1::uuid[], $2::int[], $3::int[])
         AS r (id, calls, accounts)
       ON CONFLICT DO NOTHING`,
      [
        repeated.map(({ id }) => id),
        repeated.map(({ calls }) => calls),
        repeated.map(({ accounts }) => accounts),
        now,
      ],
    );
  });
  return repeated;
}

/** How many the last check found. */
export async function countRepeatedCalls(db: Queryable): Promise<number> {
  const [row] = await db.query<{ count: number }>('SELECT count(*) AS count FROM repeated_call');
  return row?.count ?? 0;
}
