import type { Database } from '../../db/database.ts';
import { SEES_BALANCE } from '../../domain/books/balance.ts';
import { isLimitReached } from '../../domain/books/day-limit.ts';
import { unauthorized } from '../../domain/refusal.ts';

/**
 * The record of `info` for the account of a key, in one indexed read.
 * @param digest of the account's API key
 * @returns JSON text, so that no amount becomes a binary float
 * @throws Refusal 'unauthorized' if no open account has the key
 */
export async function accountRecord(db: Database, digest: Buffer): Promise<string> {
  const row = await db.find<{ record: string }>(
    'account-record',
    `SELECT k.n, json_build_object(
       'name', a.name,
       'rate', trim_scale(a.rate),
       'enabled', a.enabled AND NOT b.suspended AND NOT ${isLimitReached('now()')},
       'notify_threshold', a.notify_threshold,
       'username', a.username::text,
       'caller_id', a.caller_id,
       'notify', a.notify,
       'email', a.email,
       'created', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
       'cash', CASE WHEN ${SEES_BALANCE} THEN trim_scale(b.cash) ELSE 0 END)::text AS record
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN account a ON a.key_digest = k.digest AND a.closed_at IS NULL
       JOIN balance b ON b.account = a.master_account`,
    digest,
  );
  if (!row) throw unauthorized();
  return row.record;
}
