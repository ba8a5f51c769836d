/** What is wrong with a typed value: a key, and the values for the sentence about it. */
export type ValueProblem =
  | { key: 'username' }
  | { key: 'wholeNumber'; least: number; most: number }
  | { key: 'amount' }
  | { key: 'monthlyAmount' }
  | { key: 'moneyOrMore' }
  | { key: 'listName' }
  | { key: 'prefix'; fault: PrefixFault }
  | { key: 'rate' }
  | { key: 'increment'; most: number }
  | { key: 'callerId' }
  | { key: 'assignableNumber' }
  | { key: 'calledNumber' }
  | { key: 'onOff' }
  | { key: 'oneOf'; words: readonly string[] }
  | { key: 'accountName' }
  | { key: 'email' }
  | { key: 'timeZone' }
  | { key: 'country' }
  | { key: 'month' }
  | { key: 'words'; most: number }
  | { key: 'reserved'; words: readonly string[] }
  | { key: 'promotionCode' }
  | { key: 'until' }
  | { key: 'from' }
  | { key: 'past' }
  | { key: 'feedName' }
  | { key: 'network' }
  | { key: 'externalId' }
  | { key: 'sipUser' }
  | { key: 'reservedReference' }
  | { key: 'scopes'; unknown: string; words: readonly string[] }
  | {
      key: 'url';
      fault: 'form' | 'long' | 'https' | 'user' | 'fragment' | 'port' | 'private' | 'unknown';
    }
  | { key: 'subscriptions'; unknown: string; words: readonly string[] };

type Plain<P> = P extends { key: infer Key } ? (keyof P extends 'key' ? Key : never) : never;

/** The problems whose sentence needs no values. */
export type PlainProblem = Plain<ValueProblem>;

/** Why digits are no prefix: a range of prefixes, an exit code before them, or no digits at all. */
export type PrefixFault = 'range' | 'exit code' | 'form';

/** The end of the sentence of the command and the operators' API for such a fault. */
export const PREFIX_FAULTS: Record<PrefixFault, string> = {
  range: 'must be one prefix, not a range: give each prefix of it by itself',
  'exit code': 'must begin with the country code, without 00 or 011',
  form: 'must be 1 to 15 digits, the country code first',
};

/** A typed value is not valid. The code that asked for it words the problem. */
export class InvalidValue extends Error {
  readonly problem: ValueProblem;

  constructor(problem: ValueProblem) {
    super(`invalid value: ${problem.key}`);
    this.problem = problem;
  }
}

/** Why a well-formed value is refused; pages show it beside the field. */
export type RefusalProblem =
  | { key: 'noPriceList' }
  | { key: 'numberNotOwned' }
  | { key: 'numberInUse'; number: string }
  | { key: 'creditLimitPrepaid'; account: number }
  | { key: 'billedTo'; account: number; payer: number }
  | { key: 'paysFor'; account: number; other: number }
  | { key: 'lastAdministrator'; account: number }
  | { key: 'emergencyPrefix'; prefix: string }
  | { key: 'noBillingAccount' }
  | { key: 'feedExists'; name: string }
  | { key: 'feedTellsNoDebits'; format: string }
  | { key: 'noPrices' }
  | { key: 'pricePast'; prefix: string; at: string }
  | { key: 'priceTwice'; prefix: string; at: string }
  | { key: 'priceEndUnknown' }
  | { key: 'promotionExists'; code: string }
  | { key: 'externalIdTaken'; externalId: string }
  | { key: 'tooManyKeys'; most: number };

export type Problem = ValueProblem | RefusalProblem;

/** A sentence for each problem, in one language. */
export type ProblemWords<P extends { key: string }> = {
  [Key in P['key']]: (problem: Extract<P, { key: Key }>) => string;
};

/** The sentence for a problem. */
export function wordProblem<P extends { key: string }>(words: ProblemWords<P>, problem: P): string {
  // The function of a key fits the problem of that key, but the compiler cannot see that.
  return (words[problem.key as P['key']] as (problem: P) => string)(problem);
}
