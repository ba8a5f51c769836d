import type { Queryable } from '../../db/database.ts';
import type { DayRange } from '../day.ts';
import type { Decimal } from '../money.ts';
import { searchedNumber } from '../phone-number.ts';
import {
  type CallOutcome,
  matchesOutcome,
  OUTCOME_OF,
  type OutcomeChoice,
} from './call-outcome.ts';
import type { UsageScope } from './usage.ts';

/** A call as its customer sees it. */
export interface ListedCall {
  id: string;
  account: number;
  startedAt: Date;
  caller: string;
  /** the caller's display name, decoded */
  callerName: string | null;
  called: string;
  sourceIp: string | null;
  talkSeconds: number;
  /** null where no switch reported it */
  outcome: CallOutcome | null;
  billedSeconds: number;
  /** money per minute */
  rate: Decimal;
  /** money; null if the switch debited the call and did not report the amount */
  amount: Decimal | null;
  /** the part of the amount that is not rate times seconds; null: nothing */
  fee: Decimal | null;
  /** whether the called number is the account's own */
  incoming: boolean;
}

/** Which calls to list. */
export interface CallFilter {
  scope: UsageScope;
  range: DayRange;
  /** part of a number or of a caller's name; '' for all */
  search: string;
  outcome?: OutcomeChoice | undefined;
}

export interface CallPage {
  calls: ListedCall[];
  /** cursor of the next page; undefined: this is the last one */
  next: string | undefined;
  /** how many calls were searched, if the search ended before the page was full */
  searched: number | undefined;
}

// A search reads at most this many calls for a page; the next page reads on. Without this limit a
// search for a rare text among millions of calls would time out.
const SEARCHED_AT_ONCE = 10_000;
/** The form of `CURSOR_OF`: microseconds since 1970, and the id. */
export const CURSOR = /^([0-9]{1,17})-([0-9a-f]{32})$/;

type Row = ListedCall & { cursor: string | null; end: string | null };

const COLUMNS = `replace(id::text, '-', '') AS id, account, started_at AS "startedAt", caller,
  caller_name AS "callerName", called, source_ip AS "sourceIp",
  (talk_microseconds + 999999) / 1000000 AS "talkSeconds", ${OUTCOME_OF} AS outcome,
  billed_seconds AS "billedSeconds", rate::text, round(amount, 6)::text AS amount, fee::text,
  EXISTS (SELECT FROM number o WHERE o.account = shown.account AND o.number = shown.called
    AND (o.removed_at IS NULL OR o.removed_at > shown.started_at)) AS incoming`;
/** SQL of a call's cursor, of `call`. */
export const CURSOR_OF = `(extract(epoch FROM started_at) * 1000000)::bigint || '-' || replace(id::text, '-', '')`;

const OF_ACCOUNTS = 'a.master_account = $1 AND a.username = coalesce($2, a.username)';
const WITHIN = `started_at >= first AND started_at < last
  AND started_at <= coalesce(before, 'infinity')
  AND (before IS NULL OR (call.started_at, call.id) < (before, $7::uuid))`;
const OWN = 'billing_account = $1 AND account = a.username';
const NEWEST = 'started_at DESC, id DESC';
// A list compares rows, because only the primary key has their order. With equal signs PostgreSQL
// may read the calls of everyone in order of time to find those of an account with few.
const KEY = '(billing_account, account, started_at)';
const OWN_IN_KEY = `${KEY} >= ($1, a.username, first)
  AND ${KEY} <= ($1, a.username, least(last, coalesce(before, last)))`;

/**
 * A page of calls, newest first. Each page begins where the previous one ended, so the last of a
 * million calls is found as fast as the first.
 * @param after `next` of the previous page; any other text begins at the newest call
 */
export async function listCalls(
  db: Queryable,
  filter: CallFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<CallPage> {
  const { scope, range, outcome } = filter;
  const { text, encoded } = searchValues(filter.search);
  const isSearch = text !== '' || outcome !== undefined;
  const [, at = null, id = null] = CURSOR.exec(after ?? '') ?? [];
  const [own, order] = isSearch
    ? [OWN, NEWEST]
    : [OWN_IN_KEY, `billing_account DESC, account DESC, ${NEWEST}`];
  // The index alone finds where the search must end, so no further calls are read.
  const rows = await db.query<Row>(
    `WITH edge AS (
       SELECT $3::timestamp AT TIME ZONE $5 AS first,
         ($4::timestamp + interval '1 day') AT TIME ZONE $5 AS last,
         to_timestamp(0) + $6::bigint * interval '1 microsecond' AS before
     ), reach AS MATERIALIZED (
       SELECT c.* FROM account a, edge, LATERAL (
         SELECT started_at, id FROM call WHERE ${OWN} AND ${WITHIN} ORDER BY ${NEWEST} LIMIT $8) c
       WHERE ${OF_ACCOUNTS} ORDER BY c.started_at DESC, c.id DESC OFFSET greatest($8 - 1, 0) LIMIT 1
     ), shown AS (
       SELECT c.* FROM account a, edge LEFT JOIN reach ON true, LATERAL (
         SELECT * FROM call
         WHERE ${own} AND ${WITHIN} AND started_at >= coalesce(reach.started_at, first)
           AND (reach.id IS NULL OR (call.started_at, call.id) >= (reach.started_at, reach.id))
           AND ${matchesSearch('$9', '$10')} AND ${matchesOutcome('$12')}
         ORDER BY ${order} LIMIT $11) c
       WHERE ${OF_ACCOUNTS} ORDER BY c.started_at DESC, c.id DESC LIMIT $11
     )
     SELECT ${COLUMNS}, ${CURSOR_OF} AS cursor, "end"
     FROM (SELECT (SELECT ${CURSOR_OF} FROM reach) AS "end") e LEFT JOIN shown ON true
     ORDER BY started_at DESC, shown.id DESC`,
    [
      scope.billingAccount,
      scope.account ?? null,
      range.from,
      range.to,
      range.timeZone,
      at,
      id,
      isSearch ? SEARCHED_AT_ONCE : 0,
      text,
      encoded,
      limit + 1,
      outcome ? [outcome] : null,
    ],
  );
  const found = rows.filter(({ cursor }) => cursor !== null);
  const calls = found.slice(0, limit).map(({ cursor: _, end: __, ...call }) => ({
    ...call,
    callerName: decodedName(call.callerName),
  }));
  if (found.length > limit) {
    return { calls, next: found[limit - 1]?.cursor ?? undefined, searched: undefined };
  }
  const end = rows[0]?.end ?? undefined;
  return { calls, next: end, searched: end ? SEARCHED_AT_ONCE : undefined };
}

/** What a step of a search found. */
export interface SearchStep {
  calls: ListedCall[];
  /** the number of calls looked at, from the beginning of the search */
  searched: number;
  /** the start of the last call looked at; undefined: everything was looked at */
  reached: Date | undefined;
  /** cursor of the next page, if this step ends a page */
  next: string | undefined;
}

/**
 * The same page, step by step: a search goes on until the page is full or everything was looked at.
 */
export async function* findCalls(
  db: Queryable,
  filter: CallFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): AsyncGenerator<SearchStep> {
  let [place, found, searched] = [after, 0, 0];
  for (;;) {
    const page = await listCalls(db, filter, { after: place, limit: limit - found });
    found += page.calls.length;
    searched += page.searched ?? 0;
    const goesOn = page.searched !== undefined && found < limit;
    const reached = goesOn ? startOf(page.next) : page.next && page.calls.at(-1)?.startedAt;
    yield {
      calls: page.calls,
      searched,
      reached: reached || undefined,
      next: goesOn ? undefined : page.next,
    };
    if (!goesOn) return;
    place = page.next;
  }
}

/** The start of the call of a cursor, to the millisecond. */
function startOf(cursor: string | undefined): Date | undefined {
  const [, at] = CURSOR.exec(cursor ?? '') ?? [];
  return at === undefined ? undefined : new Date(Number(at) / 1_000);
}

/** The parameters of `matchesSearch`. @param search as a customer typed it */
export function searchValues(search: string): { text: string; encoded: string } {
  const text = searchedNumber(search.trim().toWellFormed());
  return { text, encoded: encodeURIComponent(text).toLowerCase() };
}

/** SQL condition: a call matches a search. @param text, encoded see `searchValues` */
export function matchesSearch(text: string, encoded: string): string {
  return `(${text} = '' OR strpos(caller, ${text}) > 0 OR strpos(called, ${text}) > 0
    OR strpos(lower(caller_name), ${encoded}) > 0)`;
}

/** A caller's name without its one layer of percent-encoding. */
export function decodedName(name: string | null): string | null {
  try {
    return name && decodeURIComponent(name);
  } catch {
    return name;
  }
}
