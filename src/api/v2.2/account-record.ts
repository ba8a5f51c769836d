import type { Database } from '../../db/database.ts';
import { SEES_BALANCE } from '../../domain/books/balance.ts';
import { isLimitReached } from '../../domain/books/day-limit.ts';
import { unauthorized } from '../../domain/refusal.ts';

// The form that the document of v2.2 allows.
const CALLER_ID = /^[2-9][0-9]{2}[2-9][0-9]{6}$/;

interface Row {
  members: string;
  cash: string | null;
  callerId: string;
  ccs: number | null;
  nibble: string;
  intlMax: string | null;
}

/**
 * The record of a key's account, in one indexed read. Missing values, and a caller ID that is not a
 * North American number, are left out here. In PostgreSQL that would take longer than all the rest.
 * @param digest of the account's API key
 * @returns JSON text of its members, so that no amount becomes a binary float
 * @throws Refusal 'unauthorized' if no open account has the key
 */
export async function accountMembers(db: Database, digest: Buffer): Promise<string> {
  const row = await db.find<Row>(
    'account-record-v2.2',
    `SELECT k.n, json_build_object(
       'username', a.username::text,
       'name', a.name,
       'email', a.email,
       'enabled', a.enabled AND NOT b.suspended AND NOT ${isLimitReached('now()')},
       'created', to_char(a.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       'timezone', a.time_zone,
       'authType', 0,
       'notify', a.notify,
       'notifyThreshold', a.notify_threshold)::text AS members,
       CASE WHEN ${SEES_BALANCE} THEN trim_scale(b.cash) END::text AS cash,
       a.caller_id AS "callerId", a.max_calls AS ccs, trim_scale(a.rate)::text AS nibble,
       trim_scale(a.max_rate)::text AS "intlMax"
     FROM unnest($1::bytea[]) WITH ORDINALITY AS k (digest, n)
       JOIN account a ON a.key_digest = k.digest AND a.closed_at IS NULL
       JOIN balance b ON b.account = a.master_account`,
    digest,
  );
  if (!row) throw unauthorized();
  const cash = row.cash === null ? '' : `,"cash":${row.cash}`;
  const callerId = CALLER_ID.test(row.callerId) ? `,"callerId":"${row.callerId}"` : '';
  const ccs = row.ccs === null ? '' : `,"ccs":${row.ccs}`;
  const intlMax = row.intlMax === null ? '' : `,"intlMax":${row.intlMax}`;
  return `${row.members.slice(1, -1)}${cash}${callerId}${ccs},"rates":{"nibble":${row.nibble}${intlMax}}`;
}
