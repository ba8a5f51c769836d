import type { Queryable } from '../../db/database.ts';

const EXPIRES_SOON_DAYS = 14;

/** Records an event for each key that expires within 14 days, and another one within one day. */
export async function announceExpiringKeys(db: Queryable, now: Date): Promise<void> {
  await db.query(
    `WITH due AS (
       UPDATE operator_key SET announced_days = CASE
         WHEN expires_at <= $1::timestamptz + interval '1 day' THEN 1 ELSE ${EXPIRES_SOON_DAYS} END
       WHERE revoked_at IS NULL AND expires_at > $1
         AND expires_at <= $1::timestamptz + interval '1 day' * coalesce(
           CASE WHEN announced_days IS NOT NULL THEN 1 END, ${EXPIRES_SOON_DAYS})
         AND announced_days IS DISTINCT FROM 1
       RETURNING id, name, scopes, expires_at
     )
     INSERT INTO event (type, at, data)
     SELECT 'key.expiring', $1, jsonb_build_object('key', id, 'name', name, 'scopes', scopes,
       'expiresAt', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
     FROM due`,
    [now],
  );
}

/** How many keys are valid now, and how many of them expire within two weeks. */
export async function countOperatorKeys(
  db: Queryable,
  now: Date,
): Promise<{ active: number; expiring: number }> {
  const [row] = await db.query<{ active: number; expiring: number }>(
    `SELECT count(*)::int AS active, count(*) FILTER (
       WHERE expires_at <= $1::timestamptz + interval '${EXPIRES_SOON_DAYS} days')::int AS expiring
     FROM operator_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)`,
    [now],
  );
  return row ?? { active: 0, expiring: 0 };
}
