import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';

/** A monthly service that an account has now. */
export interface ServiceRecord {
  id: number;
  account: number;
  description: string;
  /** money a month */
  monthly: Decimal;
  addedAt: Date;
}

/** A phone number that an account has now. */
export interface NumberRecord {
  number: string;
  account: number;
  /** money a month */
  monthly: Decimal;
  addedAt: Date;
}

/** The services of some accounts, in the order of addition. */
export function servicesOf(
  db: Queryable,
  accounts: number[],
  page: { after?: number; limit?: number } = {},
): Promise<ServiceRecord[]> {
  return db.query<ServiceRecord>(
    `SELECT id, account, description, monthly::text, added_at AS "addedAt" FROM service
     WHERE account = ANY ($1::bigint[]) AND removed_at IS NULL AND id > $2 ORDER BY id LIMIT $3`,
    [accounts, page.after ?? 0, page.limit ?? null],
  );
}

/**
 * The numbers that accounts have now, ordered by number.
 * @param filter.prefix first characters of the stored number
 * @param filter.updatedSince only numbers that were given to their account since
 * @param filter.reach only numbers of accounts that one of these pays for
 * @param page.after the last number already seen
 */
export function listNumbersOfAll(
  db: Queryable,
  filter: {
    accounts?: number[] | undefined;
    prefix?: string | undefined;
    updatedSince?: Date | undefined;
    reach?: number[] | undefined;
  },
  page: { after?: string; limit?: number } = {},
): Promise<NumberRecord[]> {
  return db.query<NumberRecord>(
    `SELECT n.number, n.account, n.monthly::text, n.added_at AS "addedAt"
     FROM number n JOIN account a ON a.username = n.account
     WHERE n.removed_at IS NULL AND n.number > $1 COLLATE "C"
       AND ($2::bigint[] IS NULL OR n.account = ANY ($2)) AND starts_with(n.number, $3)
       AND ($4::timestamptz IS NULL OR n.added_at >= $4)
       AND ($5::bigint[] IS NULL OR a.master_account = ANY ($5))
     ORDER BY n.number COLLATE "C" LIMIT $6`,
    [
      page.after ?? '',
      filter.accounts ?? null,
      filter.prefix ?? '',
      filter.updatedSince ?? null,
      filter.reach ?? null,
      page.limit ?? null,
    ],
  );
}

/** A number with the account that has it now. @throws Refusal 'not found' */
export async function findNumber(
  db: Queryable,
  number: string,
  reach?: number[],
): Promise<NumberRecord> {
  const [found] = await db.query<NumberRecord>(
    `SELECT n.number, n.account, n.monthly::text, n.added_at AS "addedAt"
     FROM number n JOIN account a ON a.username = n.account
     WHERE n.number = $1 AND n.removed_at IS NULL
       AND ($2::bigint[] IS NULL OR a.master_account = ANY ($2))`,
    [number, reach ?? null],
  );
  if (!found) throw new Refusal('not found', `no account has the number ${number}`);
  return found;
}
