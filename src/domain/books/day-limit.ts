// The daily limit of what the calls of a billing account may cost. A call counts on the day on which
// it is stored, in the account's time zone.

// A balance keeps the end of its day, because to compute a day in a time zone takes longer than a debit.
// In that day its sum is only compared and added to.

/** SQL of the time zone of the balance `b`, where its account is not joined. */
const ZONE = '(SELECT p.time_zone FROM account p WHERE p.username = b.account)';

/** SQL: whether a time is in the day of the balance `b`. The longest days have 25 hours. */
const isBeforeEnd = (at: string) =>
  `(b.day_ends > ${at} AND b.day_ends <= ${at} + interval '25 hours')`;

const todayOf = (at: string, zone: string) => `(${at} AT TIME ZONE ${zone})::date`;

/**
 * SQL: whether the sum of the balance `b` goes on at a time. A new time zone counts from the end of
 * the day on. A clock or time zone that is set back by less than two days does not begin a new day,
 * because a customer could otherwise spend the limit again.
 */
const goesOn = (at: string, zone: string) => `(CASE WHEN ${isBeforeEnd(at)} THEN true
      ELSE coalesce(b.spent_on - ${todayOf(at, zone)} IN (0, 1), false) END)`;

const spentOn = (at: string, zone = ZONE) =>
  `(CASE WHEN ${goesOn(at, zone)} THEN b.spent_today ELSE 0.000000 END)`;
const levelOn = (at: string, zone = ZONE) =>
  `(CASE WHEN ${goesOn(at, zone)} THEN b.limit_level ELSE 0 END)`;
const dayOf = (at: string, zone: string) =>
  `(CASE WHEN ${goesOn(at, zone)} THEN b.spent_on ELSE ${todayOf(at, zone)} END)`;

/** SQL assignments: the day of the balance `b` and its end. */
const dayAt = (at: string, zone = ZONE) => `spent_on = ${dayOf(at, zone)},
    day_ends = CASE WHEN ${isBeforeEnd(at)} THEN b.day_ends
      ELSE (${dayOf(at, zone)} + 1)::timestamp AT TIME ZONE ${zone} END`;

/** SQL: the part of a limit that is reached, in percent: 0, 80 or 100. */
const levelOf = (spent: string, limit: string) => `CASE WHEN ${spent} < ${limit} * 0.8 THEN 0
      WHEN ${spent} < ${limit} THEN 80 ELSE 100 END`;

/**
 * SQL assignments to the balance `b` of the account `a`: what calls took in the day and in the hour. A
 * level of the limit that is reached makes mails due.
 * @param amount SQL of what calls take now
 * @param at SQL of the time
 */
export function spending(amount: string, at: string): string {
  const zone = 'a.time_zone';
  const spent = `(${spentOn(at, zone)} + ${amount})`;
  const before = levelOn(at, zone);
  const level = levelOf(spent, 'b.day_limit');
  // A subquery that needs no column is computed once for all rows.
  const hour = `(SELECT date_trunc('hour', ${at}, 'UTC'))`;
  return `${dayAt(at, zone)},
    spent_today = ${spent},
    limit_level = CASE WHEN b.day_limit IS NULL THEN 0 ELSE greatest(${before}, ${level}) END,
    limit_due = b.limit_due OR (b.day_limit IS NOT NULL AND ${level} > ${before}),
    spent_hour = ${hour},
    spent_in_hour = ${amount} + CASE WHEN b.spent_hour = ${hour} THEN b.spent_in_hour ELSE 0 END`;
}

/** SQL: what the calls that the balance `b` pays for took today. @param at SQL of the time */
export const spentToday = (at: string) => spentOn(at);

/** SQL: whether the daily limit of the balance `b` is reached. */
export const isLimitReached = (at: string) =>
  `(b.day_limit IS NOT NULL AND b.day_limit <= ${spentOn(at)})`;

/**
 * SQL: JSON of the daily limit of the balance `b`, or NULL: what is `left` of it, and whether it
 * was noted that it is reached, `isNoted`.
 */
export const dayLimit = (at: string) => `CASE WHEN b.day_limit IS NOT NULL THEN json_build_object(
      'left', (b.day_limit - ${spentOn(at)})::text, 'isNoted', ${levelOn(at)} = 100) END`;

/**
 * The statement that notes that daily limits are reached by what calls hold, so that it is told.
 * Parameters: the billing accounts, the time.
 */
export const NOTE_LIMITS = `UPDATE balance b
  SET ${dayAt('$2::timestamptz')}, spent_today = ${spentOn('$2::timestamptz')},
    limit_level = 100, limit_due = true
  WHERE b.account = ANY ($1::bigint[]) AND ${levelOn('$2::timestamptz')} < 100`;

/**
 * SQL assignments of a new daily limit to the balance `b`. Mails are due if the new limit is reached to
 * a higher level than the old one.
 * @param limit SQL of the limit, or NULL
 * @param at SQL of the time
 */
export function newLimit(limit: string, at: string): string {
  const level = `(CASE WHEN ${limit}::numeric IS NULL THEN 0
      ELSE ${levelOf(spentOn(at), `${limit}::numeric`)} END)`;
  return `day_limit = ${limit}, day_limit_until = NULL, limit_level = ${level},
      limit_due = ${level} > ${levelOn(at)}`;
}
