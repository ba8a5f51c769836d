/**
 * SQL that tells whether a balance, `b`, stops calls at an amount of cash: a prepaid one once it is
 * used up, a postpaid one once it owes more than its credit limit, where it has one.
 * @param cash SQL of the amount
 */
export const isUsedUp = (cash: string) =>
  `(CASE b.billing WHEN 'prepaid' THEN ${cash} <= 0
     ELSE coalesce(${cash} < -b.credit_limit, false) END)`;
