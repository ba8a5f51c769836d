import { type Decimal, toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { billedMicros, type CallPrice, grant, isFree } from './grant.ts';
import type { AllowedCall } from './hold.ts';

/** A switch's question before it allows a call; a repeated call id extends the hold. */
export interface CallQuestion extends AllowedCall {
  /** the number as the feed's country reads it; '': no number there */
  called: string;
  /** the dialled digits, if they differ from `called` */
  dialled?: string | undefined;
  now: Date;
}

export interface CallPermission {
  /** how many seconds the call may last from now on */
  maxSeconds: number;
  /** money per minute */
  rate: Decimal;
  /** the number as the account's country reads it, where the feed's country reads another one */
  called?: string;
}

export interface AuthorizeOptions {
  /** the most seconds that one answer grants */
  holdSeconds: number;
  verifiedOnly: boolean;
  /** true or left out: a hold is on the disk before the answer */
  holdsOnDisk?: boolean;
  /** free destinations may be called while the balance is used up */
  freeCalls: boolean;
}

export const NO_NUMBER = 'The destination is no number that can be dialled';

export type Answer = CallPermission | Refusal;

/** The terms for the call of a question. */
export interface Terms extends CallPrice {
  /** position of the question, from 1 */
  n: number;
  billingAccount: number;
  enabled: boolean;
  closed: boolean;
  verified: boolean;
  blocked: boolean;
  /**
   * the number as the account's country, or else the feed's country, reads it; '': no number there
   */
  called: string;
  /** priced by the list, not by the account's own rate */
  isPriced: boolean;
  suspended: boolean;
  maxCalls: number | null;
  /** what may be spent, without regard to holds; null: any amount */
  spendable: Decimal | null;
  /** what is left of the daily limit, and whether it was noted that it is reached; null: no limit */
  dayLimit: { left: Decimal; isNoted: boolean } | null;
  /** the highest allowed rate; null: any */
  maxRate: Decimal | null;
  /** held of the billing account's balance, with expired holds that were not given back yet */
  held: Decimal;
  /** the account's calls in progress, with those of the same expired holds */
  calls: number;
  /** the hold of the same call id, perhaps expired */
  hold:
    | (CallPrice & {
        account: number;
        called: string;
        amount: Decimal;
        earlier: Decimal;
        grantedMs: number;
        expiresMs: number;
      })
    | null;
}

/** A hold to write. */
export interface Hold extends CallPrice, AllowedCall {
  billingAccount: number;
  called: string;
  amountMicros: bigint;
  /** part of that: what the call may have cost before its transfer to the present number */
  earlierMicros: bigint;
  grantedMs: number;
  expiresMs: number;
}

/** The change of an account's number of calls in progress. */
interface CallsOfAccount {
  billingAccount: number;
  account: number;
  change: number;
}

/** How long after a call's end the hold waits for its record. */
export const RECORD_DELAY_SECONDS = 300;
const SECOND_MS = 1_000;

/** Decides questions in their order; collects the answers and the changes to write. */
export class Decisions {
  /** one for each question; undefined if its balance is not locked */
  readonly answers: (Answer | undefined)[];
  /** new and changed holds */
  readonly holds = new Map<string, Hold>();
  readonly calls = new Map<string, CallsOfAccount>();
  /** the change of the held amount in millionths, by billing account */
  readonly held = new Map<number, bigint>();
  /** billing accounts whose calls needed more than other calls' holds leave */
  readonly short = new Set<number>();
  /** billing accounts whose daily limit is reached, if that is not noted yet */
  readonly limited = new Set<number>();
  readonly #options: AuthorizeOptions;

  /**
   * @param terms for the questions of known accounts, as they are before the first question
   * @param locked billing accounts whose balances are locked
   */
  constructor(
    questions: CallQuestion[],
    terms: Terms[],
    locked: Set<number>,
    options: AuthorizeOptions,
  ) {
    this.#options = options;
    const termsOf = new Map(terms.map((row) => [row.n, row]));
    this.answers = questions.map((question, n) => {
      const own = termsOf.get(n + 1);
      if (!own) return paymentRequired('Unknown account');
      return locked.has(own.billingAccount) ? this.#decide(question, own) : undefined;
    });
  }

  #decide(question: CallQuestion, terms: Terms): Answer {
    if (terms.closed) return paymentRequired('The account is closed');
    if (!terms.enabled) return paymentRequired('Calls are disabled');
    if (this.#options.verifiedOnly && !terms.verified) {
      return paymentRequired('The account is not verified');
    }
    if (terms.called === '') return paymentRequired(NO_NUMBER);
    if (terms.blocked) return paymentRequired('The destination is blocked');
    const goesOn = this.#options.freeCalls && terms.isPriced && isFree(terms);
    if (terms.suspended && !goesOn)
      return paymentRequired('Calls are suspended, the balance is used up');
    if (terms.maxRate !== null && toMicros(terms.rate) > toMicros(terms.maxRate)) {
      return paymentRequired('The rate is above the limit');
    }
    return this.#grant(question, terms);
  }

  #grant(question: CallQuestion, terms: Terms): Answer {
    const { account, callId, now } = question;
    const { billingAccount, called, maxCalls, rate, minimumSeconds, incrementSeconds } = terms;
    const { connectFee, minimumCharge } = terms;
    const { holdSeconds } = this.#options;
    const key = `${billingAccount} ${callId}`;
    const before = this.holds.get(key) ?? storedHold(terms, callId);
    const live = before && before.expiresMs > now.getTime() ? before : undefined;
    if (live && live.account !== account) {
      return new Refusal('conflict', 'The call id belongs to another call');
    }
    const calls = terms.calls + (this.calls.get(`${billingAccount} ${account}`)?.change ?? 0);
    const otherCalls = calls - (before?.account === account ? 1 : 0);
    if (maxCalls !== null && otherCalls >= maxCalls) {
      if (otherCalls > 0) this.short.add(billingAccount);
      return paymentRequired('Too many calls at once');
    }
    const heldMicros = toMicros(terms.held) + (this.held.get(billingAccount) ?? 0n);
    const otherMicros = heldMicros - (before?.amountMicros ?? 0n);
    const isTransfer = live !== undefined && live.called !== called;
    const earlierMicros = isTransfer ? costSoFar(live, now) : (live?.earlierMicros ?? 0n);
    const grantedMs = live && !isTransfer ? live.grantedMs : now.getTime();
    const elapsed = secondsSince(grantedMs, now);
    const { dayLimit, spendable } = terms;
    const isLimited =
      dayLimit !== null && (spendable === null || toMicros(dayLimit.left) < toMicros(spendable));
    const available = isLimited ? { ...terms, spendable: dayLimit.left } : terms;
    const granted = grant(available, otherMicros + earlierMicros, elapsed, holdSeconds);
    if (otherMicros > 0n && granted?.maxSeconds !== holdSeconds) this.short.add(billingAccount);
    if (!granted && isLimited) {
      if (!dayLimit.isNoted) this.limited.add(billingAccount);
      return paymentRequired('The daily limit is reached');
    }
    if (!granted) return paymentRequired('Insufficient balance');
    const { maxSeconds } = granted;
    this.#hold(key, before, {
      ...{ billingAccount, account, callId, called, rate, minimumSeconds, incrementSeconds },
      ...{ connectFee, minimumCharge },
      ...{ grantedMs, earlierMicros, amountMicros: earlierMicros + granted.amountMicros },
      expiresMs: now.getTime() + (maxSeconds + RECORD_DELAY_SECONDS) * SECOND_MS,
    });
    return called === question.called ? { maxSeconds, rate } : { maxSeconds, rate, called };
  }

  #hold(key: string, before: Hold | undefined, after: Hold): void {
    const { billingAccount } = after;
    const change = after.amountMicros - (before?.amountMicros ?? 0n);
    this.held.set(billingAccount, (this.held.get(billingAccount) ?? 0n) + change);
    if (before?.account !== after.account) {
      if (before) this.#count(before, -1);
      this.#count(after, 1);
    }
    this.holds.set(key, after);
  }

  #count({ billingAccount, account }: Hold, change: number): void {
    const key = `${billingAccount} ${account}`;
    const before = this.calls.get(key)?.change ?? 0;
    this.calls.set(key, { billingAccount, account, change: before + change });
  }
}

function storedHold({ billingAccount, hold }: Terms, callId: string): Hold | undefined {
  if (!hold) return undefined;
  const { amount, earlier, ...rest } = hold;
  const amounts = { amountMicros: toMicros(amount), earlierMicros: toMicros(earlier) };
  return { ...rest, ...amounts, billingAccount, callId };
}

/** What a call may cost until its transfer. */
function costSoFar(hold: Hold, now: Date): bigint {
  return hold.earlierMicros + billedMicros(hold, secondsSince(hold.grantedMs, now));
}

const paymentRequired = (reason: string) => new Refusal('payment required', reason);

/** Rounded up: a started second may be billed. */
function secondsSince(ms: number, now: Date): number {
  return Math.max(0, Math.ceil((now.getTime() - ms) / SECOND_MS));
}
