import type { Queryable } from '../../db/database.ts';
import { isEmergencyNumber } from '../emergency-numbers.ts';
import type { Decimal } from '../money.ts';
import { DEFAULT_COUNTRY } from '../numbering-plan.ts';
import { readDialled } from '../phone-number.ts';
import { InvalidValue } from '../problem.ts';
import {
  billedSeconds,
  feeOf,
  isOwnNumber,
  joinDestination,
  joinNumber,
  ownerOfCalled,
  PRICE_LIST,
  prefixesOf,
  price,
  rateOf,
} from '../rating/rating.ts';
import { MAX_RATE } from '../rating/whole-grant.ts';
import { unknownAccount } from '../refusal.ts';
import { isEmergencyOfAccount } from './emergency-of-account.ts';
import { requireFeed } from './feed.ts';

/** The call to explain. */
export interface AskedCall {
  account: number;
  /** the number as the feed's country reads it; `dialled`: the digits dialled, if they differ */
  called: string;
  dialled: string | undefined;
  isEmergency: boolean;
  startsAt: Date;
  /** talk time */
  seconds: number;
}

/** What a call would cost, and why, step by step. */
export interface CallExplanation {
  /** the account's country; null: the feed's country counts */
  country: string | null;
  /** the called number as calls store it */
  number: string;
  emergency: boolean;
  /** prefixes that block the number; an emergency call is allowed anyway */
  blocked: { prefix: string; account: number | null; reason: string }[];
  /** the account that has the number */
  owner: number | null;
  /** whether the called number is the account's own */
  incoming: boolean;
  /** the account's price list; null: none */
  list: string | null;
  /** the number's prefixes with a valid price in the list, shortest first */
  candidates: string[];
  /** the price that counts; null: the account's own rate counts */
  price: {
    prefix: string;
    name: string;
    validFrom: string | null;
    validUntil: string | null;
  } | null;
  /** money per minute */
  rate: Decimal;
  /** the highest rate that authorize allows; null: any */
  maxRate: Decimal | null;
  minimumSeconds: number;
  incrementSeconds: number;
  connectFee: Decimal;
  minimumCharge: Decimal;
  billedSeconds: number;
  /** the part of the amount that is not rate times seconds */
  fee: Decimal;
  amount: Decimal;
}

const TERMS = ['rate', 'billed', 'connect_fee', 'minimum_charge'] as const;

/** @throws Refusal 'not found' for an unknown account */
export async function explainCall(db: Queryable, call: AskedCall): Promise<CallExplanation> {
  const [explanation] = await db.query<CallExplanation>(
    `SELECT c.country, c.number, c.emergency, c.blocked, c.owner, c.incoming, c.list, c.candidates,
       c.price, round(c.rate, 6)::text AS rate, c.max_rate::text AS "maxRate", c.minimum_seconds AS "minimumSeconds",
       c.increment_seconds AS "incrementSeconds", round(c.connect_fee, 6)::text AS "connectFee",
       round(c.minimum_charge, 6)::text AS "minimumCharge", c.billed AS "billedSeconds",
       round(coalesce(${feeOf(price(...TERMS), TERMS)}, 0), 6)::text AS fee, (${price(...TERMS)})::text AS amount
     FROM (
       SELECT a.country, e.number, $4::boolean AS emergency,
         (SELECT coalesce(json_agg(json_build_object('prefix', k.prefix, 'account', k.account,
             'reason', k.reason) ORDER BY k.prefix), '[]')
           FROM blocked_prefix k WHERE k.prefix = ANY (${prefixesOf('e.number')})
             AND (k.account IS NULL OR k.account IN (a.username, a.master_account))) AS blocked,
         ${ownerOfCalled('e.number', '$5::timestamptz')} AS owner,
         ${isOwnNumber('e.number', '$5::timestamptz')} AS incoming,
         ${PRICE_LIST} AS list,
         ARRAY(SELECT p.prefix FROM price p
           WHERE p.list = ${PRICE_LIST} AND p.prefix = ANY (${prefixesOf('e.number')})
             AND p.valid_from <= $5 AND p.valid_until > $5 ORDER BY length(p.prefix)) AS candidates,
         CASE WHEN (d.price).prefix IS NOT NULL THEN json_build_object('prefix', (d.price).prefix,
           'name', (d.price).name, 'validFrom', nullif((d.price).valid_from, '-infinity'),
           'validUntil', nullif((d.price).valid_until, 'infinity')) END AS price,
         ${rateOf('$4::boolean')} AS rate, ${MAX_RATE} AS max_rate,
         coalesce((d.price).minimum_seconds, a.minimum_seconds) AS minimum_seconds,
         coalesce((d.price).increment_seconds, a.increment_seconds) AS increment_seconds,
         coalesce((d.price).connect_fee, 0) AS connect_fee,
         coalesce((d.price).minimum_charge, 0) AS minimum_charge,
         ${billedSeconds(
           '($6::bigint * 1000000)',
           'coalesce((d.price).minimum_seconds, a.minimum_seconds)',
           'coalesce((d.price).increment_seconds, a.increment_seconds)',
         )} AS billed
       FROM account a
         ${joinNumber(['$2::text', '$3::text'], '$5::timestamptz', '$4::boolean', "''")}
         ${joinDestination('e.number', '$5::timestamptz', '$4::boolean')}
       WHERE a.username = $1 OFFSET 0
     ) AS c`,
    [
      call.account,
      call.called,
      call.dialled ?? null,
      call.isEmergency,
      call.startsAt,
      call.seconds,
    ],
  );
  if (!explanation) throw unknownAccount(call.account);
  return explanation;
}

/** The question in a person's words. */
export interface DialledCall extends Pick<AskedCall, 'account' | 'startsAt' | 'seconds'> {
  /** the number as typed */
  typed: string;
  /** the feed whose country reads the number; undefined: the default country reads it */
  feed: string | undefined;
  emergencyNumbers: ReadonlySet<string>;
}

export interface ExplainedCall extends CallExplanation {
  typed: string;
  feed: string | null;
  feedCountry: string;
}

/**
 * Reads the dialled number, then explains the call like `explainCall`.
 * @throws Refusal 'not found' for an unknown account or feed; InvalidValue if the text is no
 *   number
 */
export async function explainDialled(db: Queryable, call: DialledCall): Promise<ExplainedCall> {
  const { typed, account, startsAt, seconds, emergencyNumbers } = call;
  const feed = call.feed === undefined ? undefined : await requireFeed(db, call.feed);
  const read = readDialled(typed, feed?.plan);
  if (!read) throw new InvalidValue({ key: 'calledNumber' });
  const { called = '', dialled } = read;
  const feedCountry = feed?.country ?? DEFAULT_COUNTRY;
  const isEmergency =
    isEmergencyNumber(emergencyNumbers, feedCountry, called) ||
    (await isEmergencyOfAccount(db, account, dialled ?? called));
  const asked = { account, called, dialled, isEmergency, startsAt, seconds };
  const explained = await explainCall(db, asked);
  if (explained.number === '') throw new InvalidValue({ key: 'calledNumber' });
  return { typed, feed: feed?.name ?? null, feedCountry, ...explained };
}
