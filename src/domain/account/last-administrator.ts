import type { Queryable } from '../../db/database.ts';
import { LOCKS, takeLock } from '../locks.ts';
import { Refusal } from '../refusal.ts';

/**
 * Makes sure that there is another administrator before this one is removed. The lock keeps two
 * concurrent removals from removing the last ones.
 * @param tx the transaction that then removes it
 * @throws Refusal 'conflict'
 */
export async function requireAnotherAdministrator(tx: Queryable, username: number): Promise<void> {
  await takeLock(tx, LOCKS.administrators);
  const others = await tx.query(
    `SELECT 1 FROM account
     WHERE role = 'administrator' AND closed_at IS NULL AND username <> $1 LIMIT 1`,
    [username],
  );
  if (others.length > 0) return;
  throw new Refusal(
    'conflict',
    `${username} is the last administrator; make another one first, on the page Staff or by npx account-api admin create`,
    { problem: { key: 'lastAdministrator', account: username } },
  );
}
