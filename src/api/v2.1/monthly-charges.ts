import type { Database } from '../../db/database.ts';
import { unauthorized } from '../../domain/refusal.ts';

/**
 * The monthly charges of a key's account, in the order of `mrc`: services by description, then
 * `did`, then `total`. A billing account also gets what it pays for sub-accounts.
 * @param digest of the account's API key
 * @returns JSON text of the array, so that no amount becomes a binary float
 * @throws Refusal 'unauthorized' if no open account has the key
 */
export async function monthlyCharges(db: Database, digest: Buffer): Promise<string> {
  const [row] = await db.read<{ list: string | null }>(
    'monthly-charges',
    `WITH caller AS (
       SELECT username FROM account WHERE key_digest = $1 AND closed_at IS NULL
     ), paid AS (
       SELECT username FROM caller
       UNION SELECT a.username FROM caller c JOIN account a ON a.master_account = c.username
       WHERE a.closed_at IS NULL
     ), services AS (
       SELECT description, sum(monthly) AS monthly FROM service
       WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
       GROUP BY description
     ), numbers AS (
       SELECT coalesce(sum(monthly), 0) AS monthly FROM number
       WHERE account IN (SELECT username FROM paid) AND removed_at IS NULL
     )
     SELECT jsonb_agg(jsonb_build_object(name, trim_scale(monthly)) ORDER BY place, name)::text
       AS list
     FROM (
       SELECT 1 AS place, description AS name, monthly FROM services
       UNION ALL SELECT 2, 'did', monthly FROM numbers
       UNION ALL SELECT 3, 'total',
         (SELECT coalesce(sum(monthly), 0) FROM services) + (SELECT monthly FROM numbers)
     ) AS rows
     WHERE EXISTS (SELECT FROM caller)`,
    [digest],
  );
  if (!row?.list) throw unauthorized();
  return row.list;
}
