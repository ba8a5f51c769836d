import type { Database } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import { type LimitReached, notifyAccount, notifyAdministrators } from '../mail/message.ts';
import { dueBalances, inPortions } from './portions.ts';

/** Queues mails for each daily limit that reached 80 or 100 percent since the last run. */
export async function tellOfLimits(db: Database, queue: Queue): Promise<void> {
  await inPortions(db, async (tx) => {
    const due = await tx.query<LimitReached & { isWanted: boolean }>(
      `WITH ${dueBalances('limit_due')}
       UPDATE balance b SET limit_due = false FROM due d JOIN account a ON a.username = d.account
       WHERE b.account = d.account
       RETURNING a.username, b.limit_level AS level, b.spent_today::text AS spent,
         b.day_limit::text AS limit,
         a.closed_at IS NULL AND b.limit_level > 0 AND b.day_limit IS NOT NULL AS "isWanted"`,
    );
    for (const { isWanted, ...reached } of due) {
      if (!isWanted) continue;
      await notifyAccount(tx, queue, reached.username, { kind: 'daily limit', ...reached });
      await notifyAdministrators(tx, queue, { kind: 'daily limit of a customer', ...reached });
    }
    return due.length;
  });
}
