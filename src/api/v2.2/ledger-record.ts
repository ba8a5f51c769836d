import type { Queryable } from '../../db/database.ts';
import { IS_PAID, IS_REVERSED } from '../../domain/books/credit-on-invoice.ts';

// More than an account has in decades. Statements have older entries.
const MOST = 10_000;

/** SQL of the time of a ledger entry. */
const DATE = `to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

/** SQL: promotions and adjustments count as paid. */
const WAS_PAID = `coalesce(${IS_PAID}, true)`;

/** The payments of an account, newest first. @returns JSON text of an array */
export function paymentRecords(db: Queryable, account: number): Promise<string> {
  return records(
    db,
    account,
    `json_strip_nulls(json_build_object('amount', trim_scale(e.amount), 'date', ${DATE},
       'status', CASE WHEN ${IS_REVERSED} THEN 'Reversed' ELSE 'Completed' END,
       'transactionId', e.reference))`,
    `e.kind = 'payment'`,
  );
}

/**
 * The credits of an account, newest first, without reversed ones.
 * @param paid true: only paid credits; false: only unpaid ones
 * @returns JSON text of an array
 */
export function creditRecords(db: Queryable, account: number, paid?: boolean): Promise<string> {
  const condition = paid === undefined ? '' : ` AND ${paid ? '' : 'NOT '}${WAS_PAID}`;
  return records(
    db,
    account,
    `json_build_object('amount', trim_scale(e.amount), 'paid', ${WAS_PAID}, 'date', ${DATE})`,
    `e.kind IN ('promotion', 'adjustment', 'credit on invoice') AND e.amount > 0
       AND NOT ${IS_REVERSED}${condition}`,
  );
}

async function records(
  db: Queryable,
  account: number,
  record: string,
  condition: string,
): Promise<string> {
  const [row] = await db.query<{ list: string }>(
    `SELECT coalesce('[' || string_agg(record, ',' ORDER BY id DESC) || ']', '[]') AS list
     FROM (
       SELECT e.id, ${record}::text AS record FROM ledger_entry e
       WHERE e.account = $1 AND ${condition} ORDER BY e.id DESC LIMIT ${MOST}) AS newest`,
    [account],
  );
  return row?.list ?? '[]';
}
