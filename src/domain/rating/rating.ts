/**
 * SQL of the billed seconds of a talk time: 0 for an unanswered call, else a minimum and then whole
 * increments. Integer arithmetic is exact to the microsecond.
 * @param talk SQL of the talk time in microseconds, a bigint
 */
export const billedSeconds = (talk: string, minimum: string, increment: string) =>
  `(CASE WHEN ${talk} = 0 THEN 0 ELSE greatest(${minimum},
     (${talk} + ${increment} * 1000000::bigint - 1) / (${increment} * 1000000::bigint)
       * ${increment})
   END)::int`;

const timesSeconds = (rate: string, seconds: string) => `round(${rate} * ${seconds} / 60, 6)`;

/**
 * SQL of a call's price, rounded once, half up: numeric round() rounds ties away from
 * zero, and no price is negative. An unanswered call has 0 seconds and costs nothing.
 * @param rate SQL of money per minute
 * @param fee SQL of money for each answered call, or NULL
 * @param least SQL of the minimum charge of an answered call, or NULL
 */
export const price = (rate: string, seconds: string, fee: string, least: string) =>
  `CASE WHEN (${fee} > 0 OR ${least} > 0) AND ${seconds} > 0
     THEN greatest(${least}, round(${fee} + ${rate} * ${seconds} / 60, 6))
     ELSE ${timesSeconds(rate, seconds)} END`;

/**
 * SQL of the part of that price that is not rate times seconds; NULL: nothing.
 * @param amount SQL of the price
 */
export const feeOf = (
  amount: string,
  [rate, seconds, fee, least]: readonly [string, string, string, string],
) =>
  `CASE WHEN ${fee} > 0 OR ${least} > 0
     THEN nullif(${amount} - ${timesSeconds(rate, seconds)}, 0) END`;

/**
 * SQL of the account that owns a called number and pays for the call: the owner at the call's
 * start, or else the first later owner, because a number may be added late. A repeated record gives
 * the same account.
 */
export const ownerOfCalled = (called: string, startedAt: string) =>
  `(SELECT d.account FROM number d
    WHERE d.number = ${called} AND (d.removed_at IS NULL OR d.removed_at > ${startedAt})
    ORDER BY d.added_at, d.id LIMIT 1)`;

/** SQL of a number in digits, the country code first. Its input is a result of `dialledNumber`. */
const digits = (called: string) => `CASE
    WHEN ${called} ~ '^[2-9][0-9]{2}[2-9][0-9]{6}$' THEN '1' || ${called}
    ELSE ltrim(${called}, '+') END`;

/**
 * SQL of the prefixes of a called number in the form of price lists and blocks: digits, the country
 * code first.
 */
export const prefixesOf = (called: string) =>
  `(SELECT ARRAY[${LENGTHS.map((k) => `left(d.digits, ${k})`).join(', ')}]
    FROM (SELECT ${digits(called)} AS digits OFFSET 0) AS d)::text[]`;

// One expression: a set of rows takes ten times as long.
const LENGTHS = Array.from({ length: 15 }, (_, n) => n + 1);

// Means the same in every country, so no plan reads it: that takes as long as the search for its price.
const INTERNATIONAL = '^[+]([2-9][0-9]{7,14}|1[2-9][0-9]{2}[2-9][0-9]{6})$';

/** SQL condition, of an account `a`: a called number is its own at a moment. */
export const isOwnNumber = (called: string, at: string) =>
  `EXISTS (SELECT FROM number o WHERE o.number = ${called} AND o.account = a.username
     AND (o.removed_at IS NULL OR o.removed_at > ${at}))`;

/**
 * SQL of the called number of a call of an account `a`. If the account has a country, that country's
 * numbering plan reads the dialled digits. A call to the account's own number is incoming: a carrier
 * wrote it as the feed's country does.
 * @param called SQL of the number as the feed's country reads it
 * @param dialled SQL of the dialled digits, or NULL if they are that number
 * @param at SQL of the moment at which the call starts
 * @param emergency SQL condition: it is an emergency call, whose number is the same everywhere
 * @param none SQL of the value for digits that are no number in the account's country
 */
export const calledNumber = (
  [called, dialled]: readonly [string, string],
  at: string,
  emergency: string,
  none: string,
) =>
  `CASE WHEN a.country IS NULL OR ${emergency}
      OR coalesce(${dialled}, ${called}) ~ '${INTERNATIONAL}' OR ${isOwnNumber(called, at)}
    THEN ${called} ELSE coalesce((
      SELECT dialled_number(coalesce(${dialled}, ${called}), plan) FROM numbering_plan plan
      WHERE plan.country = a.country), ${none}) END`;

/** SQL to join to an account, `a`: `e.number` is `calledNumber`. */
export const joinNumber = (...number: Parameters<typeof calledNumber>) =>
  `CROSS JOIN LATERAL (SELECT ${calledNumber(...number)} AS number OFFSET 0) e`;

/** SQL of the price list of an account, `a`, or NULL. */
export const PRICE_LIST = `coalesce(a.price_list,
  (SELECT l.name FROM price_list l WHERE l.name = 'default'))`;

/**
 * SQL of the price row of a destination in the list of an account `a`, or NULL. The longest prefix
 * with a valid price at that moment counts; of the prefixes of one number it is the last in the order
 * of the index. Calls to the account's own number are incoming, so they have no destination price.
 * For accounts without a list nothing is looked up. An emergency call has a price only where a prefix
 * is exactly its number.
 * @param at SQL of the moment at which the call starts
 * @param emergency SQL condition: it is an emergency call
 */
export const priceRow = (called: string, at: string, emergency: string) =>
  `CASE WHEN ${PRICE_LIST} IS NOT NULL THEN (
      SELECT p FROM price p
      WHERE p.list = ${PRICE_LIST} AND p.prefix = ANY (
            CASE WHEN ${emergency} THEN ARRAY[${called}] ELSE ${prefixesOf(called)} END)
        AND p.valid_from <= ${at} AND p.valid_until > ${at}
        AND NOT ${isOwnNumber(called, at)}
      ORDER BY p.prefix DESC LIMIT 1) END`;

/** SQL to join to an account, `a`: `d.price` is `priceRow`. */
export const joinDestination = (...destination: Parameters<typeof priceRow>) =>
  `CROSS JOIN LATERAL (SELECT ${priceRow(...destination)} AS price OFFSET 0) d`;

/**
 * SQL of a call's rate, for an account `a`. An emergency call without a price in the list is free.
 * @param row SQL of the destination's price row
 */
export const rateOf = (emergency: string, row = 'd.price') =>
  `coalesce((${row}).rate, CASE WHEN ${emergency} THEN 0 ELSE a.rate END)`;

/**
 * SQL condition: calls to a number are blocked for everyone, for the account `a`, or for its
 * billing account.
 */
export const isBlocked = (called: string) =>
  `EXISTS (SELECT FROM blocked_prefix k WHERE k.prefix = ANY (${prefixesOf(called)})
     AND (k.account IS NULL OR k.account IN (a.username, a.master_account)))`;
