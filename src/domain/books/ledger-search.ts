import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { IS_PAID, IS_REVERSED } from './credit-on-invoice.ts';
import type { LedgerEntry, LedgerKind } from './ledger.ts';

/** An entry with its account and, for a monthly charge, its lines. */
export interface EntryRecord extends LedgerEntry {
  account: number;
  lines: {
    month: string;
    item: string;
    owner: number;
    name: string;
    days: number;
    amount: Decimal;
  }[];
}

export interface EntryFilter {
  account?: number | undefined;
  id?: number | undefined;
  kinds?: LedgerKind[] | undefined;
  references?: string[] | undefined;
  from?: Date | undefined;
  /** the first moment after the range */
  to?: Date | undefined;
  /** only entries of these billing accounts */
  reach?: number[] | undefined;
}

/**
 * Entries of the ledger that match a filter, newest first.
 * @param page.before the last id already seen
 */
export function searchEntries(
  db: Queryable,
  filter: EntryFilter,
  page: { before?: number | undefined; limit: number },
): Promise<EntryRecord[]> {
  return db.query<EntryRecord>(
    `SELECT e.id, e.account, e.kind, e.amount::text, e.reason, e.reference, e.actor,
       e.created_at AS "createdAt",
       ${IS_REVERSED} AS reversed, ${IS_PAID} AS paid,
       (SELECT coalesce(json_agg(json_build_object('month', to_char(l.month, 'YYYY-MM'),
          'item', l.item, 'owner', l.owner::text, 'name', l.name, 'days', l.days,
          'amount', l.amount::text)
          ORDER BY l.month DESC, l.item DESC, l.name, l.owner, l.item_id), '[]')
        FROM charge_line l WHERE l.account = e.account AND l.entry = e.id) AS lines
     FROM ledger_entry e
     WHERE ($1::bigint IS NULL OR e.account = $1) AND ($2::bigint IS NULL OR e.id = $2)
       AND ($3::text[] IS NULL OR e.kind = ANY ($3))
       AND ($4::text[] IS NULL OR e.reference = ANY ($4))
       AND ($5::timestamptz IS NULL OR e.created_at >= $5)
       AND ($6::timestamptz IS NULL OR e.created_at < $6)
       AND ($7::bigint[] IS NULL OR e.account = ANY ($7)) AND ($8::bigint IS NULL OR e.id < $8)
     ORDER BY e.id DESC LIMIT $9`,
    [
      filter.account ?? null,
      filter.id ?? null,
      filter.kinds ?? null,
      filter.references ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.reach ?? null,
      page.before ?? null,
      page.limit,
    ],
  );
}

/** @throws Refusal 'not found' */
export async function findEntry(db: Queryable, account: number, id: number): Promise<EntryRecord> {
  const [entry] = await searchEntries(db, { account, id }, { limit: 1 });
  if (!entry) throw new Refusal('not found', `${account} has no ledger entry ${id}`);
  return entry;
}
