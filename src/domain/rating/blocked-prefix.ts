import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { Refusal, unknownAccount } from '../refusal.ts';

/** Numbers that may not be called. */
export interface BlockedPrefix {
  /** digits, the country code first */
  prefix: string;
  /** null: blocked for everyone; a billing account: blocked for its sub-accounts too */
  account: number | null;
  reason: string;
  createdAt: Date;
}

/**
 * Blocks prefixes; one that is blocked already gets the new reason. Emergency calls stay allowed.
 * A prefix that begins like an emergency number, such as 91 (India), may be blocked; the emergency
 * number itself may not.
 * @returns the newly blocked prefixes
 * @throws Refusal 'not found' for an unknown account, 'conflict' for an emergency number
 */
export async function blockPrefixes(
  db: Database,
  actor: Actor,
  block: {
    prefixes: string[];
    account: number | null;
    reason: string;
    emergencyNumbers: ReadonlySet<string>;
  },
  now: Date,
): Promise<string[]> {
  const { prefixes, account, reason, emergencyNumbers } = block;
  const emergency = prefixes.find((prefix) => emergencyNumbers.has(prefix));
  if (emergency) {
    throw new Refusal('conflict', `${emergency} is an emergency number, which nothing may block`, {
      problem: { key: 'emergencyPrefix', prefix: emergency },
    });
  }
  return db.transaction(async (tx) => {
    if (account !== null) await requireAccount(tx, account);
    const rows = await tx.query<{ prefix: string; isNew: boolean }>(
      `INSERT INTO blocked_prefix AS b (prefix, account, reason, created_at)
       SELECT DISTINCT p.prefix, $2::bigint, $3, $4::timestamptz FROM unnest($1::text[]) AS p (prefix)
       ON CONFLICT ON CONSTRAINT blocked_prefix_once DO UPDATE SET reason = excluded.reason
         WHERE b.reason <> excluded.reason
       RETURNING prefix, NOT EXISTS (SELECT FROM blocked_prefix o
         WHERE o.prefix = b.prefix AND o.account IS NOT DISTINCT FROM b.account) AS "isNew"`,
      [prefixes, account, reason, now],
    );
    const changed = rows.map((row) => row.prefix).sort();
    if (changed.length > 0) {
      const detail = { prefixes: changed, reason };
      await audit(
        tx,
        actor,
        { action: 'prefixes blocked', account: account ?? undefined, detail },
        now,
      );
    }
    return rows.flatMap(({ prefix, isNew }) => (isNew ? [prefix] : [])).sort();
  });
}

/** @throws Refusal 'not found' if one of them is not blocked; then all stay blocked */
export async function unblockPrefixes(
  db: Database,
  actor: Actor,
  { prefixes, account }: { prefixes: string[]; account: number | null },
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const rows = await tx.query<{ prefix: string }>(
      `DELETE FROM blocked_prefix WHERE prefix = ANY($1) AND account IS NOT DISTINCT FROM $2::bigint
       RETURNING prefix`,
      [prefixes, account],
    );
    const unblocked = rows.map((row) => row.prefix).sort();
    const missing = prefixes.find((prefix) => !unblocked.includes(prefix));
    if (missing) {
      const whom = account === null ? 'everyone' : account;
      throw new Refusal('not found', `${missing} is not blocked for ${whom}`);
    }
    const detail = { prefixes: unblocked };
    await audit(
      tx,
      actor,
      { action: 'prefixes unblocked', account: account ?? undefined, detail },
      now,
    );
  });
}

/** @param account only prefixes that are blocked for this account alone */
export function listBlocked(db: Queryable, account?: number): Promise<BlockedPrefix[]> {
  return db.query<BlockedPrefix>(
    `SELECT prefix, account, reason, created_at AS "createdAt" FROM blocked_prefix
     WHERE $1::bigint IS NULL OR account = $1 ORDER BY prefix COLLATE "C", account NULLS FIRST`,
    [account ?? null],
  );
}

async function requireAccount(tx: Queryable, account: number): Promise<void> {
  const rows = await tx.query('SELECT 1 FROM account WHERE username = $1 FOR KEY SHARE', [account]);
  if (rows.length === 0) throw unknownAccount(account);
}
