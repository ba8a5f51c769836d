import { notifyAccount } from '../domain/mail/message.ts';
import type { Service } from '../service.ts';

/** Queues one mail to each account that pays whose calls are suspended and that does not know. */
export async function tellOfStoppedCalls({ db, queue }: Service): Promise<void> {
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
