import type { Queryable } from '../../db/database.ts';

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
 * SQL assignments for what calls take from the balance `b`: the same for a debit or zero, in half the
 * time. `just_suspended` keeps what `recordCrossings` cannot know from the new balance. A join with the
 * balance before, as other changes have, would compare all balances of a batch with all.
 * @param amount SQL of the amount, not negative
 */
export const debitedBy = (amount: string) => `cash = b.cash - ${amount},
    suspended = b.suspended OR ${isUsedUp(`(b.cash - ${amount})`)} AND ${amount} > 0,
    just_suspended = NOT b.suspended AND ${isUsedUp(`(b.cash - ${amount})`)} AND ${amount} > 0,
    warning_due = b.warning_due OR (a.notify AND b.cash - ${amount} < a.notify_threshold
      AND b.cash >= a.notify_threshold)`;

const AFTER = `b.account, b.cash, b.suspended, b.billing, b.credit_limit,
    a.notify_threshold AS threshold`;

/**
 * SQL: what `recordCrossings` needs of an UPDATE of the balance `b` of the account `a`.
 * `l` is the balance before.
 */
export const MOVED = `${AFTER}, l.cash AS cash_before, l.suspended AS suspended_before`;

/** SQL: the same after `debitedBy`. @param amount SQL of the amount */
export const debited = (amount: string) =>
  `${AFTER}, b.cash + ${amount} AS cash_before, b.suspended AND NOT b.just_suspended AS suspended_before`;

const SUB_ACCOUNTS = `(SELECT count(*) FROM account s WHERE s.master_account = m.account
      AND s.username <> m.account AND s.closed_at IS NULL)`;

/**
 * SQL of two parts of a statement, `crossing` and `recorded`: the events of balances that were
 * suspended or resumed, or that crossed zero or their threshold. Other balances record nothing.
 * @param moved the part with the columns of `MOVED`
 * @param at SQL of the time
 * @param first SELECT of an event to record before them: type, account, n = 0, data
 */
export const recordCrossings = (moved: string, at: string, first?: string) => `crossing AS (
    SELECT * FROM ${moved}
    WHERE suspended <> suspended_before OR (cash < threshold) <> (cash_before < threshold)
      OR (cash <= 0 AND cash_before > 0)
  ), recorded AS (
    INSERT INTO event (type, account, at, data)
    SELECT type, account, ${at}, data FROM (${
      first
        ? `
      ${first}
      UNION ALL`
        : ''
    }
      SELECT CASE WHEN cash < threshold THEN 'balance.low' ELSE 'balance.recovered' END,
        account, 1, jsonb_build_object('cash', cash::text, 'threshold', threshold)
      FROM crossing WHERE (cash < threshold) <> (cash_before < threshold)
      UNION ALL
      SELECT 'balance.exhausted', account, 2,
        jsonb_build_object('cash', cash::text, 'creditLimit', credit_limit::text)
      FROM crossing WHERE cash <= 0 AND cash_before > 0
      UNION ALL
      SELECT 'account.suspended', account, 3, jsonb_build_object('reason', 'balance_used_up',
        'cash', cash::text, 'billing', billing, 'creditLimit', credit_limit::text,
        'subAccounts', ${SUB_ACCOUNTS})
      FROM crossing m WHERE suspended AND NOT suspended_before
      UNION ALL
      SELECT 'account.resumed', account, 4,
        jsonb_build_object('cash', cash::text, 'subAccounts', ${SUB_ACCOUNTS})
      FROM crossing m WHERE suspended_before AND NOT suspended
    ) AS e (type, account, n, data) ORDER BY account, n
  )`;

/** Records the event of a balance that a new threshold makes low, or no longer low. */
export async function recordThreshold(
  tx: Queryable,
  account: number,
  { before, after }: { before: number; after: number },
  at: Date,
): Promise<void> {
  await tx.query(
    `INSERT INTO event (type, account, at, data)
     SELECT CASE WHEN cash < $3 THEN 'balance.low' ELSE 'balance.recovered' END, account, $4,
       jsonb_build_object('cash', cash::text, 'threshold', $3::int)
     FROM balance WHERE account = $1 AND (cash < $2) <> (cash < $3)`,
    [account, before, after, at],
  );
}

/**
 * SQL: whether the balance `b` stops calls under new terms. The rule is that of the next debit,
 * with one exception: the change does not suspend a prepaid balance that owes nothing.
 * @param billing SQL of prepaid or postpaid
 * @param limit SQL of the most that a postpaid account may owe, or NULL
 */
export const isSuspendedUnder = (billing: string, limit: string) =>
  `CASE ${billing} WHEN 'prepaid' THEN b.suspended OR b.cash < 0
     ELSE coalesce(b.cash < -${limit}::numeric, false) END`;
