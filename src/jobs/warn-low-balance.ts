import { queueMessage } from '../domain/mail/message.ts';
import type { Language } from '../language.ts';
import type { Service } from '../service.ts';

/**
 * Queues one mail for each crossing of a threshold that a debit noted, unless the balance is no
 * longer below the threshold of today or its owner wants no mails any more.
 */
export async function warnLowBalances({ db, queue }: Service): Promise<void> {
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
