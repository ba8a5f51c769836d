import type { Database, Queryable } from '../../db/database.ts';
import { Gatherer } from '../../db/gather.ts';
import { type Actor, audit } from '../audit.ts';
import type { Decimal } from '../money.ts';

/** A call that a switch was allowed to make. */
export interface AllowedCall {
  /** username of the account that calls */
  account: number;
  /** the switch's own id of the call */
  callId: string;
}

export type ReleaseHold = (call: AllowedCall) => Promise<boolean>;

const EXPIRED_AT_ONCE = 5_000;

/**
 * SQL part of a WITH: subtracts the deleted holds in the part `gone` (billing_account, account,
 * amount) from the calls in progress. A statement that deletes a hold must have locked its balance.
 */
export const FEWER_IN_PROGRESS = `counted AS (
  UPDATE calls_in_progress c SET calls = c.calls - g.calls
  FROM (SELECT billing_account, account, count(*) AS calls FROM gone GROUP BY 1, 2) g
  WHERE c.billing_account = g.billing_account AND c.account = g.account
)`;

/** The same, and subtracts the holds from the balances' held amounts. */
export const GIVE_BACK = `${FEWER_IN_PROGRESS}, given_back AS (
  UPDATE balance b SET held = b.held - g.amount
  FROM (SELECT billing_account, sum(amount) AS amount FROM gone GROUP BY 1) g
  WHERE b.account = g.billing_account
)`;

/**
 * Ends holds of calls that were not answered. Concurrent requests share one statement. The answer
 * says whether there was a hold; for a call without a hold nothing happens.
 */
export function gatherReleases(db: Database): ReleaseHold {
  const gatherer = new Gatherer((calls: AllowedCall[]) => releaseOrFail(db, calls));
  return async (call) => {
    const released = await gatherer.ask(call);
    if (released instanceof Error) throw released;
    return released;
  };
}

async function releaseOrFail(db: Database, calls: AllowedCall[]): Promise<(boolean | Error)[]> {
  try {
    return await releaseHolds(db, calls);
  } catch (error) {
    if (calls.length === 1) return [error as Error];
    // A call whose balance stays locked must not delay the others.
    return (await Promise.all(calls.map((call) => releaseOrFail(db, [call])))).flat();
  }
}

// Parameters: accounts and ids of the calls.
const RELEASE = `WITH due AS (
       SELECT i.n, h.billing_account, h.call_id
       FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS i (account, call_id, n)
         JOIN account a ON a.username = i.account
         JOIN hold h ON h.billing_account = a.master_account AND h.call_id = i.call_id
           AND h.account = i.account
     ), locked AS (
       SELECT b.account FROM balance b
       WHERE b.account = ANY (ARRAY(SELECT billing_account FROM due))
       ORDER BY b.account FOR UPDATE
     ), gone AS (
       DELETE FROM hold h USING due d
       WHERE h.billing_account = d.billing_account AND h.call_id = d.call_id
         AND (SELECT count(*) FROM locked) >= 0
       RETURNING h.billing_account, h.call_id, h.account, h.amount
     ), ${GIVE_BACK}
     SELECT coalesce(array_agg(n::int), '{}') AS released FROM due
     WHERE ((billing_account, call_id) IN (SELECT billing_account, call_id FROM gone)) IS TRUE`;

/** @returns for each call whether it had a hold */
async function releaseHolds(db: Database, calls: AllowedCall[]): Promise<boolean[]> {
  const [row] = await db.deliver<{ released: number[] }>('release-holds', RELEASE, [
    calls.map(({ account }) => account),
    calls.map(({ callId }) => callId),
  ]);
  const released = new Set(row?.released);
  return calls.map((_, n) => released.has(n + 1));
}

/**
 * Ends the hold of a call by hand; the call itself goes on and is billed when it is reported.
 * @returns false if the call has no hold
 */
export function releaseByHand(
  db: Database,
  actor: Actor,
  { account, callId }: AllowedCall,
  now: Date,
): Promise<boolean> {
  return db.transaction(async (tx) => {
    const [row] = await tx.query<{ released: number[] }>(RELEASE, [[account], [callId]]);
    if (!row?.released.length) return false;
    await audit(tx, actor, { action: 'hold released', account, detail: { callId } }, now);
    return true;
  });
}

/** Gives back expired holds. A balance that is locked is left for the next run. */
export async function expireHolds(db: Queryable, now: Date): Promise<void> {
  for (let gone = EXPIRED_AT_ONCE; gone === EXPIRED_AT_ONCE; ) {
    const [row] = await db.query<{ gone: number }>(
      `WITH due AS (
         SELECT billing_account, call_id FROM hold WHERE expires_at <= $1 LIMIT ${EXPIRED_AT_ONCE}
       ), locked AS (
         SELECT b.account FROM balance b
       WHERE b.account = ANY (ARRAY(SELECT billing_account FROM due))
         ORDER BY b.account FOR UPDATE SKIP LOCKED
       ), gone AS (
         DELETE FROM hold h USING due d JOIN locked l ON l.account = d.billing_account
         WHERE h.billing_account = d.billing_account AND h.call_id = d.call_id
           -- It may have been extended before its balance was locked.
           AND h.expires_at <= $1
         RETURNING h.billing_account, h.account, h.amount
       ), ${GIVE_BACK}
       SELECT count(*)::int AS gone FROM gone`,
      [now],
    );
    gone = row?.gone ?? 0;
  }
}

/** A call in progress and its hold. */
export interface HoldRecord {
  account: number;
  billingAccount: number;
  callId: string;
  called: string;
  /** money */
  amount: Decimal;
  grantedAt: Date;
  expiresAt: Date;
}

/**
 * Calls in progress that hold something, by billing account and call.
 * @param filter.reach only of these billing accounts
 * @param page.after billing account and call of the last one already seen
 */
export function listHolds(
  db: Queryable,
  filter: { account?: number | undefined; reach?: number[] | undefined },
  now: Date,
  page: { after?: unknown[] | undefined; limit: number },
): Promise<HoldRecord[]> {
  const [account = 0, call = ''] = page.after ?? [];
  return db.query<HoldRecord>(
    `SELECT account, billing_account AS "billingAccount", call_id AS "callId", called,
       amount::text, granted_at AS "grantedAt", expires_at AS "expiresAt"
     FROM hold
     WHERE expires_at > $1
       AND (billing_account, call_id COLLATE "C") > ($2::bigint, $3::text COLLATE "C")
       AND ($4::bigint IS NULL OR $4 IN (account, billing_account))
       AND ($5::bigint[] IS NULL OR billing_account = ANY ($5))
     ORDER BY billing_account, call_id COLLATE "C" LIMIT $6`,
    [now, account, call, filter.account ?? null, filter.reach ?? null, page.limit],
  );
}

/** The number of calls in progress with a hold, and the money that they hold. */
export async function sumHolds(
  db: Queryable,
  now: Date,
): Promise<{ holds: number; amount: number }> {
  const [row] = await db.query<{ holds: number; amount: number }>(
    `SELECT count(*)::int AS holds, coalesce(sum(amount), 0)::float8 AS amount
     FROM hold WHERE expires_at > $1`,
    [now],
  );
  return row ?? { holds: 0, amount: 0 };
}
