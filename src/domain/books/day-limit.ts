// The daily limit of what the calls of a billing account may cost. A call counts on the day on which
// it is stored, in the account's time zone.

/** SQL: the day of the balance `b`, in the time zone of its account. @param at SQL of the time */
const todayOf = (at: string) =>
  `(${at} AT TIME ZONE (SELECT p.time_zone FROM account p WHERE p.username = b.account))::date`;

/** SQL columns of a balance, `b`, and its day, `today`. @param at SQL of the time */
export const withToday = (at: string) => `b.*, ${todayOf(at)} AS today`;

/**
 * SQL: whether the sum of a balance is that of a day. A clock or time zone that is set back by less
 * than two days does not begin a new day, because a customer could otherwise spend the limit again.
 */
const isOf = (today: string, balance: string) => `${balance}.spent_on - ${today} IN (0, 1)`;

const spentOn = (today: string, balance: string) =>
  `CASE WHEN ${isOf(today, balance)} THEN ${balance}.spent_today ELSE 0.000000 END`;

/** SQL: the part of a limit that is reached, in percent: 0, 80 or 100. */
const levelOf = (spent: string, limit: string) => `CASE
      WHEN ${spent} >= ${limit} THEN 100 WHEN ${spent} >= ${limit} * 0.8 THEN 80 ELSE 0 END`;

// Of the balance before, `l`, with its day.
const BEFORE = `CASE WHEN ${isOf('l.today', 'l')} THEN l.limit_level ELSE 0 END`;
const SPENT = spentOn('l.today', 'l');

/**
 * SQL assignments to the balance `b`: what calls took in the day and in the hour, from the balance
 * before with its day, `l` (`withToday`). A level of the limit that is reached makes mails due. No
 * subquery computes the values once: its join would make PostgreSQL compare all balances with all.
 * @param amount SQL of what calls take now
 * @param at SQL of the time
 */
export function spending(amount: string, at: string): string {
  const level = `greatest(${BEFORE}, ${levelOf(`(${SPENT} + ${amount})`, 'l.day_limit')})`;
  // A subquery that needs no column is computed once for all rows.
  const hour = `(SELECT date_trunc('hour', ${at}, 'UTC'))`;
  return `spent_on = CASE WHEN ${isOf('l.today', 'l')} THEN l.spent_on ELSE l.today END,
    spent_today = ${SPENT} + ${amount},
    limit_level = CASE WHEN l.day_limit IS NULL THEN 0 ELSE ${level} END,
    limit_due = b.limit_due OR (l.day_limit IS NOT NULL AND ${level} > ${BEFORE}),
    spent_hour = ${hour},
    spent_in_hour = ${amount} + CASE WHEN l.spent_hour = ${hour} THEN l.spent_in_hour ELSE 0 END`;
}

/** SQL: what the calls that the balance `b` pays for took today. @param at SQL of the time */
export const spentToday = (at: string) => spentOn(todayOf(at), 'b');

/** SQL: whether the daily limit of the balance `b` is reached. */
export const isLimitReached = (at: string) =>
  `(b.day_limit IS NOT NULL AND b.day_limit <= ${spentToday(at)})`;

/**
 * SQL: JSON of the daily limit of the balance `b`, or NULL: what is `left` of it, and whether it
 * was noted that it is reached, `isNoted`.
 */
export const dayLimit = (at: string) => `CASE WHEN b.day_limit IS NOT NULL THEN json_build_object(
      'left', (b.day_limit - ${spentToday(at)})::text,
      'isNoted', b.limit_level = 100 AND coalesce(${isOf(todayOf(at), 'b')}, false)) END`;

/**
 * The statement that notes that daily limits are reached by what calls hold, so that it is told.
 * Parameters: the billing accounts, the time.
 */
export const NOTE_LIMITS = `UPDATE balance b
  SET spent_on = CASE WHEN ${isOf('l.today', 'l')} THEN l.spent_on ELSE l.today END,
    spent_today = ${SPENT}, limit_level = 100, limit_due = true
  FROM (SELECT ${withToday('$2::timestamptz')} FROM balance b WHERE b.account = ANY ($1::bigint[])) l
  WHERE b.account = l.account AND ${BEFORE} < 100`;

/**
 * SQL assignments of a new daily limit to the balance `b`, from the balance before with its day,
 * `l`. Mails are due if the new limit is reached to a higher level than the old one.
 * @param limit SQL of the limit, or NULL
 */
export function newLimit(limit: string): string {
  const level = levelOf(SPENT, `${limit}::numeric`);
  return `day_limit = ${limit}, day_limit_until = NULL, limit_level = ${level},
      limit_due = ${level} > ${BEFORE}`;
}
