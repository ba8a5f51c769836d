import type { Queryable } from '../db/database.ts';
import type { StaffRole } from './role.ts';

/** Who changes something, and from where. */
export interface Actor {
  /** such as `operator root`, `administrator 2345678901` or `recovery` */
  who: string;
  /** such as `command line`, `api 192.0.2.1` or `portal 192.0.2.1` */
  from: string;
}

export interface AuditEntry {
  id: number;
  at: Date;
  actor: string;
  origin: string;
  action: string;
  account: number | null;
  detail: object;
}

/** A member of the staff who uses the API or the portal. */
export function staffAt(role: StaffRole, username: number, from: string): Actor {
  return { who: `${role} ${username}`, from };
}

/** A customer who changes the own account. */
export function customerAt(username: number, from: string): Actor {
  return { who: `customer ${username}`, from };
}

/**
 * Appends to the audit trail, in the transaction that makes the change.
 * @param entry.action a noun and what was done to it, such as `account changed`
 * @param entry.detail what changed, never a secret
 */
export async function audit(
  tx: Queryable,
  actor: Actor,
  entry: { action: string; account?: number | undefined; detail?: object },
  now: Date,
): Promise<void> {
  const { action, account = null, detail = {} } = entry;
  await tx.query(
    `INSERT INTO audit_entry (at, actor, origin, action, account, detail)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [now, actor.who, actor.from, action, account, JSON.stringify(detail)],
  );
}

/** The members that differ, such as `{ rate: { before: '0.0075', after: '0.025' } }`. */
export function differences<Row extends object>(before: Row, after: Row): object {
  const names = Object.keys(after) as (keyof Row)[];
  const changed = names.filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  return Object.fromEntries(
    changed.map((name) => [name, { before: before[name], after: after[name] }]),
  );
}

/**
 * Entries of the audit trail that match a filter, newest first.
 * @param page.before the last id already seen
 */
export function searchAudit(
  db: Queryable,
  filter: {
    account?: number | undefined;
    /** the whole text, such as `administrator 2345678901` */
    actor?: string | undefined;
    /** part of the actor's text, in any case */
    person?: string | undefined;
    actions?: string[] | undefined;
    from?: Date | undefined;
    /** the first moment after the range */
    to?: Date | undefined;
  },
  page: { before?: number | undefined; limit: number },
): Promise<AuditEntry[]> {
  return db.query<AuditEntry>(
    `SELECT id, at, actor, origin, action, account, detail FROM audit_entry
     WHERE ($1::bigint IS NULL OR account = $1) AND ($2::text IS NULL OR actor = $2)
       AND ($3::text[] IS NULL OR action = ANY ($3)) AND ($4::timestamptz IS NULL OR at >= $4)
       AND ($5::timestamptz IS NULL OR at < $5) AND ($6::bigint IS NULL OR id < $6)
       AND ($8::text IS NULL OR strpos(lower(actor), lower($8)) > 0)
     ORDER BY id DESC LIMIT $7`,
    [
      filter.account ?? null,
      filter.actor ?? null,
      filter.actions ?? null,
      filter.from ?? null,
      filter.to ?? null,
      page.before ?? null,
      page.limit,
      filter.person ?? null,
    ],
  );
}
