import type { Database } from '../db/database.ts';
import { LOCKS, tryLock } from '../domain/locks.ts';
import { Refusal } from '../domain/refusal.ts';

/**
 * Runs work that a rotation of keys must not meet: another one, or a backup, which says what key
 * it needs. @throws Refusal 'conflict' while there is such work
 */
export function exclusively<T>(db: Database, work: () => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    if (!(await tryLock(tx, LOCKS.maintenance))) {
      throw new Refusal('conflict', 'a rotation of keys or a backup is running; wait for it');
    }
    return work();
  });
}
