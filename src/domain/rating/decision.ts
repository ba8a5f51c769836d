import { type Decimal, toMicros } from '../money.ts';
import { Refusal } from '../refusal.ts';
import { billedMicros, type CallPrice, grant, isFree } from './grant.ts';
import type { AllowedCall } from './hold.ts';

/** What a switch asks before it lets a call through; the same call id again extends the hold. */
export interface CallQuestion extends AllowedCall {
  /** as the feed's country reads it; '': it is no number there */
  called: string;
  /** digits as they were dialled, where they are not the number itself */
  dialled?: string | undefined;
  now: Date;
}

export interface CallPermission {
  /** how long the call may go on from now */
  maxSeconds: number;
  /** dollars per minute */
  rate: Decimal;
  /** the number that is called, where the account's country reads another one than the feed's */
  called?: string;
}

export interface AuthorizeOptions {
  /** the most that is granted at a time */
  holdSeconds: number;
  verifiedOnly: boolean;
  /** a hold is on the disk before the answer; left out, it is */
  holdsOnDisk?: boolean;
  /** whether free destinations may be called while the balance is used up */
  freeCalls: boolean;
}

export const NO_NUMBER = 'The destination is no number that can be dialled';

export type Answer = CallPermission | Refusal;

/** On which terms an account may make the call that a question is about. */
export interface Terms extends CallPrice {
  /** of the question, from 1 */
  n: number;
  billingAccount: number;
  enabled: boolean;
  closed: boolean;
  verified: boolean;
  blocked: boolean;
  /** as the account's country reads it, or else the feed's; '': it is no number there */
  called: string;
  /** by a price of the list, not by the account's own rate */
  isPriced: boolean;
  suspended: boolean;
  maxCalls: number | null;
  /** what may be spent, holds not counted; null: any amount */
  spendable: Decimal | null;
  /** of the billing account's balance, expired holds that nobody gave back included */
  held: Decimal;
  /** the account's calls in progress, counted in the same way */
  calls: number;
  /** of the same call id, maybe expired */
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

/** A hold as it is to be written. */
export interface Hold extends CallPrice, AllowedCall {
  billingAccount: number;
  called: string;
  amountMicros: bigint;
  /** of that, what the call may have cost before it was transferred to the number it goes to now */
  earlierMicros: bigint;
  grantedMs: number;
  expiresMs: number;
}

/** By how much the number of an account's calls in progress changed. */
interface CallsOfAccount {
  billingAccount: number;
  account: number;
  change: number;
}

/** How long after a call's end its record may take to come before the hold is given up. */
const RECORD_DELAY_SECONDS = 300;
const SECOND_MS = 1_000;

/** Answers to questions that are decided one after the other, and what is to be written of them. */
export class Decisions {
  /** undefined where the balance is not locked */
  readonly answers: (Answer | undefined)[];
  /** new and changed ones */
  readonly holds = new Map<string, Hold>();
  readonly calls = new Map<string, CallsOfAccount>();
  /** by how much what is held changed, in millionths, by billing account */
  readonly held = new Map<number, bigint>();
  /** billing accounts of which more was wanted than is left beside other calls */
  readonly short = new Set<number>();
  readonly #options: AuthorizeOptions;

  /**
   * @param terms of questions of known accounts, as they are before the first one
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
    const granted = grant(terms, otherMicros + earlierMicros, elapsed, holdSeconds);
    if (otherMicros > 0n && granted?.maxSeconds !== holdSeconds) this.short.add(billingAccount);
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

/** What a call that is transferred may cost until then. */
function costSoFar(hold: Hold, now: Date): bigint {
  return hold.earlierMicros + billedMicros(hold, secondsSince(hold.grantedMs, now));
}

const paymentRequired = (reason: string) => new Refusal('payment required', reason);

/** Rounded up: a started second may be billed. */
function secondsSince(ms: number, now: Date): number {
  return Math.max(0, Math.ceil((now.getTime() - ms) / SECOND_MS));
}
