import type { Database } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { recordEvent } from '../event.ts';

const ACTOR: Actor = { who: 'service', from: 'schedule' };

/** Ends the limits that accounts have in their first 30 days only. */
export async function endNewLimits(db: Database, now: Date): Promise<void> {
  await db.transaction(async (tx) => {
    const ended = await tx.query<{ account: number; name: string; before: string }>(
      `WITH due AS (
         SELECT account, day_limit FROM balance WHERE day_limit_until <= $1
         ORDER BY account FOR UPDATE
       ), unlimited AS (
         UPDATE balance b SET day_limit = NULL, day_limit_until = NULL, limit_level = 0,
           limit_due = false
         FROM due WHERE b.account = due.account
         RETURNING b.account, 'dayLimit' AS name, due.day_limit AS before
       ), unrated AS (
         UPDATE account a SET max_rate = NULL, max_rate_until = NULL FROM account was
         WHERE was.username = a.username AND a.max_rate_until <= $1
         RETURNING a.username, 'maxRate', was.max_rate
       )
       SELECT account, name, before::text FROM unlimited
       UNION ALL SELECT username, 'maxRate', max_rate::text FROM unrated`,
      [now],
    );
    for (const { account, name, before } of ended) {
      const detail = { [name]: { before, after: null } };
      await tx.query('UPDATE account SET updated_at = $2 WHERE username = $1', [account, now]);
      await audit(tx, ACTOR, { action: 'account changed', account, detail }, now);
      const data = { changes: detail };
      await recordEvent(tx, { type: 'account.updated', account, data }, now);
    }
  });
}
