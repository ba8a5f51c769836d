import type { Database, Queryable } from '../db/database.ts';
import type { Queue } from '../db/queue.ts';
import type { Keyring } from './keyring.ts';
import { queueMessage } from './message.ts';
import { creditPromotion } from './promotion.ts';
import { issueToken, mayMailToken, redeemToken, type TokenState } from './token.ts';

/** Queues the mail whose link verifies an address; an older link no longer works. */
export async function sendVerification(
  tx: Queryable,
  keyring: Keyring,
  queue: Queue,
  account: { username: number; name: string; email: string; now: Date },
): Promise<void> {
  const { username, name, email, now } = account;
  if (!(await mayMailToken(tx, email, now))) return;
  const token = await issueToken(tx, keyring, username, 'verification', now);
  const message = { kind: 'verification', username, token } as const;
  await queueMessage(tx, queue, { to: email, name, message });
}

/** Redeems a verification token: the account is verified and gets the promotion it signed up with. */
export async function verifyAccount(
  db: Database,
  keyring: Keyring,
  token: string,
  now: Date,
): Promise<TokenState> {
  return db.transaction(async (tx) => {
    const result = await redeemToken(tx, keyring, token, 'verification', now);
    if (result.state !== 'good') return result;
    await tx.query(
      'UPDATE account SET verified_at = coalesce(verified_at, $2) WHERE username = $1',
      [result.username, now],
    );
    await creditPromotion(tx, result.username, now);
    return result;
  });
}
