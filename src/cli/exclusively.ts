import type { Database } from '../db/database.ts';
import { LOCKS, tryLock } from '../domain/locks.ts';
import { Refusal } from '../domain/refusal.ts';

/**
 * Runs work that must not overlap with a rotation of keys: another rotation, or a backup, which
 * names the key it needs. @throws Refusal 'conflict' while such work runs
 */
export function exclusively<T>(db: Database, work: () => Promise<T>): Promise<T> {
  return db.transaction(async (tx) => {
    if (!(await tryLock(tx, LOCKS.maintenance))) {
      throw new Refusal('conflict', 'a rotation of keys or a backup is running; wait for it');
    }
    return work();
  });
}
