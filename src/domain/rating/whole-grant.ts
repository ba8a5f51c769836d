import { plainArray, textArray } from '../../db/array-text.ts';
import type { Send } from '../../db/exchange.ts';
import type { Decimal } from '../money.ts';
import {
  type AuthorizeOptions,
  type CallPermission,
  type CallQuestion,
  RECORD_DELAY_SECONDS,
} from './decision.ts';
import { isBlocked, joinDestination, joinNumber, price } from './rating.ts';

const QUESTIONS = `unnest($1::bigint[], $2::text[], $3::text[], $5::text[]) WITH ORDINALITY
      AS i (account, called, call_id, dialled, n)`;
const FIRST_QUESTION = `(SELECT ($1::bigint[])[1] AS account, ($2::text[])[1] AS called,
      ($3::text[])[1] AS call_id, ($5::text[])[1] AS dialled, 1 AS n) AS i`;

const NOW = '$4::timestamptz';

const askedOf = (questions: string, hold = '', at = NOW) => `${questions}
    JOIN account a ON a.username = i.account
    ${joinNumber(['i.called', 'i.dialled'], NOW, 'false', "''")}${hold}
    ${joinDestination('e.number', at, 'false')}`;

// A plan made while the table was empty must use both columns.
const HOLD_OF_CALL = `SELECT * FROM hold
      WHERE billing_account = a.master_account AND call_id = i.call_id OFFSET 0`;

/**
 * SQL of the questions `i`, with the account `a`, number `e.number`, hold of the same call `h`, and
 * price `d.price` of each. A call that goes on has the price with which it began, as its record will.
 */
export const ASKED = askedOf(
  QUESTIONS,
  ` LEFT JOIN LATERAL (${HOLD_OF_CALL}) h ON true`,
  `CASE WHEN h.called = e.number AND h.account = i.account AND h.expires_at > ${NOW}
     THEN h.granted_at ELSE ${NOW} END`,
);

const PRICE = {
  rate: 'coalesce((d.price).rate, a.rate)',
  connectFee: 'coalesce((d.price).connect_fee, 0)',
  minimumCharge: 'coalesce((d.price).minimum_charge, 0)',
  minimumSeconds: 'coalesce((d.price).minimum_seconds, a.minimum_seconds)',
  incrementSeconds: 'coalesce((d.price).increment_seconds, a.increment_seconds)',
};

/** SQL columns of the call's price. */
export const CALL_PRICE = `${PRICE.rate}::text AS rate, ${PRICE.connectFee}::text AS "connectFee",
    ${PRICE.minimumCharge}::text AS "minimumCharge", ${PRICE.minimumSeconds} AS "minimumSeconds",
    ${PRICE.incrementSeconds} AS "incrementSeconds"`;

/** SQL of what may be spent, without regard to holds; NULL: any amount. */
export const SPENDABLE =
  "CASE b.billing WHEN 'prepaid' THEN b.cash ELSE b.cash + b.credit_limit END";

/** SQL of the highest allowed rate, the account's or its billing account's; NULL: any. */
export const MAX_RATE = `CASE WHEN a.master_account = a.username THEN a.max_rate
      ELSE least(a.max_rate, (
        SELECT p.max_rate FROM account p WHERE p.username = a.master_account)) END`;

const priced = (questions: string) => `SELECT p.*,
      ${price('p.rate', 'p.seconds', 'p.connect_fee', 'p.minimum_charge')} AS amount
    FROM (SELECT i.n, i.call_id, a.username, a.master_account AS account, e.number,
        ${PRICE.rate} AS rate, ${PRICE.connectFee} AS connect_fee,
        ${PRICE.minimumCharge} AS minimum_charge, ${PRICE.minimumSeconds} AS minimum_seconds,
        ${PRICE.incrementSeconds} AS increment_seconds,
        greatest(${PRICE.minimumSeconds}, ($6::int + ${PRICE.incrementSeconds} - 1)
          / ${PRICE.incrementSeconds} * ${PRICE.incrementSeconds}) AS seconds,
        a.enabled AND a.closed_at IS NULL AND (a.verified_at IS NOT NULL OR NOT $7::boolean)
          AND a.max_calls IS NULL AND e.number <> ''
          AND coalesce(${PRICE.rate} <= ${MAX_RATE}, true)
          AND NOT ${isBlocked('e.number')} AND NOT EXISTS (${HOLD_OF_CALL}) AS is_plain
      FROM ${askedOf(questions)}) p`;

// What an earlier day took counts too, which leaves too little: then `Decisions` looks at the day.
const FREE = `least(${SPENDABLE}, b.day_limit - b.spent_today) - b.held`;

// A grant needs the price before it is rounded, which is at most half a millionth more.
const grantTo = (wanted: string, calls: string) => `UPDATE balance b SET held = b.held + w.amount
    FROM ${wanted} w
    WHERE b.account = w.account AND w.is_plain AND NOT b.suspended
      AND coalesce(${FREE} >= w.amount + ${calls} * 0.000001, true)`;

// Balances are changed, and so locked, in the order of their accounts: `wanted` leads the join.
const MANY = `asked AS MATERIALIZED (${priced(QUESTIONS)}
  ), wanted AS (
    SELECT account, sum(amount) AS amount, count(*) AS calls, bool_and(is_plain) AS is_plain
    FROM asked GROUP BY account ORDER BY account
  ), granted AS (
    ${grantTo('wanted', 'w.calls')} RETURNING b.account
  ), allowed AS (
    SELECT q.* FROM asked q JOIN granted g ON g.account = q.account
  )`;
const ONE = `allowed AS (
    ${grantTo(`(${priced(FIRST_QUESTION)} OFFSET 0)`, '1')} RETURNING w.*
  )`;

const textOf = (allowed: string, counts: string) => `WITH ${allowed}, holding AS (
    INSERT INTO hold (billing_account, call_id, account, called, amount, rate, minimum_seconds,
      increment_seconds, granted_at, expires_at, connect_fee, minimum_charge)
    SELECT account, call_id, username, number, amount, rate, minimum_seconds, increment_seconds,
      $4::timestamptz, $4 + ($6::int + ${RECORD_DELAY_SECONDS}) * interval '1 s',
      connect_fee, minimum_charge FROM allowed
  ), counted AS (
    INSERT INTO calls_in_progress AS c (billing_account, account, calls)
    SELECT account, username, ${counts}
    ON CONFLICT (billing_account, account) DO UPDATE SET calls = c.calls + excluded.calls
  )
  SELECT n::int, rate::text, number AS called FROM allowed`;

const ALLOW_ONE = { name: 'allow-one-whole', text: textOf(ONE, '1 FROM allowed') };
const ALLOW_MANY = {
  name: 'allow-whole',
  text: textOf(MANY, 'count(*) FROM allowed GROUP BY account, username'),
};

/** The first values of the statements that read questions. */
export function askedValues(questions: CallQuestion[], now: Date): unknown[] {
  return [
    plainArray(questions.map(({ account }) => account)),
    textArray(questions.map(({ called }) => called)),
    textArray(questions.map(({ callId }) => callId)),
    now,
    textArray(questions.map(({ dialled }) => dialled)),
  ];
}

/**
 * Allows the calls of those balances where no rule needs a decision: all their calls are new, and
 * get the whole time. One statement checks, locks and writes, so most calls need one exchange
 * with PostgreSQL and not two. Any other call is left to `Decisions`, which gives a plain call the
 * same answer. Accounts with a limit of their own calls are always left. Asked again, an allowed
 * call is no longer new, so it is left and gets the same answer as an extension.
 * @returns for each question its permission, or undefined if it is not decided
 * @throws DatabaseError where another transaction writes a hold of the same call at the same time
 */
export async function allowWhole(
  send: Send,
  questions: CallQuestion[],
  now: Date,
  { holdSeconds, verifiedOnly }: AuthorizeOptions,
): Promise<(CallPermission | undefined)[]> {
  const { name, text } = questions.length === 1 ? ALLOW_ONE : ALLOW_MANY;
  const values = [...askedValues(questions, now), holdSeconds, verifiedOnly];
  const allowed: (CallPermission | undefined)[] = questions.map(() => undefined);
  for (const { n, rate, called } of await send<Allowed>(name, text, values)) {
    const answer = { maxSeconds: holdSeconds, rate };
    allowed[n - 1] = called === questions[n - 1]?.called ? answer : { ...answer, called };
  }
  return allowed;
}

interface Allowed {
  /** position of the question, from 1 */
  n: number;
  rate: Decimal;
  called: string;
}
