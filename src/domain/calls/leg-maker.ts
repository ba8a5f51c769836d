import type { Database } from '../../db/database.ts';

/** The call that made a leg. The leg began soon after that call. */
export interface LegMaker {
  /** the call's id as stored */
  id: string;
  beforeLeg: Date;
}

/**
 * Finds the accounts of the calls that made these legs. A call is looked up by its start, because
 * the start leads the key. So a call that began more than an hour before its leg is not found.
 * @returns usernames; undefined if the call is not stored
 */
export async function accountsOfMakers(
  db: Database,
  makers: LegMaker[],
): Promise<(number | undefined)[]> {
  const rows = await db.query<{ position: number; account: number }>(
    `SELECT m.position::int, c.account
     FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS m (id, at, position),
       LATERAL (SELECT account FROM call
         WHERE started_at BETWEEN m.at - interval '1 hour' AND m.at AND id = m.id
         LIMIT 1) AS c`,
    [makers.map(({ id }) => id), makers.map(({ beforeLeg }) => beforeLeg)],
  );
  const accounts = new Map(rows.map(({ position, account }) => [position, account]));
  return makers.map((_, n) => accounts.get(n + 1));
}
