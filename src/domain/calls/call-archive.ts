import type { Database, Queryable } from '../../db/database.ts';
import type { Decimal } from '../money.ts';
import { OUTCOME_OF } from './call-outcome.ts';
import { listPartitions, type Partition } from './call-partition.ts';

const PAGE = 5_000;

/** What the books keep of an account's calls of a retired month. */
export interface RetiredCalls {
  account: number;
  calls: number;
  /** what the calls took from the balance when they were stored */
  paid: Decimal;
}

/** A page of an archive, in the order of its accounts. */
export interface ArchivePage {
  /** a line of JSON for each call */
  lines: string;
  calls: number;
  firstAccount: number;
  lastAccount: number;
}

/** Retired months whose calls are still in the database and not in an archive, oldest first. */
export async function monthsToArchive(db: Queryable): Promise<Partition[]> {
  const rows = await db.query<{ month: string }>(
    `SELECT to_char(m, 'YYYY-MM') AS month
     FROM (SELECT DISTINCT month AS m FROM call_retired) AS retired
     WHERE NOT EXISTS (SELECT FROM call_archive a WHERE a.month = m)`,
  );
  const months = new Set(rows.map(({ month }) => month));
  const partitions = await listPartitions(db, 'with detached');
  return partitions.filter(({ month }) => months.has(month));
}

/** What the books kept of a month, for all accounts together. @param month such as `2030-01` */
export async function retiredSum(
  db: Queryable,
  month: string,
): Promise<Omit<RetiredCalls, 'account'>> {
  const [row] = await db.query<Omit<RetiredCalls, 'account'>>(
    `SELECT coalesce(sum(calls), 0)::bigint AS calls,
       round(coalesce(sum(amount), 0), 6)::text AS paid
     FROM call_retired WHERE month = $1`,
    [`${month}-01`],
  );
  return row ?? { calls: 0, paid: '0.000000' };
}

/**
 * All calls of a retired month, ordered by billing account, account and start. `paid` of a call is
 * what it took from the balance when it was stored; `amount` is its price after reratings.
 */
export async function* archivePages(
  db: Queryable,
  { table }: Partition,
): AsyncGenerator<ArchivePage> {
  let after: unknown[] = [0, 0, '-infinity', '00000000-0000-0000-0000-000000000000'];
  for (;;) {
    const [page] = await db.query<ArchivePage & { last: unknown[] }>(
      `WITH page AS (
         SELECT c.*, ${PAID} AS paid FROM ${table} c
         WHERE (billing_account, account, started_at, id) > ($1, $2, $3::timestamptz, $4::uuid)
         ORDER BY billing_account, account, started_at, id LIMIT ${PAGE}
       )
       SELECT coalesce(string_agg(${LINE} || e'\\n', '' ORDER BY billing_account, account,
           started_at, id), '') AS lines, count(*)::int AS calls,
         min(billing_account) AS "firstAccount", max(billing_account) AS "lastAccount",
         (SELECT json_build_array(billing_account, account, started_at::text, id) FROM page
           ORDER BY billing_account DESC, account DESC, started_at DESC, id DESC LIMIT 1) AS last
       FROM page`,
      after,
    );
    if (!page || page.calls === 0) return;
    yield page;
    after = page.last;
  }
}

const PAID = `round(CASE WHEN debited THEN coalesce(amount, 0) ELSE 0 END
  - coalesce((SELECT sum(r.amount_after - r.amount_before) FROM call_rating r
      WHERE r.applied AND r.billing_account = c.billing_account AND r.account = c.account
        AND r.started_at = c.started_at AND r.id = c.id), 0), 6)`;

// Amounts are texts, because no reader may round them.
const LINE = `json_strip_nulls(json_build_object('billingAccount', billing_account,
  'account', account, 'start',
  to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'id', replace(id::text, '-', ''), 'caller', caller, 'callerName', caller_name, 'called', called,
  'sourceIp', source_ip, 'talkMicroseconds', talk_microseconds, 'outcome', ${OUTCOME_OF}, 'billedSeconds', billed_seconds,
  'rate', rate::text, 'amount', amount::text, 'fee', fee::text, 'paid', paid::text,
  'feed', feed))::text`;

/** What the books kept of a month, ordered by account. @param month such as `2030-01` */
export async function* retiredCalls(db: Queryable, month: string): AsyncGenerator<RetiredCalls> {
  for (let after = 0; ; ) {
    const rows = await db.query<RetiredCalls>(
      `SELECT billing_account AS account, calls, round(amount, 6)::text AS paid FROM call_retired
       WHERE month = $1 AND billing_account > $2 ORDER BY billing_account LIMIT ${PAGE}`,
      [`${month}-01`, after],
    );
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return;
    after = last.account;
  }
}

/** Lets the month be dropped. */
export async function noteArchived(
  db: Database,
  month: string,
  { calls, sha256, now }: { calls: number; sha256: string; now: Date },
): Promise<void> {
  await db.query(
    `INSERT INTO call_archive (month, calls, manifest_sha256, archived_at)
     VALUES ($1, $2, $3, $4) ON CONFLICT (month) DO NOTHING`,
    [`${month}-01`, calls, sha256, now],
  );
}
