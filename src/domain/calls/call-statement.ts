import { spending } from '../books/day-limit.ts';
import { debited, debitedBy, recordCrossings } from '../books/suspension.ts';
import { FEWER_IN_PROGRESS } from '../rating/hold.ts';
import {
  billedSeconds,
  calledNumber,
  feeOf,
  ownerOfCalled,
  price,
  priceRow,
  rateOf,
} from '../rating/rating.ts';
import { reopenHours } from './call-sums.ts';

/** What a batch needs from its statement. An unneeded part costs as much time as a needed one. */
export interface BatchKind {
  /** some calls may be stored already; if false, they cause a unique violation, which costs less */
  repeats: boolean;
  /** some calls may have a hold */
  settles: boolean;
  /** some calls began so early that their hour may be summed already: `SUMMED_AFTER_MS` */
  isLate: boolean;
}

/** An hour is not summed earlier than this after a call in it began. */
export const SUMMED_AFTER_MS = 30 * 60_000;
// Only busy accounts have sums, and many installations have no busy account.
const REOPENED = reopenHours(
  `inserted WHERE started_at < $14::timestamptz - interval '${SUMMED_AFTER_MS} ms'
    AND EXISTS (SELECT FROM call_sum_hour)`,
);

// Holds are looked up by both columns, also in a plan made while the table was empty.
const ending = (repeats: boolean) => `ending AS (
  SELECT h.billing_account, h.call_id
  FROM priced p, LATERAL (SELECT * FROM hold
      WHERE billing_account = p.master_account AND call_id = p.call_id OFFSET 0) h
  WHERE p.call_id IS NOT NULL${
    repeats ? ' AND ((p.id, p.started_at) IN (SELECT id, started_at FROM inserted)) IS TRUE' : ''
  }
)`;
// What was spent, for each call.
const SPENT = 'FROM inserted WHERE debited AND amount > 0';
// The locks of balances come before those of holds, as where calls are allowed.
const settled = (repeats: boolean) => `${ending(repeats)}, locked AS (
  SELECT FROM balance b WHERE b.account = ANY (ARRAY(
    SELECT billing_account ${SPENT} UNION ALL SELECT billing_account FROM ending))
  ORDER BY b.account FOR UPDATE
), gone AS (
  DELETE FROM hold h USING ending e
  WHERE h.billing_account = e.billing_account AND h.call_id = e.call_id
    AND (SELECT count(*) FROM locked) >= 0
  RETURNING h.billing_account, h.account, h.amount
), ${FEWER_IN_PROGRESS}, moved AS (
  SELECT billing_account AS account, sum(spent) AS spent, sum(held) AS held
  FROM (SELECT billing_account, amount AS spent, 0.0 AS held ${SPENT}
    UNION ALL SELECT billing_account, 0.0, amount FROM gone) AS m
  GROUP BY billing_account
)`;
const UNSETTLED = `moved AS (
  SELECT billing_account AS account, sum(amount) AS spent ${SPENT} GROUP BY billing_account
)`;
const BILLED = ['call_rate', 'billed_seconds', 'fee', 'least'] as const;

/**
 * The statement that stores a batch. It rates each call, inserts it, debits the billing accounts,
 * settles the holds and records the events. So no call is ever stored without its debit. A batch
 * has each identity once. The statement returns the stored identities only where some calls were not stored.
 *
 * Balances are locked in the order of their accounts, because concurrent batches could deadlock
 * otherwise. Without holds, each is locked where it is debited, which saves a fifteenth of the time.
 * Times are milliseconds and all digests are one text: PostgreSQL reads these faster than typed
 * arrays.
 *
 * Its plan is made without the values, so it expects few calls and would compare each with each where
 * two parts are joined. A part is therefore only joined to tables, by their keys; `IS TRUE` makes a
 * hash table of a part. The number and its price are no lateral joins, which would begin their
 * subqueries anew for each call.
 */
const textOf = ({ repeats, settles, isLate }: BatchKind) => `
WITH input AS (
  SELECT n, id, account, timestamptz 'epoch' + started_ms * interval '1 ms' AS started_at,
    talk_microseconds, caller, called, source_ip, caller_name, switch_rate, switch_amount, call_id, feed,
    dialled, outcome, n = ANY ($16::bigint[]) AS emergency
  FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
      $7::text[], $8::text[], $9::numeric[], $10::numeric[], $11::text[], $13::text[], $17::text[],
      $18::text[])
      WITH ORDINALITY
    AS i (id, account, started_ms, talk_microseconds, caller, called, source_ip, caller_name,
      switch_rate, switch_amount, call_id, feed, dialled, outcome, n)
), numbered AS (
  SELECT i.*, a.username, a.master_account, a.price_list, a.rate, a.minimum_seconds,
    a.increment_seconds,
    ${calledNumber(['i.called', 'i.dialled'], 'i.started_at', 'i.emergency', 'i.called')} AS number
  FROM input i
  JOIN account a ON a.username = CASE WHEN i.account IS NOT NULL THEN i.account
    ELSE ${ownerOfCalled('i.called', 'i.started_at')} END
  OFFSET 0
), found AS (
  SELECT a.*, ${priceRow('a.number', 'a.started_at', 'a.emergency')} AS price
  FROM numbered a OFFSET 0
), priced AS (
  SELECT a.*, (a.price).connect_fee AS fee, (a.price).minimum_charge AS least,
    coalesce(a.switch_rate, ${rateOf('a.emergency', 'a.price')}) AS call_rate,
    ${billedSeconds(
      'a.talk_microseconds',
      'coalesce((a.price).minimum_seconds, a.minimum_seconds)',
      'coalesce((a.price).increment_seconds, a.increment_seconds)',
    )} AS billed_seconds
  FROM found a
), inserted AS (
  INSERT INTO call (billing_account, account, started_at, id, caller, called, source_ip,
    caller_name, talk_microseconds, billed_seconds, rate, amount, fee, debited, feed, content_digest,
    received_at, emergency, outcome)
  SELECT master_account, username, started_at, id, caller, number, source_ip, caller_name,
    talk_microseconds, billed_seconds, call_rate, amount,
    CASE WHEN switch_rate IS NULL THEN ${feeOf('amount', BILLED)} END,
    switch_rate IS NULL, feed, substr((SELECT decode($12, 'hex')), n::int * 16 - 15, 16), $14,
    CASE WHEN emergency THEN true END, outcome
  FROM (SELECT p.*, CASE WHEN switch_rate IS NULL THEN ${price(...BILLED)} ELSE switch_amount END AS amount
    FROM priced p OFFSET 0) p
  ORDER BY master_account, username, started_at, id
  ${repeats ? 'ON CONFLICT DO NOTHING' : ''}
  RETURNING billing_account, started_at, id, amount, debited
), ${settles ? settled(repeats) : UNSETTLED}, debit AS (
  UPDATE balance b SET
    ${settles ? 'held = b.held - m.held,' : ''}
    ${debitedBy('m.spent')},
    ${spending('m.spent', '$14::timestamptz')}
  FROM (SELECT * FROM moved ORDER BY account OFFSET 0) m JOIN account a ON a.username = m.account
  WHERE b.account = m.account${settles ? ' AND (SELECT count(*) FROM locked) >= 0' : ''}
  RETURNING ${debited('m.spent')}, b.warning_due OR b.limit_due AS warning_due
), ${recordCrossings('debit', '$14::timestamptz')}${isLate ? `, ${REOPENED}` : ''}
SELECT coalesce((SELECT bool_or(warning_due) FROM debit), false) AS "warningsDue",
  CASE WHEN stored < $15 THEN (
    SELECT coalesce(array_agg(replace(id::text, '-', '') || ' ' ||
      (extract(epoch FROM started_at) * 1000)::bigint), '{}') FROM inserted) END AS stored
FROM (SELECT count(*) AS stored FROM inserted) c`;

const statements = new Map<string, { name: string; text: string }>();

/** The statement for batches of a kind, and its name. */
export function storeStatement(kind: BatchKind): { name: string; text: string } {
  const parts = Object.entries(kind).flatMap(([part, has]) => (has ? [part] : []));
  const name = ['store-calls', ...parts].join('-');
  const statement = statements.get(name) ?? { name, text: textOf(kind) };
  statements.set(name, statement);
  return statement;
}
