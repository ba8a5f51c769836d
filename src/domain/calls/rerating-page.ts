import {
  billedSeconds,
  feeOf,
  joinDestination,
  PRICE_LIST,
  price,
  rateOf,
} from '../rating/rating.ts';

/** The most calls that one statement reads. */
export const BATCH = 2_000;

/** Which calls to rerate. */
export interface ReratingRange {
  from: Date;
  /** the first moment after the range */
  to: Date;
  /** only calls made by this account or billed to it */
  account?: number | undefined;
  /** only calls of accounts with this price list now */
  priceList?: string | undefined;
}

// In the order of the key (start, id), because its index finds the next page at once. Retired calls
// are skipped.
const PAGE = `
SELECT c.* FROM call c JOIN account a ON a.username = c.account
WHERE c.started_at >= coalesce($1::timestamptz, $3) AND c.started_at < $4
  AND c.started_at >= coalesce((SELECT kept_from FROM call_retention), '-infinity')
  AND ($1::timestamptz IS NULL OR (c.started_at, c.id) > ($1, $2::uuid))
  AND ($5::bigint IS NULL OR c.account = $5 OR c.billing_account = $5)
  AND ($6::text IS NULL OR ${PRICE_LIST} = $6)
ORDER BY c.started_at, c.id LIMIT ${BATCH}`;

const NEW = ['new_rate', 'new_seconds', 'connect_fee', 'minimum_charge'] as const;

/**
 * SQL: `page`, and `changed`: the calls of the page whose cost differs at the prices known now for
 * their start. Calls that a switch debited are skipped.
 */
export const RATED = `
page AS (${PAGE}), rated AS (
  SELECT c.billing_account, c.account, c.started_at, c.id, c.rate, c.billed_seconds, c.amount, c.fee,
    (d.price).connect_fee, (d.price).minimum_charge,
    ${rateOf('c.emergency')} AS new_rate,
    ${billedSeconds(
      'c.talk_microseconds',
      'coalesce((d.price).minimum_seconds, a.minimum_seconds)',
      'coalesce((d.price).increment_seconds, a.increment_seconds)',
    )} AS new_seconds
  FROM page c JOIN account a ON a.username = c.account
    ${joinDestination('c.called', 'c.started_at', 'c.emergency')}
  WHERE c.debited
), priced AS (
  SELECT *, ${price(...NEW)} AS new_amount, ${feeOf(price(...NEW), NEW)} AS new_fee FROM rated
), changed AS (
  SELECT * FROM priced
  WHERE (rate, billed_seconds, coalesce(fee, 0)) <> (new_rate, new_seconds, coalesce(new_fee, 0))
)`;

/** What the next page needs from this one. */
export interface RatedPage {
  /** calls that were read */
  calls: number;
  startedAt: Date;
  id: string;
}

/** SQL of a `RatedPage`. */
export const LAST_OF_PAGE = `(SELECT count(*) FROM page) AS calls,
  (SELECT max(started_at) FROM page) AS "startedAt",
  (SELECT id FROM page ORDER BY started_at DESC, id DESC LIMIT 1) AS id`;

/** The values of `RATED`. @param last the previous page; undefined: this is the first one */
export function pageValues(range: ReratingRange, last: RatedPage | undefined): unknown[] {
  const { from, to, account = null, priceList = null } = range;
  return [last?.startedAt ?? null, last?.id ?? null, from, to, account, priceList];
}
