import type { Queryable } from '../../db/database.ts';
import { CURSOR, CURSOR_OF, matchesSearch, searchValues } from './call-list.ts';
import { matchesOutcome, type OutcomeChoice } from './call-outcome.ts';
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
  outcome?: OutcomeChoice | undefined;
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
const LINES = 2_000;

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
    const values = [...valuesOf(scan), at, id, step, limit - found + 1];
    const rows = await db.query<Row>(STATEMENT, values);
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

/**
 * The calls of a scan as text, newest first, with as much as one step found at a time.
 * @param line SQL of a call's text
 */
export async function* scanLines(
  db: Queryable,
  scan: CallScan,
  line: string,
): AsyncGenerator<string> {
  let [at, id]: (string | null)[] = [null, null];
  for (;;) {
    const rows: { text: string | null; end: string | null }[] = await db.query(
      `${STEP_AND_END} SELECT (SELECT string_agg(${line}, '' ORDER BY started_at DESC, id DESC)
         FROM step WHERE ${MATCHES}) AS text, "end"
       FROM looked LEFT JOIN last ON true`,
      [...valuesOf(scan), at, id, LINES],
    );
    const { text, end } = rows[0] ?? {};
    if (text) yield text;
    if (!end) return;
    [, at = null, id = null] = CURSOR.exec(end) ?? [];
  }
}

type Row = CallRecord & {
  cursor: string | null;
  looked: number;
  end: string | null;
  reached: Date | null;
};

function valuesOf({ from, to, search, account, feed, outcome }: CallScan): unknown[] {
  const { text, encoded } = searchValues(search);
  return [from, to, account ?? null, feed ?? null, outcome ? [outcome] : null, text, encoded];
}

// The parameters are `valuesOf`, the place and the most calls of a step.
const MATCHES = `($3::bigint IS NULL OR $3 IN (account, billing_account))
  AND ($4::text IS NULL OR feed = $4)
  AND ${matchesOutcome('$5')}
  AND ${matchesSearch('$6', '$7')}`;

// The calls of a step are read in the order of their identity's index, and then filtered.
const STEP_AND_END = `WITH step AS MATERIALIZED (
    SELECT * FROM call
    WHERE started_at >= $1 AND started_at < $2
      AND started_at <= coalesce(to_timestamp(0) + $8::bigint * interval '1 microsecond', 'infinity')
      AND ($8::bigint IS NULL OR (started_at, id) <
        (to_timestamp(0) + $8::bigint * interval '1 microsecond', $9::uuid))
    ORDER BY started_at DESC, id DESC LIMIT $10
  ), looked AS (
    SELECT count(*)::int AS looked FROM step
  ), last AS (
    SELECT ${CURSOR_OF} AS "end", started_at AS reached FROM step, looked
    WHERE looked = $10 ORDER BY started_at, id LIMIT 1
  )`;

const STATEMENT = `${STEP_AND_END}, found AS (
    SELECT * FROM step WHERE ${MATCHES} ORDER BY started_at DESC, id DESC LIMIT $11
  )
  SELECT ${RECORD_COLUMNS}, CASE WHEN id IS NOT NULL THEN ${CURSOR_OF} END AS cursor,
    looked, "end", reached
  FROM looked LEFT JOIN last ON true LEFT JOIN found ON true
  ORDER BY started_at DESC, id DESC`;
