import type { Queryable } from '../../db/database.ts';
import { Refusal } from '../refusal.ts';
import { decodedName, type ListedCall } from './call-list.ts';
import { matchesOutcome, OUTCOME_OF, type OutcomeChoice } from './call-outcome.ts';

/** A call for another system: the customer's view, and the call's feed. */
export interface CallRecord extends Omit<ListedCall, 'startedAt' | 'incoming'> {
  start: Date;
  billingAccount: number;
  debited: boolean;
  feed: string;
  receivedAt: Date;
  /** the start, to the microsecond */
  place: string;
}

/** SQL of a record, of `call`. */
export const RECORD_COLUMNS = `replace(id::text, '-', '') AS id, started_at AS start, account,
  billing_account AS "billingAccount", caller, caller_name AS "callerName", called,
  source_ip AS "sourceIp", (talk_microseconds + 999999) / 1000000 AS "talkSeconds",
  ${OUTCOME_OF} AS outcome,
  billed_seconds AS "billedSeconds", rate::text, round(amount, 6)::text AS amount, fee::text, debited, feed,
  received_at AS "receivedAt", started_at::text AS place`;

/** A record as it is shown, with its caller's name decoded. */
export const shownRecord = (call: CallRecord) => ({
  ...call,
  callerName: decodedName(call.callerName),
});

export interface CallSearch {
  from: Date;
  /** the first moment after the range */
  to: Date;
  accounts?: number[] | undefined;
  billingAccounts?: number[] | undefined;
  /** the caller or the called number, in the stored form */
  number?: string | undefined;
  feeds?: string[] | undefined;
  outcomes?: OutcomeChoice[] | undefined;
  /** only calls of these billing accounts */
  reach?: number[] | undefined;
}

/**
 * Calls of all accounts, newest first.
 * @param page.before `place` and id of the last call already seen
 */
export async function searchCalls(
  db: Queryable,
  search: CallSearch,
  page: { before?: unknown[] | undefined; limit: number },
): Promise<CallRecord[]> {
  const [start = null, id = null] = page.before ?? [];
  const calls = await db.query<CallRecord>(
    `SELECT ${RECORD_COLUMNS} FROM call
     WHERE started_at >= $1 AND started_at < $2
       AND started_at <= coalesce($3::timestamptz, 'infinity')
       AND ($3::timestamptz IS NULL OR (started_at, id) < ($3::timestamptz, $4::uuid))
       AND ($5::bigint[] IS NULL OR account = ANY ($5))
       AND ($6::bigint[] IS NULL OR billing_account = ANY ($6))
       AND ($7::text IS NULL OR $7 IN (caller, called))
       AND ($8::text[] IS NULL OR feed = ANY ($8))
       AND ($9::bigint[] IS NULL OR billing_account = ANY ($9))
       AND ${matchesOutcome('$10')}
     ORDER BY started_at DESC, id DESC LIMIT $11`,
    [
      search.from,
      search.to,
      start,
      id,
      search.accounts ?? null,
      search.billingAccounts ?? null,
      search.number ?? null,
      search.feeds ?? null,
      search.reach ?? null,
      search.outcomes ?? null,
      page.limit,
    ],
  );
  return calls.map(shownRecord);
}

/**
 * A call by its id and its start.
 * @param start to the millisecond
 * @throws Refusal 'not found'
 */
export async function findCall(
  db: Queryable,
  { id, start }: { id: string; start: Date },
  reach?: number[],
): Promise<CallRecord> {
  const [call] = await db.query<CallRecord>(
    `SELECT ${RECORD_COLUMNS} FROM call
     WHERE started_at >= $2 AND started_at < $2::timestamptz + interval '1 millisecond'
       AND id = $1::uuid AND ($3::bigint[] IS NULL OR billing_account = ANY ($3)) LIMIT 1`,
    [id, start, reach ?? null],
  );
  if (!call) throw new Refusal('not found', `there is no call ${id}`);
  return shownRecord(call);
}
