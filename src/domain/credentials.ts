import type { Database } from '../db/database.ts';
import { lockOpenAccount } from './account.ts';
import { rotateKey } from './api-key.ts';
import { type Actor, audit } from './audit.ts';
import type { Keyring } from './keyring.ts';
import { generatePassword, hashPassword } from './password.ts';

/**
 * Gives an open account a new API key; the old one is refused from then on.
 * @returns the new key @throws Refusal 'not found'
 */
export function renewKey(
  db: Database,
  actor: Actor,
  keyring: Keyring,
  username: number,
  now: Date,
): Promise<string> {
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await audit(tx, actor, { action: 'key renewed', account: username }, now);
    return rotateKey(tx, keyring, username);
  });
}

/**
 * Gives an open account a generated password and a new API key. Recovery links mailed before no
 * longer work, since whoever has one could take the account back.
 * @throws Refusal 'not found'
 */
export async function renewPassword(
  db: Database,
  actor: Actor,
  keyring: Keyring,
  username: number,
  now: Date,
): Promise<{ password: string; apikey: string }> {
  const password = generatePassword();
  const passwordHash = await hashPassword(password);
  return db.transaction(async (tx) => {
    await lockOpenAccount(tx, username);
    await tx.query(
      `UPDATE token SET voided_at = $2
       WHERE account = $1 AND purpose = 'recovery' AND used_at IS NULL AND voided_at IS NULL`,
      [username, now],
    );
    await audit(tx, actor, { action: 'password renewed', account: username }, now);
    return { password, apikey: await rotateKey(tx, keyring, username, passwordHash) };
  });
}
