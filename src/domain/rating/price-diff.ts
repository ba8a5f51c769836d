import type { Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';

/** A prefix with different prices at two moments; null: it has no price then. */
export interface PriceDifference {
  prefix: string;
  name: string;
  before: PriceAt | null;
  after: PriceAt | null;
}

export interface PriceAt {
  /** money per minute */
  rate: Decimal;
  minimumSeconds: number | null;
  incrementSeconds: number | null;
  connectFee: Decimal;
  minimumCharge: Decimal;
}

const AT = (moment: string) => `SELECT prefix, name, json_build_object('rate', rate::text,
    'minimumSeconds', minimum_seconds, 'incrementSeconds', increment_seconds,
    'connectFee', connect_fee::text, 'minimumCharge', minimum_charge::text) AS terms
  FROM price WHERE list = $1 AND valid_from <= ${moment} AND valid_until > ${moment}`;

/**
 * The prices of a list that differ between two moments, by prefix.
 * @param page.after the last prefix already seen
 */
export function diffPrices(
  db: Queryable,
  list: string,
  [first, second]: [Date, Date],
  page: { after: string; limit: number },
): Promise<PriceDifference[]> {
  return db.query<PriceDifference>(
    `SELECT prefix, coalesce(b.name, a.name) AS name, a.terms AS before, b.terms AS after
     FROM (${AT('$2::timestamptz')}) a FULL JOIN (${AT('$3::timestamptz')}) b USING (prefix)
     WHERE a.terms::text IS DISTINCT FROM b.terms::text AND prefix > $4 COLLATE "C"
     ORDER BY prefix COLLATE "C" LIMIT $5`,
    [list, first, second, page.after, page.limit],
  );
}
