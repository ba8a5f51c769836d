import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { importedMatches, isImported, signInFloorMs } from './imported-password.ts';
import { anyForm, hashPassword, inHashSlot, matchesHash } from './password.ts';

/**
 * Checks the password of an account. Without an account it does the same work and returns false. A
 * right password replaces a hash of another system by one of this service; the API key stays,
 * because the password did not change.
 */
export async function checkPassword(
  db: Database,
  account: { username: number; phc: string } | undefined,
  password: string,
): Promise<boolean> {
  const floorMs = await signInFloorMs(db);
  const phc = account?.phc;
  const isForeign = phc !== undefined && isImported(phc);
  const { matches, ms } = await inHashSlot(async () => {
    const began = performance.now();
    const matches = isForeign
      ? await anyForm(password, (form) => importedMatches(form, phc))
      : await matchesHash(password, phc);
    return { matches, ms: performance.now() - began };
  });
  if (ms < floorMs) await sleep(floorMs - ms);
  if (account && matches && isForeign) await replaceImported(db, account, password);
  return matches;
}

/** Only if the hash is still the one that was checked. */
async function replaceImported(
  db: Database,
  { username, phc }: { username: number; phc: string },
  password: string,
): Promise<void> {
  const hash = await hashPassword(password);
  try {
    await db.query(
      'UPDATE account SET password_hash = $3 WHERE username = $1 AND password_hash = $2',
      [username, phc, hash],
    );
  } catch (error) {
    // The password was right, even while the database cannot write.
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}
