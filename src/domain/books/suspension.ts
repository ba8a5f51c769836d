/**
 * SQL that tells whether a balance, `b`, stops calls at an amount of cash: a prepaid one once it is
 * used up, a postpaid one once it owes more than its credit limit, where it has one.
 * @param cash SQL of the amount
 */
const isUsedUp = (cash: string) =>
  `(CASE b.billing WHEN 'prepaid' THEN ${cash} <= 0
     ELSE coalesce(${cash} < -b.credit_limit, false) END)`;

/**
 * SQL assignments of what an amount does to a balance, `b`, of the account `a`: a debit that uses it
 * up suspends calls and a debit that takes it below the threshold makes a warning due; a credit after
 * which neither holds takes both back; nothing changes by an amount of zero.
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
 * SQL that tells whether a balance, `b`, stops calls from now on under other terms: as the next debit
 * would have it, except that a prepaid account is let call while it owes nothing.
 * @param billing SQL of prepaid or postpaid, `limit` of what a postpaid one may owe, or NULL
 */
export const isSuspendedUnder = (billing: string, limit: string) =>
  `CASE ${billing} WHEN 'prepaid' THEN b.suspended OR b.cash < 0
     ELSE coalesce(b.cash < -${limit}::numeric, false) END`;
