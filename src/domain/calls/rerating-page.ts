import {
  billedSeconds,
  feeOf,
  joinDestination,
  PRICE_LIST,
  price,
  rateOf,
} from '../rating/rating.ts';

/** Most calls that are looked at by one statement. */
export const BATCH = 2_000;

/** Which calls are priced again. */
export interface ReratingRange {
  from: Date;
  /** the first moment after the range */
  to: Date;
  /** only calls made by this account or billed to it */
  account?: number | undefined;
  /** only calls of accounts that have this price list now */
  priceList?: string | undefined;
}

// In the order of the key that tells calls apart, whose index finds the next ones at once. What the
// books no longer count is left alone.
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
 * SQL: `page`, and `changed` of it: the calls that would cost something else at the prices that were
 * valid when they started, as they are known now. What a switch took itself is its own.
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
  SELECT *, ${price(...NEW)} AS new_amount, ${feeOf(...NEW)} AS new_fee FROM rated
), changed AS (
  SELECT * FROM priced
  WHERE (rate, billed_seconds, coalesce(fee, 0)) <> (new_rate, new_seconds, coalesce(new_fee, 0))
)`;

/** Of a page, what the next one needs. */
export interface RatedPage {
  /** calls that were looked at */
  calls: number;
  startedAt: Date;
  id: string;
}

/** SQL of a `RatedPage`. */
export const LAST_OF_PAGE = `(SELECT count(*) FROM page) AS calls,
  (SELECT max(started_at) FROM page) AS "startedAt",
  (SELECT id FROM page ORDER BY started_at DESC, id DESC LIMIT 1) AS id`;

/** The values of `RATED`. @param last the page before; undefined: the range begins */
export function pageValues(range: ReratingRange, last: RatedPage | undefined): unknown[] {
  const { from, to, account = null, priceList = null } = range;
  return [last?.startedAt ?? null, last?.id ?? null, from, to, account, priceList];
}
