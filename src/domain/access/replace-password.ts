import type { Queryable } from '../../db/database.ts';
import type { Keyring } from '../sealing/keyring.ts';
import { rotateKey } from './api-key.ts';
import { revokeNamedKeys } from './named-key.ts';
import { endSessions } from './session.ts';

/**
 * Sets a password. A person who knew the old one must not keep access, so the API key is replaced,
 * the named keys are revoked, and all sessions of the account end.
 * @param input.hash the result of `hashPassword` for the new password
 * @returns the new API key
 * @throws Refusal 'unauthorized' if there is no such account
 */
export async function replacePassword(
  tx: Queryable,
  keyring: Keyring,
  { username, hash, now }: { username: number; hash: string; now: Date },
): Promise<string> {
  const key = await rotateKey(tx, keyring, username);
  await tx.query(
    'UPDATE account SET password_hash = $2, password_unset = false WHERE username = $1',
    [username, hash],
  );
  await revokeNamedKeys(tx, username, now);
  await endSessions(tx, username);
  return key;
}
