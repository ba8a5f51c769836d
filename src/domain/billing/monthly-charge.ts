import type { Queryable } from '../../db/database.ts';
import { type NewEntry, postEntry } from '../books/ledger.ts';
import { recordEvent } from '../event.ts';
import { type Decimal, negated } from '../money.ts';
import { Refusal } from '../refusal.ts';

/** A calendar month such as `2026-12`. */
export type Month = string;

/** One service or number in a monthly charge. */
export interface ChargeLine {
  /** the month that is paid for: that of the charge or, for settled parts, the one before */
  month: Month;
  item: 'service' | 'number';
  itemId: number;
  /** the account that has it */
  owner: number;
  /** the service's description, or the number */
  name: string;
  /** days of the month on which the item was there */
  days: number;
  /** negative for a refund of a part of the month */
  amount: Decimal;
}

/** A monthly charge of one billing account, posted or previewed. */
export interface MonthlyCharge {
  account: number;
  month: Month;
  /** sum of the lines; the balance is reduced by it */
  amount: Decimal;
  lines: ChargeLine[];
  cash: Decimal;
}

const ACTOR = 'monthly charges';
/** the most lines that an event shows */
const MOST_LINES = 100;

/**
 * SQL: the account's day for charging, at the time $1. It changes five minutes after midnight, so
 * that changes made just before the end of a month are committed.
 */
export const LOCAL_DAY = "(($1::timestamptz - interval '5 minutes') AT TIME ZONE time_zone)::date";

/**
 * What an account pays in advance for a month: all items that it has as the month begins in the
 * account's time zone. With $4 the month before is settled too. An item costs its share of the days
 * at whose end it was there, minus the amount that was charged in advance. A month whose charge an
 * operator posted by hand or reversed is not settled.
 */
const LINES = `
WITH bounds AS (
  SELECT $2::date AS month, ($2::date - interval '1 month')::date AS before,
    $2::date::timestamp AT TIME ZONE $3 AS starts
), item AS (
  SELECT 'service' AS item, s.id, s.account AS owner, s.description AS name, s.monthly, s.added_at,
    least(s.removed_at, a.closed_at) AS ended_at
  FROM account a JOIN service s ON s.account = a.username WHERE a.master_account = $1
  UNION ALL
  SELECT 'number', n.id, n.account, n.number, n.monthly, n.added_at,
    least(n.removed_at, a.closed_at)
  FROM account a JOIN number n ON n.account = a.username WHERE a.master_account = $1
), advance AS (
  SELECT e.id, e.kind = 'monthly charge' AND r.id IS NULL AS stands
  FROM bounds JOIN ledger_entry e
    ON e.account = $1 AND e.reference = 'monthly charge ' || to_char(before, 'YYYY-MM')
  LEFT JOIN ledger_entry r ON r.account = $1 AND r.reference = 'reversal of ' || e.id AND r.kind = 'reversal'
), charged AS (
  SELECT l.item, l.item_id AS id, l.amount FROM bounds, advance
  JOIN charge_line l ON l.account = $1 AND l.entry = advance.id
  WHERE l.month = before
), line AS (
  SELECT month, item, id, owner, name, extract(day FROM month + interval '1 month' - interval '1 day')
    ::int AS days, monthly AS amount
  FROM item, bounds
  WHERE added_at < starts AND (ended_at IS NULL OR ended_at > starts)
  UNION ALL
  SELECT before, item, id, owner, name, days,
    round(monthly * days / (month - before), 6) - coalesce(c.amount, 0)
  FROM bounds, item LEFT JOIN charged c USING (item, id), LATERAL (
    SELECT greatest(0, least((ended_at AT TIME ZONE $3)::date, month)
      - greatest((added_at AT TIME ZONE $3)::date, before)) AS days) AS there
  WHERE $4 AND NOT EXISTS (SELECT FROM advance WHERE NOT stands)
)
SELECT to_char(month, 'YYYY-MM') AS month, item, id AS "itemId", owner, name, days, amount::text,
  sum(amount) OVER ()::text AS total
FROM line WHERE amount <> 0 ORDER BY month DESC, item DESC, name, owner, id`;

interface ChargedAccount {
  username: number;
  month: Month;
  timeZone: string;
  closed: boolean;
}

/**
 * Charges an account for its next month that is due. The account is locked until the transaction
 * ends.
 * @returns undefined if no month is due; no charge if the month costs nothing or an operator posted
 *   its reference by hand
 */
export async function postNextMonth(
  tx: Queryable,
  username: number,
  now: Date,
  prorate: boolean,
): Promise<{ account: ChargedAccount; charge: MonthlyCharge | undefined } | undefined> {
  const [account] = await tx.query<ChargedAccount>(
    `SELECT username, to_char(next_charge, 'YYYY-MM') AS month, time_zone AS "timeZone",
       closed_at IS NOT NULL AS closed
     FROM account WHERE username = $2 AND next_charge <= ${LOCAL_DAY} FOR NO KEY UPDATE`,
    [now, username],
  );
  if (!account) return undefined;
  const charge = await postCharge(tx, account, now, prorate);
  // An account that was closed before the month began is never charged again.
  await tx.query(
    `UPDATE account SET next_charge = CASE
       WHEN closed_at <= next_charge::timestamp AT TIME ZONE time_zone THEN NULL
       ELSE next_charge + interval '1 month' END
     WHERE username = $1`,
    [username],
  );
  return { account, charge };
}

async function postCharge(
  tx: Queryable,
  { username, month, timeZone }: ChargedAccount,
  now: Date,
  prorate: boolean,
): Promise<MonthlyCharge | undefined> {
  const rows = await tx.query<ChargeLine & { total: Decimal }>(LINES, [
    username,
    `${month}-01`,
    timeZone,
    prorate,
  ]);
  const amount = rows[0]?.total;
  if (amount === undefined) return undefined;
  const posted = await postOnce(tx, {
    account: username,
    kind: 'monthly charge',
    amount: negated(amount),
    reason: `Monthly charge ${month}`,
    reference: `monthly charge ${month}`,
    actor: ACTOR,
    at: now,
  });
  if (!posted) return undefined;
  const lines = rows.map(({ total: _, ...line }) => line);
  await tx.query(
    `INSERT INTO charge_line (account, entry, month, item, item_id, owner, name, days, amount)
     SELECT $1, $2, l.* FROM unnest($3::date[], $4::text[], $5::bigint[], $6::bigint[], $7::text[],
       $8::int[], $9::numeric[]) AS l`,
    [
      username,
      posted.id,
      lines.map((line) => `${line.month}-01`),
      lines.map((line) => line.item),
      lines.map((line) => line.itemId),
      lines.map((line) => line.owner),
      lines.map((line) => line.name),
      lines.map((line) => line.days),
      lines.map((line) => line.amount),
    ],
  );
  await recordEvent(
    tx,
    {
      type: 'charges.posted',
      account: username,
      data: {
        ...{ month, amount, cash: posted.cash, entry: String(posted.id) },
        lines: lines.slice(0, MOST_LINES).map(({ itemId: _, ...line }) => line),
        ...(lines.length > MOST_LINES ? { linesTruncated: true } : {}),
      },
    },
    now,
  );
  return { account: username, month, amount, lines, cash: posted.cash };
}

/** @returns undefined if an operator posted the reference by hand, with any amount */
async function postOnce(tx: Queryable, entry: NewEntry) {
  try {
    const result = await postEntry(tx, entry);
    return result.posted ? result : undefined;
  } catch (error) {
    if (error instanceof Refusal && error.code === 'conflict') return undefined;
    throw error;
  }
}
