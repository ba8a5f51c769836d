import type { Queryable } from './database.ts';

/** Has the queues counted from now on, so that the first failure is seen as one more than none. */
export async function noteQueues(db: Queryable, queues: string[]): Promise<void> {
  await db.query(
    'INSERT INTO job_failure (queue) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING',
    [queues],
  );
}

/** Counts one more failed job of a queue. */
export async function countJobFailure(db: Queryable, queue: string): Promise<void> {
  await db.query('UPDATE job_failure SET failures = failures + 1 WHERE queue = $1', [queue]);
}

/** How often a job of each queue has failed since the queue was there, tries counted singly. */
export function jobFailures(db: Queryable): Promise<{ queue: string; failures: number }[]> {
  return db.query('SELECT queue, failures FROM job_failure ORDER BY queue');
}
