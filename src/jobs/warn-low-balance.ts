import { queueMessage } from '../domain/message.ts';
import type { Service } from '../service.ts';

/** Queues one mail for each crossing of a threshold that a debit noted. */
export async function warnLowBalances({ db, queue }: Service): Promise<void> {
  await db.transaction(async (tx) => {
    const due = await tx.query<{
      username: number;
      cash: string;
      threshold: number;
      name: string;
      email: string;
    }>(
      `UPDATE balance b SET warning_due = false FROM account a
       WHERE b.warning_due AND a.username = b.account
       RETURNING a.username, round(b.cash, 2)::text AS cash,
         a.notify_threshold AS threshold, a.name, a.email`,
    );
    for (const { name, email, ...balance } of due) {
      await queueMessage(tx, queue, {
        to: email,
        name,
        message: { kind: 'low balance', ...balance },
      });
    }
  });
}
