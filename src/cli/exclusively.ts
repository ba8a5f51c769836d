import type { Database } from '../db/database.ts';
import { LOCKS } from '../domain/locks.ts';
import { Refusal } from '../domain/refusal.ts';

/**
 * Runs work that a rotation of keys must not meet: another one, or a backup, which says what key
 * it needs. @throws Refusal 'conflict' while there is such work
 */
export function exclusively<T>(db: Database, work: () => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    const [lock] = await tx.query<{ taken: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1) AS taken',
      [LOCKS.maintenance],
    );
    if (!lock?.taken) {
      throw new Refusal('conflict', 'a rotation of keys or a backup is running; wait for it');
    }
    return work();
  });
}
