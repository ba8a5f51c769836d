// The daily limit of what the calls of a billing account may cost. A call counts on the day on which
// it is stored, in the account's time zone.

const todayOf = (at: string, zone: string) => `(${at} AT TIME ZONE ${zone})::date`;

/**
 * SQL: whether the sum of a balance is that of today. A clock or time zone that is set back by less
 * than two days does not begin a new day, because a customer could otherwise spend the limit again.
 */
const isOfToday = (balance: string, today: string) =>
  `coalesce(${balance}.spent_on - ${today} IN (0, 1), false)`;

const spentOn = (balance: string, today: string) =>
  `CASE WHEN ${isOfToday(balance, today)} THEN ${balance}.spent_today ELSE 0.000000 END`;

/** SQL: the part of a limit that is reached, in percent: 0, 80 or 100. */
const levelOf = (spent: string, limit: string) =>
  `CASE WHEN ${spent} >= ${limit} THEN 100 WHEN ${spent} >= ${limit} * 0.8 THEN 80 ELSE 0 END`;

/**
 * SQL to join to a balance, `l`, and its account, `a`: `s` is the day's sum with one more amount.
 * Its columns are day, spent, before and level: the levels without and with the amount.
 * @param amount SQL of what calls take
 * @param at SQL of the time
 */
export const joinSpent = (amount: string, at: string) => `CROSS JOIN LATERAL (
    SELECT day, spent, before, greatest(before, ${levelOf('spent', 'l.day_limit')}) AS level
    FROM (SELECT CASE WHEN of_today THEN l.spent_on ELSE today END AS day,
        CASE WHEN of_today THEN l.spent_today ELSE 0 END + ${amount} AS spent,
        CASE WHEN of_today THEN l.limit_level ELSE 0 END AS before
      FROM (SELECT today, ${isOfToday('l', 'today')} AS of_today
        FROM (SELECT ${todayOf(at, 'a.time_zone')} AS today OFFSET 0) t OFFSET 0) t) d) s`;

/** SQL assignments of that sum to the balance `b`; a level that is reached makes mails due. */
export const SPENT = `spent_on = s.day, spent_today = s.spent, limit_level = s.level,
    limit_due = b.limit_due OR s.level > s.before`;

/**
 * SQL assignments of what calls take in an hour, to the balance `b`, from the balance before, `l`.
 * @param at SQL of the time
 */
export const spentInHour = (amount: string, at: string) => `spent_hour = ${hourOf(at)},
    spent_in_hour = ${amount} + CASE WHEN l.spent_hour = ${hourOf(at)}
      THEN l.spent_in_hour ELSE 0 END`;

const hourOf = (at: string) => `date_trunc('hour', ${at}, 'UTC')`;

/** SQL: an expression over the day's sum, `spent`, and the day, for the balance `b`. */
const ofPayer = (at: string, expression: (spent: string, today: string) => string) => {
  const today = todayOf(at, 'p.time_zone');
  return `(SELECT ${expression(spentOn('b', today), today)}
    FROM account p WHERE p.username = b.account)`;
};

/** SQL: what the calls that the balance `b` pays for took today. @param at SQL of the time */
export const spentToday = (at: string) => ofPayer(at, (spent) => spent);

/** SQL: whether the daily limit of the balance `b` is reached. */
export const isLimitReached = (at: string) => `(b.day_limit IS NOT NULL
  AND ${ofPayer(at, (spent) => `b.day_limit <= ${spent}`)})`;

/**
 * SQL: JSON of the daily limit of the balance `b`, or NULL: what is `left` of it, and whether it
 * was noted that it is reached, `isNoted`.
 */
export const dayLimit = (at: string) =>
  `CASE WHEN b.day_limit IS NOT NULL THEN ${ofPayer(
    at,
    (spent, today) => `json_build_object('left', (b.day_limit - ${spent})::text,
      'isNoted', b.limit_level = 100 AND ${isOfToday('b', today)})`,
  )} END`;

/**
 * The statement that notes that daily limits are reached by what calls hold, so that it is told.
 * Parameters: the billing accounts, the time.
 */
export const NOTE_LIMITS = `UPDATE balance b SET spent_on = s.day, spent_today = s.spent,
    limit_level = 100, limit_due = true
  FROM balance l JOIN account a ON a.username = l.account ${joinSpent('0', '$2::timestamptz')}
  WHERE b.account = l.account AND l.account = ANY ($1::bigint[]) AND s.before < 100`;

/**
 * SQL assignments of a new daily limit to the balance `b`, from the balance before, `l`. Mails are
 * due if the new limit is reached to a higher level than the old one.
 * @param limit SQL of the limit, or NULL
 * @param at SQL of the time; `a` is the account
 */
export function newLimit(limit: string, at: string): string {
  const today = todayOf(at, 'a.time_zone');
  const level = levelOf(spentOn('l', today), `${limit}::numeric`);
  return `day_limit = ${limit}, day_limit_until = NULL, limit_level = ${level},
      limit_due = ${level} > CASE WHEN ${isOfToday('l', today)} THEN l.limit_level ELSE 0 END`;
}
