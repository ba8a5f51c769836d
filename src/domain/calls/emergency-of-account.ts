import type { Queryable } from '../../db/database.ts';
import { isEmergencyNumber, isEmergencySomewhere } from '../emergency-numbers.ts';
import type { ReportedCall } from './call.ts';

const NOWHERE: ReadonlySet<string> = new Set();

/**
 * Whether digits are an emergency number in an account's own country. That is not known for an
 * account without a country, or an unknown one.
 * @param digits as they were dialled
 */
export async function isEmergencyOfAccount(
  db: Queryable,
  account: number,
  digits: string,
): Promise<boolean> {
  if (!isEmergencySomewhere(digits)) return false;
  const countries = await countriesOf(db, [account]);
  return isEmergencyNumber(NOWHERE, countries.get(account), digits);
}

/** Marks calls to emergency numbers of the callers' own countries. Few calls need the database. */
export async function markEmergenciesOfAccounts(
  db: Queryable,
  calls: ReportedCall[],
): Promise<void> {
  const possible = calls.filter(
    ({ account, isEmergency, called, dialled = called }) =>
      account !== undefined && !isEmergency && isEmergencySomewhere(dialled),
  );
  if (possible.length === 0) return;
  const countries = await countriesOf(
    db,
    possible.map(({ account }) => account as number),
  );
  for (const call of possible) {
    const country = countries.get(call.account as number);
    if (isEmergencyNumber(NOWHERE, country, call.dialled ?? call.called)) call.isEmergency = true;
  }
}

async function countriesOf(db: Queryable, accounts: number[]): Promise<Map<number, string>> {
  const rows = await db.query<{ username: number; country: string }>(
    'SELECT username, country FROM account WHERE username = ANY ($1) AND country IS NOT NULL',
    [accounts],
  );
  return new Map(rows.map(({ username, country }) => [username, country]));
}
