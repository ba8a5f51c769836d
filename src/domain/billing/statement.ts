import type { Queryable } from '../../db/database.ts';
import { IS_PAID } from '../books/credit-on-invoice.ts';
import type { LedgerKind } from '../books/ledger.ts';
import { callsKeptFrom } from '../calls/call-partition.ts';
import { callSums } from '../calls/call-sums.ts';
import { type Day, type DayRange, dayEdges } from '../day.ts';
import type { Decimal } from '../money.ts';
import { Refusal } from '../refusal.ts';
import type { ChargeLine, Month } from './monthly-charge.ts';

/** A month of a billing account in its own time zone. Opening + entries − calls = closing. */
export interface Statement {
  account: number;
  name: string;
  month: Month;
  timeZone: string;
  from: Date;
  to: Date;
  opening: Decimal;
  /** what calls cost, for each account that made calls */
  calls: StatementCalls[];
  /** oldest first */
  entries: StatementEntry[];
  /** sums of the two lists */
  callsAmount: Decimal;
  entriesAmount: Decimal;
  /** for the present month: the balance now */
  closing: Decimal;
}

interface StatementCalls {
  account: number;
  name: string;
  calls: number;
  billedSeconds: number;
  amount: Decimal;
}

export interface StatementEntry {
  id: number;
  kind: LedgerKind;
  amount: Decimal;
  reason: string;
  reference: string | null;
  createdAt: Date;
  /** for a credit on invoice: whether it is paid now; null for other kinds */
  paid: boolean | null;
  /** the items of a monthly charge */
  lines: ChargeLine[];
}

/** The balance at the end of a day; for today, the balance now. */
export interface DailyBalance {
  day: Day;
  cash: Decimal;
}

/**
 * The statement of a month that has begun. A call belongs to the month in which it started. A late
 * record changes the statement of its month and all balances after it. All sums are computed
 * backwards from the present balance in one snapshot, so they are exact.
 * @throws Refusal 'not found', also for a month whose calls are no longer kept, 'conflict' if
 *   another account pays
 */
export async function monthlyStatement(
  db: Queryable,
  account: number,
  month: Month,
): Promise<Statement> {
  const [row] = await db.query<StatementRow>(STATEMENT, [account, `${month}-01`]);
  if (!row) throw new Refusal('not found', `${account} is no billing account`);
  const keptFrom = await callsKeptFrom(db);
  if (keptFrom && row.from < keptFrom) {
    throw new Refusal('not found', `the calls of ${month} are no longer kept`);
  }
  const { entries, ...statement } = row;
  return {
    ...statement,
    account,
    month,
    entries: entries.map((entry) => ({ ...entry, createdAt: new Date(entry.createdAt) })),
  };
}

type StatementRow = Omit<Statement, 'entries' | 'account' | 'month'> & {
  entries: (Omit<StatementEntry, 'createdAt'> & { createdAt: string })[];
};

const STATEMENT = `
WITH period AS (
  SELECT name, time_zone, $2::date::timestamp AT TIME ZONE time_zone AS first,
    ($2::date + interval '1 month') AT TIME ZONE time_zone AS last
  FROM account WHERE username = $1 AND master_account = username
), calls AS (
  SELECT account, sum(calls) FILTER (WHERE at < last) AS calls,
    sum(seconds) FILTER (WHERE at < last) AS seconds,
    coalesce(sum(debited) FILTER (WHERE at < last), 0) AS amount,
    coalesce(sum(debited) FILTER (WHERE at >= last), 0) AS later
  FROM period, LATERAL (${callSums('$1', 'NULL', 'first', "'infinity'")}) c GROUP BY account
), entries AS (
  SELECT e.*, created_at >= last AS is_later FROM ledger_entry e, period
  WHERE account = $1 AND created_at >= first
), sums AS (
  SELECT round(coalesce((SELECT sum(amount) FROM calls), 0), 6) AS calls,
    coalesce((SELECT sum(later) FROM calls), 0) AS calls_later,
    round(coalesce((SELECT sum(amount) FROM entries WHERE NOT is_later), 0), 6) AS entries,
    coalesce((SELECT sum(amount) FROM entries WHERE is_later), 0) AS entries_later
), closing AS (
  SELECT cash - entries_later + calls_later AS cash FROM balance, sums WHERE account = $1
)
SELECT p.name, time_zone AS "timeZone", first AS "from", last AS "to",
  (c.cash - s.entries + s.calls)::text AS opening, c.cash::text AS closing,
  s.calls::text AS "callsAmount", s.entries::text AS "entriesAmount",
  (SELECT coalesce(json_agg(json_build_object('account', k.account, 'name', a.name,
     'calls', k.calls, 'billedSeconds', k.seconds, 'amount', round(k.amount, 6)::text)
     ORDER BY k.account), '[]')
   FROM calls k JOIN account a ON a.username = k.account WHERE k.calls > 0) AS calls,
  (SELECT coalesce(json_agg(json_build_object('id', e.id, 'kind', e.kind,
     'amount', e.amount::text, 'reason', e.reason, 'reference', e.reference,
     'createdAt', e.created_at, 'paid', ${IS_PAID}, 'lines', (
       SELECT coalesce(json_agg(json_build_object('month', to_char(l.month, 'YYYY-MM'),
         'item', l.item, 'itemId', l.item_id, 'owner', l.owner, 'name', l.name, 'days', l.days,
         'amount', l.amount::text) ORDER BY l.month DESC, l.item DESC, l.name, l.owner, l.item_id),
         '[]')
       FROM charge_line l WHERE l.account = $1 AND l.entry = e.id)) ORDER BY e.id), '[]')
   FROM entries e WHERE NOT e.is_later) AS entries
FROM period p, closing c, sums s`;

/**
 * The balance at the end of each day of a range. The range must not begin in the future.
 * @param account a billing account
 */
export function balanceByDay(
  db: Queryable,
  account: number,
  range: DayRange,
): Promise<DailyBalance[]> {
  return db.query<DailyBalance>(
    `WITH edge AS (${dayEdges('$3', '$4', '$5')}), moved AS (
       SELECT width_bucket(at, edges) AS step, -debited AS amount
       FROM edge, LATERAL (${callSums('$1', '$2', 'edges[1]', "'infinity'")}) c
       UNION ALL
       SELECT width_bucket(created_at, edges), amount
       FROM edge, ledger_entry WHERE account = $1 AND created_at >= edges[1]
     ), sums AS (
       SELECT step, sum(amount) AS amount FROM moved GROUP BY step
     )
     SELECT to_char($3::date + n - 1, 'YYYY-MM-DD') AS day, cash::text FROM (
       SELECT n, cash - coalesce(sum(s.amount) OVER (ORDER BY n DESC
         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS cash
       FROM balance b, edge, generate_series(1, cardinality(edges)) n
       LEFT JOIN sums s ON s.step = n
       WHERE b.account = $1) AS ends, edge
     WHERE n < cardinality(edges) ORDER BY n`,
    [account, null, range.from, range.to, range.timeZone],
  );
}
