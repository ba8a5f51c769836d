import type { Database } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import { notifyAccount, queueMessage } from '../mail/message.ts';

/**
 * Queues a mail for each account whose balance fell below its threshold by a debit. No mail is sent
 * if the balance is now at or above the threshold, or if its owner wants no mails.
 */
export async function warnLowBalances(db: Database, queue: Queue): Promise<void> {
  await db.transaction(async (tx) => {
    const due = await tx.query<{
      username: number;
      cash: string;
      threshold: number;
      name: string;
      email: string;
      language: Language | null;
      isWanted: boolean;
    }>(
      `UPDATE balance b SET warning_due = false FROM account a
       WHERE b.warning_due AND a.username = b.account
       RETURNING a.username, b.cash::text AS cash,
         a.notify_threshold AS threshold, a.name, a.email, a.language,
         a.notify AND a.closed_at IS NULL AND b.cash < a.notify_threshold AS "isWanted"`,
    );
    for (const { name, email, language, isWanted, ...balance } of due) {
      if (!isWanted) continue;
      await queueMessage(tx, queue, {
        to: email,
        name,
        language,
        message: { kind: 'low balance', ...balance },
      });
    }
  });
}

/** Queues a mail to each billing account that is suspended and was not informed of it yet. */
export async function tellOfStoppedCalls(db: Database, queue: Queue): Promise<void> {
  await db.transaction(async (tx) => {
    const changed = await tx.query<{ username: number; cash: string; isDue: boolean }>(
      `UPDATE balance b SET told_of_suspension = suspended FROM account a
       WHERE b.suspended <> b.told_of_suspension AND a.username = b.account
       RETURNING a.username, b.cash::text, b.suspended AND a.closed_at IS NULL AS "isDue"`,
    );
    for (const { username, cash, isDue } of changed) {
      if (!isDue) continue;
      await notifyAccount(tx, queue, username, { kind: 'calls stopped', username, cash });
    }
  });
}
