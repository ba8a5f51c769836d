import type { Queryable } from './database.ts';

/** Starts each queue's count at 0, so monitoring sees the first failure as an increase. */
export async function noteQueues(db: Queryable, queues: string[]): Promise<void> {
  await db.query(
    'INSERT INTO job_failure (queue) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
    [queues],
  );
}

/** Counts one failed try of a queue's job. */
export async function countJobFailure(db: Queryable, queue: string): Promise<void> {
  await db.query('UPDATE job_failure SET failures = failures + 1 WHERE queue = $1', [queue]);
}

/** The failed tries of each queue's jobs since the queue was created. */
export function jobFailures(db: Queryable): Promise<{ queue: string; failures: number }[]> {
  return db.query('SELECT queue, failures FROM job_failure ORDER BY queue');
}
