import type { Queryable } from '../../db/database.ts';
import { CURSOR_OF, matchesSearch, searchValues } from './call-list.ts';
import { type CallRecord, RECORD_COLUMNS, shownRecord } from './call-search.ts';

/** Which calls of the whole installation to find. */
export interface CallScan {
  from: Date;
  /** the first moment after the range */
  to: Date;
  /** part of a number or of a caller's name; '' for all */
  search: string;
  /** the account that made or got it, or that pays for it */
  account?: number | undefined;
  feed?: string | undefined;
  answered?: boolean | undefined;
}

/** What a step of a scan found. */
export interface ScanStep {
  calls: CallRecord[];
  /** the number of calls looked at, from the beginning of the scan */
  searched: number;
  /** the start of the last call looked at; undefined: everything was looked at */
  reached: Date | undefined;
  /** cursor of the next page, if this step ends a page */
  next: string | undefined;
}

// A step is short enough for other work of the database, and long enough to need few of them.
const STEP = 20_000;
const CURSOR = /^([0-9]{1,17})-([0-9a-f]{32})$/;

/**
 * Looks for calls of all accounts, newest first, step by step, until a page is full or everything
 * was looked at. Each step reads a bounded number of calls, so a search for something rare is a
 * long series of short statements.
 * @param page.step the most calls that a step reads
 * @param page.after `next` of the previous page; any other text begins at the newest call
 */
export async function* scanCalls(
  db: Queryable,
  scan: CallScan,
  { after = '', limit, step = STEP }: { after?: string | undefined; limit: number; step?: number },
): AsyncGenerator<ScanStep> {
  let [, at = null, id = null] = CURSOR.exec(after) ?? [];
  let [found, searched] = [0, 0];
  for (;;) {
    const { text, encoded } = searchValues(scan.search);
    const rows = await db.query<Row>(STATEMENT, [
      scan.from,
      scan.to,
      at,
      id,
      step,
      scan.account ?? null,
      scan.feed ?? null,
      scan.answered ?? null,
      text,
      encoded,
      limit - found + 1,
    ]);
    const { looked = 0, end = null, reached = null } = rows[0] ?? {};
    const matching = rows.filter(({ cursor }) => cursor !== null);
    const calls = matching.slice(0, limit - found);
    found += calls.length;
    const isFull = matching.length > calls.length;
    searched += looked;
    const last = calls.at(-1);
    yield {
      calls: calls.map(({ cursor: _, looked: __, end: ___, reached: ____, ...call }) =>
        shownRecord(call),
      ),
      searched,
      reached: isFull ? last?.start : (reached ?? undefined),
      next: isFull ? (last?.cursor ?? undefined) : undefined,
    };
    if (isFull || end === null) return;
    [, at = null, id = null] = CURSOR.exec(end) ?? [];
  }
}

type Row = CallRecord & {
  cursor: string | null;
  looked: number;
  end: string | null;
  reached: Date | null;
};

// The calls of a step are read in the order of their identity's index, and then filtered.
const STATEMENT = `
  WITH step AS MATERIALIZED (
    SELECT * FROM call
    WHERE started_at >= $1 AND started_at < $2
      AND started_at <= coalesce(to_timestamp(0) + $3::bigint * interval '1 microsecond', 'infinity')
      AND ($3::bigint IS NULL OR (started_at, id) <
        (to_timestamp(0) + $3::bigint * interval '1 microsecond', $4::uuid))
    ORDER BY started_at DESC, id DESC LIMIT $5
  ), looked AS (
    SELECT count(*)::int AS looked FROM step
  ), last AS (
    SELECT ${CURSOR_OF} AS "end", started_at AS reached FROM step, looked
    WHERE looked = $5 ORDER BY started_at, id LIMIT 1
  ), found AS (
    SELECT * FROM step
    WHERE ($6::bigint IS NULL OR $6 IN (account, billing_account))
      AND ($7::text IS NULL OR feed = $7)
      AND ($8::boolean IS NULL OR (talk_microseconds > 0) = $8)
      AND ${matchesSearch('$9', '$10')}
    ORDER BY started_at DESC, id DESC LIMIT $11
  )
  SELECT ${RECORD_COLUMNS}, CASE WHEN id IS NOT NULL THEN ${CURSOR_OF} END AS cursor,
    looked, "end", reached
  FROM looked LEFT JOIN last ON true LEFT JOIN found ON true
  ORDER BY started_at DESC, id DESC`;
