/**
 * SQL: whether the balance `b` stops calls at an amount of cash. A prepaid balance does so at zero
 * or less, a postpaid one if it owes more than its credit limit, if it has one.
 * @param cash SQL of the amount
 */
const isUsedUp = (cash: string) =>
  `(CASE b.billing WHEN 'prepaid' THEN ${cash} <= 0
     ELSE coalesce(${cash} < -b.credit_limit, false) END)`;

/**
 * SQL assignments that change the balance `b` of the account `a` by an amount. A debit that uses it
 * up suspends calls. A debit that takes it below the threshold makes a warning due. A credit clears
 * each of the two if it no longer holds. An amount of zero changes nothing.
 * @param amount SQL of the amount: a credit is positive, a debit negative
 */
export const movedBy = (amount: string) => `cash = b.cash + ${amount},
    suspended = CASE
      WHEN ${amount} < 0 THEN b.suspended OR ${isUsedUp(`(b.cash + ${amount})`)}
      WHEN ${amount} > 0 THEN b.suspended AND ${isUsedUp(`(b.cash + ${amount})`)}
      ELSE b.suspended END,
    warning_due = CASE
      WHEN ${amount} < 0 THEN b.warning_due OR (a.notify
        AND b.cash >= a.notify_threshold AND b.cash + ${amount} < a.notify_threshold)
      WHEN ${amount} > 0 THEN b.warning_due AND b.cash + ${amount} < a.notify_threshold
      ELSE b.warning_due END`;

/**
 * SQL: whether the balance `b` stops calls under new terms. The rule is that of the next debit,
 * with one exception: the change does not suspend a prepaid balance that owes nothing.
 * @param billing SQL of prepaid or postpaid
 * @param limit SQL of the most that a postpaid account may owe, or NULL
 */
export const isSuspendedUnder = (billing: string, limit: string) =>
  `CASE ${billing} WHEN 'prepaid' THEN b.suspended OR b.cash < 0
     ELSE coalesce(b.cash < -${limit}::numeric, false) END`;
