import type { Database } from '../../db/database.ts';
import type { Queue } from '../../db/queue.ts';
import type { Language } from '../../language.ts';
import { notifyAccount, queueMessage } from '../mail/message.ts';
import { dueBalances, inPortions } from './portions.ts';

/**
 * Queues a mail for each account whose balance fell below its threshold by a debit. No mail is sent
 * if the balance is now at or above the threshold, or if its owner wants no mails.
 */
export async function warnLowBalances(db: Database, queue: Queue): Promise<void> {
  await inPortions(db, async (tx) => {
    const due = await tx.query<{
      username: number;
      cash: string;
      threshold: number;
      name: string;
      email: string;
      language: Language | null;
      isWanted: boolean;
    }>(
      `WITH ${dueBalances('warning_due')}
       UPDATE balance b SET warning_due = false FROM due d JOIN account a ON a.username = d.account
       WHERE b.account = d.account
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
    return due.length;
  });
}

/** Queues a mail to each billing account that is suspended and was not informed of it yet. */
export async function tellOfStoppedCalls(db: Database, queue: Queue): Promise<void> {
  await inPortions(db, async (tx) => {
    const changed = await tx.query<{ username: number; cash: string; isDue: boolean }>(
      `WITH ${dueBalances('suspended <> told_of_suspension')}
       UPDATE balance b SET told_of_suspension = suspended
       FROM due d JOIN account a ON a.username = d.account WHERE b.account = d.account
       RETURNING a.username, b.cash::text, b.suspended AND a.closed_at IS NULL AS "isDue"`,
    );
    for (const { username, cash, isDue } of changed) {
      if (!isDue) continue;
      await notifyAccount(tx, queue, username, { kind: 'calls stopped', username, cash });
    }
    return changed.length;
  });
}
