import type { Database, Queryable } from '../../db/database.ts';
import { type Actor, audit } from '../audit.ts';
import { postEntry } from '../books/ledger.ts';
import { recordEvent } from '../event.ts';
import { type Decimal, fromMicros, toMicros } from '../money.ts';
import { Refusal, unknownAccount } from '../refusal.ts';
import { reopenHours } from './call-sums.ts';
import {
  BATCH,
  LAST_OF_PAGE,
  pageValues,
  RATED,
  type RatedPage,
  type ReratingRange,
} from './rerating-page.ts';

const ACCOUNTS = 100;
// Calls of these accounts wait for their balances, at most for the lock timeout. A busy machine may take
// as long for a hundred entries.
const LOCKED_MS = 250;

export interface ReratingOptions {
  now: Date;
  onProgress?: (step: ReratingStep, done: number) => void;
}

type ReratingStep = 'rating' | 'posting' | 'applying';

/** What a run changes, or would change. */
export interface ReratingResult {
  /** calls of the range */
  calls: number;
  /** calls whose cost or billed seconds changed */
  changed: number;
  /** the adjustment of each billing account, if not zero; a debit is negative */
  adjustments: { account: number; amount: Decimal }[];
}

interface Run {
  id: number;
  step: ReratingStep | 'done';
  reason: string;
  actor: string;
}

/** What `rerateCalls` would change now. It changes nothing. */
export async function previewRerating(
  db: Database,
  range: ReratingRange,
  onProgress?: ReratingOptions['onProgress'],
): Promise<ReratingResult> {
  await requireRange(db, range);
  const result = { calls: 0, changed: 0 };
  const sums = new Map<number, bigint>();
  let last: RatedPage | undefined;
  do {
    const [page] = await db.query<
      RatedPage & { changed: number; sums: { account: number; amount: Decimal }[] }
    >(
      `WITH ${RATED}, sums AS (
         SELECT billing_account AS account, sum(amount - new_amount)::text AS amount
         FROM changed GROUP BY 1
       )
       SELECT ${LAST_OF_PAGE}, (SELECT count(*) FROM changed) AS changed,
         (SELECT coalesce(json_agg(sums), '[]') FROM sums) AS sums`,
      pageValues(range, last),
    );
    last = page;
    result.calls += page?.calls ?? 0;
    result.changed += page?.changed ?? 0;
    for (const { account, amount } of page?.sums ?? []) {
      sums.set(account, (sums.get(account) ?? 0n) + toMicros(amount));
    }
    onProgress?.('rating', result.calls);
  } while (last?.calls === BATCH);
  const adjustments = [...sums]
    .filter(([, micros]) => micros !== 0n)
    .map(([account, micros]) => ({ account, amount: fromMicros(micros) }))
    .sort((a, b) => a.account - b.account);
  return { ...result, adjustments };
}

/**
 * Prices the calls of a range again, at the rates in force now. Each billing account gets the
 * difference as one adjustment. The calls show their new cost; the old cost is kept. The work is
 * split into small transactions, and the books are right after each. So the run may be killed at
 * any moment: a start with the same range and reason continues it, also while another process works
 * on it. A repeated run changes nothing.
 * @throws Refusal 'not found' for an unknown account or list, 'conflict' while a run of another
 *   range or reason is not finished
 */
export async function rerateCalls(
  db: Database,
  actor: Actor,
  { reason, ...range }: ReratingRange & { reason: string },
  { now, onProgress }: ReratingOptions,
): Promise<ReratingResult> {
  await requireRange(db, range);
  const id = await startRun(db, actor, { reason, ...range }, now);
  const perform = async (step: ReratingStep, work: (tx: Queryable) => Promise<Part>) => {
    for (let done = 0, more = true; more; onProgress?.(step, done)) {
      const part = await db.transaction(work);
      more = part.more;
      done += part.done;
    }
  };
  await perform('rating', (tx) => ratePage(tx, id, range));
  let posted = 0;
  await perform('posting', async (tx) => {
    const part = await postPage(tx, id, posted, now);
    posted = part.last;
    return part;
  });
  await perform('applying', (tx) => applyPage(tx, id, now));
  return resultOf(db, id);
}

/** @throws Refusal 'not found' for an unknown account or list */
export async function requireRange(
  db: Queryable,
  { account, priceList }: ReratingRange,
): Promise<void> {
  const [found] = await db.query<{ account: boolean; list: boolean }>(
    `SELECT EXISTS (SELECT FROM account WHERE username = $1) AS account,
       EXISTS (SELECT FROM price_list WHERE name = $2) AS list`,
    [account ?? null, priceList ?? null],
  );
  if (account !== undefined && !found?.account) throw unknownAccount(account);
  if (priceList !== undefined && !found?.list) {
    throw new Refusal('not found', `there is no price list ${priceList}`);
  }
}

/** @returns the unfinished run, if its range and reason are the same; else a new one */
async function startRun(
  db: Database,
  actor: Actor,
  range: ReratingRange & { reason: string },
  now: Date,
): Promise<number> {
  const { from, to, account = null, priceList = null, reason } = range;
  const id = await db.transaction(async (tx) => {
    const [started] = await tx.query<{ id: number }>(
      `INSERT INTO rerating (from_at, to_at, account, price_list, reason, actor, started_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id`,
      [from, to, account, priceList, reason, actor.who, now],
    );
    if (started) {
      const detail = { from, to, account, priceList, reason };
      await audit(
        tx,
        actor,
        { action: 'calls rerated', account: account ?? undefined, detail },
        now,
      );
      return started.id;
    }
    const [unfinished] = await tx.query<{ id: number; same: boolean; text: string }>(
      `SELECT id, from_at = $1 AND to_at = $2 AND account IS NOT DISTINCT FROM $3::bigint
           AND price_list IS NOT DISTINCT FROM $4::text AND reason = $5 AS same,
         concat_ws(' ', '--from', to_json(from_at)#>>'{}', '--to', to_json(to_at)#>>'{}',
           '--account ' || account, '--price-list ' || price_list,
           '--reason ' || quote_literal(reason)) AS text
       FROM rerating WHERE finished_at IS NULL`,
      [from, to, account, priceList, reason],
    );
    if (!unfinished || unfinished.same) return unfinished?.id;
    throw new Refusal(
      'conflict',
      `another run is not finished; finish it first with ${unfinished.text}`,
    );
  });
  // Another run was in progress, and has ended meanwhile.
  return id ?? startRun(db, actor, range, now);
}

/** Locks the run until the transaction ends, so two processes take turns. */
async function lockRun(tx: Queryable, id: number): Promise<Run & { last: RatedPage | undefined }> {
  const [run] = await tx.query<Run & { startedAt: Date | null; lastId: string }>(
    `SELECT id, step, reason, actor, at_started AS "startedAt", at_id AS "lastId"
     FROM rerating WHERE id = $1 FOR UPDATE`,
    [id],
  );
  if (!run) throw new Error(`there is no run ${id}`);
  const { startedAt, lastId } = run;
  return { ...run, last: startedAt ? { calls: 0, startedAt, id: lastId } : undefined };
}

interface Part {
  done: number;
  more: boolean;
}

const OTHER_STEP: Part = { done: 0, more: false };

/** Stores the old and new cost of the next calls. */
async function ratePage(tx: Queryable, id: number, range: ReratingRange): Promise<Part> {
  const { step, last } = await lockRun(tx, id);
  if (step !== 'rating') return OTHER_STEP;
  const [page] = await tx.query<RatedPage>(
    `WITH ${RATED}, noted AS (
       INSERT INTO call_rating (billing_account, account, started_at, id, rerating, rate_before,
         rate_after, billed_seconds_before, billed_seconds_after, amount_before, amount_after,
         fee_before, fee_after)
       SELECT billing_account, account, started_at, id, $7, rate, new_rate, billed_seconds,
         new_seconds, amount, new_amount, fee, new_fee
       FROM changed
     )
     SELECT ${LAST_OF_PAGE}`,
    [...pageValues(range, last), id],
  );
  const calls = page?.calls ?? 0;
  const more = calls === BATCH;
  await tx.query(
    `UPDATE rerating SET at_started = coalesce($2, at_started), at_id = coalesce($3, at_id),
       looked_at = looked_at + $4, step = $5 WHERE id = $1`,
    [id, page?.startedAt, page?.id, calls, more ? 'rating' : 'posting'],
  );
  return { done: calls, more };
}

/**
 * Changes the balances of the next accounts. An entry posted before an interruption is recognized
 * by its reference.
 * @param after the last account that was handled
 */
async function postPage(
  tx: Queryable,
  id: number,
  after: number,
  now: Date,
): Promise<Part & { last: number }> {
  const { step, reason, actor } = await lockRun(tx, id);
  if (step !== 'posting') return { ...OTHER_STEP, last: after };
  const sums = await sumsOf(tx, id, { after, limit: ACCOUNTS });
  const until = performance.now() + LOCKED_MS;
  let done = 0;
  for (const { account, amount } of sums) {
    if (performance.now() > until) break;
    done += 1;
    if (toMicros(amount) === 0n) continue;
    const entry = { account, amount, reason, actor, reference: `rerating ${id}`, at: now };
    await postEntry(tx, { ...entry, kind: 'adjustment' });
  }
  const more = done === ACCOUNTS || done < sums.length;
  if (!more) await tx.query("UPDATE rerating SET step = 'applying' WHERE id = $1", [id]);
  return { done, more, last: sums[done - 1]?.account ?? after };
}

/** The adjustments in the order of accounts: the order in which balances are locked. */
function sumsOf(
  db: Queryable,
  id: number,
  { after, limit }: { after: number; limit: number | null },
): Promise<{ account: number; amount: Decimal }[]> {
  return db.query(
    `SELECT billing_account AS account, sum(amount_before - amount_after)::text AS amount
     FROM call_rating WHERE rerating = $1 AND billing_account > $2 GROUP BY 1 ORDER BY 1 LIMIT $3`,
    [id, after, limit],
  );
}

async function applyPage(tx: Queryable, id: number, now: Date): Promise<Part> {
  const { step } = await lockRun(tx, id);
  if (step !== 'applying') return OTHER_STEP;
  const [page] = await tx.query<{ done: number }>(
    `WITH page AS (
       SELECT * FROM call_rating WHERE rerating = $1 AND NOT applied
       ORDER BY billing_account LIMIT ${BATCH}
     ), applied AS (
       UPDATE call c SET rate = r.rate_after, billed_seconds = r.billed_seconds_after,
         amount = r.amount_after, fee = r.fee_after
       FROM page r
       WHERE c.billing_account = r.billing_account AND c.account = r.account
         AND c.started_at = r.started_at AND c.id = r.id
     ), noted AS (
       UPDATE call_rating n SET applied = true FROM page r
       WHERE n.billing_account = r.billing_account AND n.account = r.account
         AND n.started_at = r.started_at AND n.id = r.id AND n.rerating = $1
     ),
     ${reopenHours('page')}
     SELECT count(*) AS done FROM page`,
    [id],
  );
  const done = page?.done ?? 0;
  const more = done === BATCH;
  if (!more) {
    const [run] = await tx.query<{ account: number | null }>(
      `UPDATE rerating r SET step = 'done', finished_at = $2 WHERE id = $1
       RETURNING from_at AS from, to_at AS to, reason, account,
         (SELECT count(*)::int FROM call_rating WHERE rerating = r.id) AS changed,
         (SELECT coalesce(sum(amount_after - amount_before), 0)::text FROM call_rating
          WHERE rerating = r.id) AS total`,
      [id, now],
    );
    const { account, ...data } = run as { account: number | null };
    await recordEvent(tx, { type: 'calls.rerated', account: account ?? undefined, data }, now);
  }
  return { done, more };
}

async function resultOf(db: Queryable, id: number): Promise<ReratingResult> {
  const [run] = await db.query<{ calls: number; changed: number }>(
    `SELECT looked_at AS calls,
       (SELECT count(*) FROM call_rating WHERE rerating = r.id) AS changed
     FROM rerating r WHERE id = $1`,
    [id],
  );
  const sums = await sumsOf(db, id, { after: 0, limit: null });
  const adjustments = sums.filter(({ amount }) => toMicros(amount) !== 0n);
  return { calls: 0, changed: 0, ...run, adjustments };
}

/** The number of calls in a range, for a progress bar. */
export async function countCalls(db: Queryable, { from, to }: ReratingRange): Promise<number> {
  const [row] = await db.query<{ count: number }>(
    'SELECT count(*) AS count FROM call WHERE started_at >= $1 AND started_at < $2',
    [from, to],
  );
  return row?.count ?? 0;
}
