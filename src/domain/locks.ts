import type { Queryable } from '../db/database.ts';

/**
 * All advisory locks of the database, by what each one guards. PostgreSQL knows them only by
 * number, so numbers must be unique and must not change.
 */
export const LOCKS = {
  /** the first administrator is made only once, and the last one stays */
  administrators: 4_592_086_960,
  /** the hours of calls are counted by one session at a time */
  callHours: 4_592_086_961,
  /** partitions of calls are made and dropped by one session at a time */
  callPartitions: 8_008_786_160,
  /** shared by transactions that seal; exclusive for a change of the secret key */
  sealing: 8_666_326_621,
  /** a rotation of keys, or a backup */
  maintenance: 4_159_608_204,
};

/** Waits for a lock, and takes it until the transaction ends. */
export async function takeLock(tx: Queryable, lock: number): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [lock]);
}

/** Takes a lock until the transaction ends. @returns false if another session has it */
export async function tryLock(tx: Queryable, lock: number): Promise<boolean> {
  const [row] = await tx.query<{ taken: boolean }>(
    'SELECT pg_try_advisory_xact_lock($1) AS taken',
    [lock],
  );
  return row?.taken ?? false;
}
