import type { Database, Queryable } from '../../db/database.ts';
import { inOneTransaction } from '../../db/one-transaction.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit } from '../audit.ts';
import { addressKey } from '../email-address.ts';
import { queueMessage } from '../mail/message.ts';
import { lockOpenAccount } from '../open-account.ts';
import { changeAccount } from './account.ts';
import { issueToken, mayMailToken, redeemToken, type TokenState } from './token.ts';
import { markVerified } from './verification.ts';

/** One of the two addresses that confirm a change. */
export type ConfirmingAddress = 'before' | 'after';

/** A change of an e-mail address that was asked for and is not made yet. */
export interface AddressChange {
  /** the new address */
  email: string;
  beforeConfirmed: boolean;
  afterConfirmed: boolean;
}

/**
 * Asks for another e-mail address. It is changed once the links that are mailed to the old and to
 * the new address were both used; a new request voids the earlier one. Accounts may share an
 * address, so the answer does not tell whether another account has it.
 * @returns 'same' if the account has this address, 'too often' if it has got too many mails
 * @throws Refusal 'not found'
 */
export function requestAddressChange(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  { username, email }: { username: number; email: string },
): Promise<'mailed' | 'same' | 'too often'> {
  return db.transaction(async (tx) => {
    const account = await lockOpenAccount(tx, username);
    const { name, language, timeZone } = account;
    if (addressKey(account.email) === addressKey(email)) return 'same';
    if (!(await mayMailToken(tx, account.email, now))) return 'too often';
    await tx.query(
      `INSERT INTO address_change (account, email, requested_at) VALUES ($1, $2, $3)
       ON CONFLICT (account) DO UPDATE SET email = $2, requested_at = $3,
         before_confirmed_at = NULL, after_confirmed_at = NULL`,
      [username, email, now],
    );
    const addresses = { before: account.email, after: email };
    for (const by of ['before', 'after'] as const) {
      const token = await issueToken(tx, { keyring, now }, username, PURPOSE[by]);
      const message = { kind: 'confirm address', username, token, by, ...addresses } as const;
      await queueMessage(tx, queue, { to: addresses[by], name, language, timeZone, message });
    }
    const detail = { email };
    await audit(tx, actor, { action: 'address change requested', account: username, detail }, now);
    return 'mailed';
  });
}

export const PURPOSE = { before: 'address before', after: 'address after' } as const;

/**
 * Confirms a change of address by the link of one address. The second confirmation changes it.
 * @returns the state of the link; `changed` says whether the address is changed now
 */
export function confirmAddressChange(
  db: Database,
  actor: Actor,
  { keyring, queue, now }: CredentialTools,
  { token, by }: { token: string; by: ConfirmingAddress },
): Promise<TokenState & { changed?: boolean }> {
  return inOneTransaction(
    db,
    async () => undefined,
    async (joined) => {
      const { link, email } = await joined.transaction((tx) =>
        confirm(tx, { keyring, now }, token, by),
      );
      if (link.state !== 'good' || email === undefined) return { ...link, changed: false };
      const { username } = link;
      await changeAccount(joined, actor, { queue, now }, username, { email });
      await joined.transaction(async (tx) => {
        await markVerified(tx, username, now);
        await tx.query('DELETE FROM address_change WHERE account = $1', [username]);
      });
      return { ...link, changed: true };
    },
  );
}

/** @returns the new address once both addresses have confirmed it */
async function confirm(
  tx: Queryable,
  tools: Pick<CredentialTools, 'keyring' | 'now'>,
  token: string,
  by: ConfirmingAddress,
): Promise<{ link: TokenState; email?: string | undefined }> {
  const link = await redeemToken(tx, tools, token, PURPOSE[by]);
  if (link.state !== 'good') return { link };
  const [row] = await tx.query<{ email: string; isWhole: boolean }>(
    `UPDATE address_change SET ${by}_confirmed_at = $2 WHERE account = $1
     RETURNING email,
       before_confirmed_at IS NOT NULL AND after_confirmed_at IS NOT NULL AS "isWhole"`,
    [link.username, tools.now],
  );
  return { link, email: row?.isWhole ? row.email : undefined };
}

/** The change of address that waits for a confirmation. @param since older requests have expired */
export async function waitingAddressChange(
  db: Queryable,
  username: number,
  since: Date,
): Promise<AddressChange | undefined> {
  const [row] = await db.query<AddressChange>(
    `SELECT email, before_confirmed_at IS NOT NULL AS "beforeConfirmed",
       after_confirmed_at IS NOT NULL AS "afterConfirmed", requested_at AS "requestedAt"
     FROM address_change WHERE account = $1 AND requested_at > $2`,
    [username, since],
  );
  return row;
}
