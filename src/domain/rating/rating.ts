/**
 * SQL of the seconds that a talk time is billed as: none where nobody answered, else a minimum and
 * then whole increments. Integers, so exact to the microsecond.
 * @param talk SQL of the talk time in microseconds, a bigint
 */
export const billedSeconds = (talk: string, minimum: string, increment: string) =>
  `(CASE WHEN ${talk} = 0 THEN 0 ELSE greatest(${minimum},
     (${talk} + ${increment} * 1000000::bigint - 1) / (${increment} * 1000000::bigint)
       * ${increment})
   END)::int`;

const timesSeconds = (rate: string, seconds: string) => `round(${rate} * ${seconds} / 60, 6)`;

/**
 * SQL of a call's price in dollars, rounded once, half up: numeric round() rounds ties away from
 * zero, and no price is negative. An unanswered call, of no seconds, costs nothing.
 * @param rate SQL of dollars per minute
 * @param fee SQL of dollars for each answered call, or NULL
 * @param least SQL of what an answered call costs at least, or NULL
 */
export const price = (rate: string, seconds: string, fee: string, least: string) =>
  `CASE WHEN (${fee} > 0 OR ${least} > 0) AND ${seconds} > 0
     THEN greatest(${least}, round(${fee} + ${rate} * ${seconds} / 60, 6))
     ELSE ${timesSeconds(rate, seconds)} END`;

/** SQL of what of that price is not rate times seconds; NULL: nothing. */
export const feeOf = (rate: string, seconds: string, fee: string, least: string) =>
  `CASE WHEN (${fee} > 0 OR ${least} > 0) AND ${seconds} > 0
     THEN nullif(${price(rate, seconds, fee, least)} - ${timesSeconds(rate, seconds)}, 0) END`;

/**
 * SQL of the account that has a number and pays for calls to it: the one that had it when the call
 * started or else, since numbers may be told to the service late, the first one after. It is the
 * same one whenever a record comes again.
 */
export const ownerOfCalled = (called: string, startedAt: string) =>
  `(SELECT d.account FROM number d
    WHERE d.number = ${called} AND (d.removed_at IS NULL OR d.removed_at > ${startedAt})
    ORDER BY d.added_at, d.id LIMIT 1)`;

/** SQL of a number in digits, the country code first; it is one that `dialledNumber` wrote. */
const digits = (called: string) => `CASE
    WHEN ${called} ~ '^[2-9][0-9]{2}[2-9][0-9]{6}$' THEN '1' || ${called}
    ELSE ltrim(${called}, '+') END`;

/**
 * SQL of the prefixes of a called number, as price lists and blocks write them: digits, the country
 * code first.
 */
export const prefixesOf = (called: string) =>
  `ARRAY(SELECT left(d.digits, k)
    FROM (SELECT ${digits(called)} AS digits OFFSET 0) AS d,
      generate_series(1, 15) AS k)`;

/**
 * SQL to join to an account, `a`: `e.number` is the number that a call of it dials, which an account
 * that has a country reads as that country does.
 * @param called SQL of the number as the feed's country reads it
 * @param dialled SQL of the digits that were dialled, or NULL where they are that number
 * @param emergency SQL that tells whether it is an emergency call, which is the same everywhere
 * @param none SQL of what it is where the account's country has no such number
 */
export const joinNumber = (called: string, dialled: string, emergency: string, none: string) =>
  `CROSS JOIN LATERAL (SELECT CASE WHEN a.country IS NULL OR ${emergency} THEN ${called} ELSE coalesce((
      SELECT dialled_number(coalesce(${dialled}, ${called}), plan) FROM numbering_plan plan
      WHERE plan.country = a.country), ${none}) END AS number OFFSET 0) e`;

/** SQL of the price list of an account, `a`, or NULL. */
export const PRICE_LIST = `coalesce(a.price_list,
  (SELECT l.name FROM price_list l WHERE l.name = 'default'))`;

/**
 * SQL to join to an account, `a`: `d.price` is the row of the price of a destination in the
 * account's list, by the longest prefix that has one at that moment, or NULL. Calls to a number of
 * the account's own come in, and so have no destination to pay for. Nothing is looked up for accounts
 * without a list. An emergency call has the price of exactly its number alone.
 * @param at SQL of the moment at which the call starts
 * @param emergency SQL that tells whether it is an emergency call
 */
export const joinDestination = (called: string, at: string, emergency: string) =>
  `CROSS JOIN LATERAL (SELECT CASE WHEN ${PRICE_LIST} IS NOT NULL THEN (
      SELECT p FROM price p
      WHERE p.list = ${PRICE_LIST} AND p.prefix = ANY (
            CASE WHEN ${emergency} THEN ARRAY[${called}] ELSE ${prefixesOf(called)} END)
        AND p.valid_from <= ${at} AND p.valid_until > ${at}
        AND NOT EXISTS (SELECT FROM number o WHERE o.number = ${called} AND o.account = a.username
          AND (o.removed_at IS NULL OR o.removed_at > ${at}))
      ORDER BY length(p.prefix) DESC LIMIT 1) END AS price OFFSET 0) d`;

/**
 * SQL of the rate of a call of an account, `a`, whose destination was joined: nothing is paid for an
 * emergency call that the list does not name.
 */
export const rateOf = (emergency: string) =>
  `coalesce((d.price).rate, CASE WHEN ${emergency} THEN 0 ELSE a.rate END)`;

/**
 * SQL that tells whether calls to a number are blocked for everyone, for the account, `a`, or for
 * the one that it is billed to.
 */
export const isBlocked = (called: string) =>
  `EXISTS (SELECT FROM blocked_prefix k WHERE k.prefix = ANY (${prefixesOf(called)})
     AND (k.account IS NULL OR k.account IN (a.username, a.master_account)))`;
