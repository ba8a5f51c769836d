import { StoreUnavailable } from '../../../db/errors.ts';
import type { OperatorKey } from '../../../domain/access/operator-key.ts';
import type { Scope } from '../../../domain/access/operator-scope.ts';
import { InvalidValue } from '../../../domain/entered-values.ts';
import { type RefusalProblem, wordProblem } from '../../../domain/problem.ts';
import { PROBLEM_WORDS } from '../../../domain/problem-words.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Envelope } from '../../../http/face.ts';
import { statusOf } from '../../../http/status.ts';
import type { Fault } from './field.ts';

const MOST_FAULTS = 100;
const RETRY_SECONDS = 5;

/** The title of each code, the same for all requests; the page of problems shows them. */
export const TITLES: Record<string, string> = {
  malformed: 'The request cannot be read',
  invalid_header: 'A header has a wrong value',
  idempotency_key_required: 'The request needs an Idempotency-Key',
  unauthorized: 'There is no such operator key',
  key_expired: 'The operator key has expired',
  forbidden: 'That is not allowed',
  scope_required: 'The key lacks a scope',
  network_not_allowed: 'The key may not be used from this address',
  amount_limit: 'The amount is above a limit of the key',
  wider_key: 'A key cannot make one that may do more',
  not_found: 'There is no such thing, or the key may not see it',
  events_gone: 'The events are no longer kept',
  method_not_allowed: 'The path does not have this method',
  not_acceptable: 'The answer has none of the accepted media types',
  request_timeout: 'The request did not arrive in time',
  too_large: 'The body is too large',
  uri_too_long: 'The address is too long',
  unsupported_media_type: 'The body has a media type that is not read here',
  expectation_failed: 'The expectation is not met',
  headers_too_large: 'The header fields are too large',
  conflict: 'That does not go with what is there',
  username_taken: 'The username is taken',
  external_id_taken: 'Another account has the external id',
  number_in_use: 'Another account has the number',
  reference_conflict: 'The reference was posted with another type or amount',
  not_a_billing_account: 'Another account pays for this one',
  has_sub_accounts: 'Other accounts are billed to this one',
  account_closed: 'The account is closed',
  last_administrator: 'The last administrator stays',
  prepaid_has_no_credit_limit: 'A credit limit is for postpaid accounts',
  price_list_in_use: 'Accounts have the price list',
  feed_taken: 'The feed exists with other settings',
  feed_tells_no_debits: 'Records of the format do not tell debits',
  promotion_taken: 'The promotion exists with other settings',
  entry_is_reversal: 'A reversal is not reversed',
  operation_running: 'The same work is going on',
  idempotency_in_progress: 'The first request with this key goes on',
  precondition_failed: 'It was changed meanwhile',
  precondition_required: 'The request needs If-Match or If-None-Match',
  invalid: 'Some values are wrong',
  unknown_member: 'A member or parameter is not known',
  reference_reserved: 'The service uses this reference itself',
  idempotency_key_reused: 'The Idempotency-Key came with another request',
  cursor_mismatch: 'The cursor belongs to another list',
  rate_limited: 'Too many requests',
  internal: 'Internal error',
  unavailable: 'It is not known whether it was done; send the same request again',
};

const CODE_OF_STATUS: Record<number, string> = {
  400: 'malformed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  408: 'request_timeout',
  413: 'too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
  417: 'expectation_failed',
  409: 'conflict',
  422: 'invalid',
  429: 'rate_limited',
  431: 'headers_too_large',
  500: 'internal',
  503: 'unavailable',
};

const STATUS_OF_REASON: Record<string, number> = {
  'precondition failed': 412,
  'events gone': 410,
};

const CODE_OF_PROBLEM: Partial<Record<RefusalProblem['key'], string>> = {
  numberInUse: 'number_in_use',
  externalIdTaken: 'external_id_taken',
  creditLimitPrepaid: 'prepaid_has_no_credit_limit',
  billedTo: 'not_a_billing_account',
  paysFor: 'has_sub_accounts',
  lastAdministrator: 'last_administrator',
  feedExists: 'feed_taken',
  feedTellsNoDebits: 'feed_tells_no_debits',
  promotionExists: 'promotion_taken',
};

// https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-10.html, section 6
const QUOTA_EXCEEDED = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

/** A request failed; the content of its answer (RFC 9457). */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly faults: Fault[] | undefined;
  /** additional members, such as the missing scope */
  readonly about: Record<string, string>;
  readonly headers: Record<string, string | number>;

  constructor(
    status: number,
    code: string,
    detail: string,
    more: {
      faults?: Fault[];
      about?: Record<string, string>;
      headers?: Record<string, string | number>;
    } = {},
  ) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(detail);
    Error.stackTraceLimit = stackTraceLimit;
    this.status = status;
    this.code = code;
    this.faults = more.faults;
    this.about = more.about ?? {};
    this.headers = more.headers ?? {};
  }
}

/** Makes sure that a key has a scope. @throws Problem 403 */
export function requireScope({ scopes }: Pick<OperatorKey, 'scopes'>, scope: Scope): void {
  if (scopes.includes(scope)) return;
  throw new Problem(403, 'scope_required', `The key lacks ${scope}`, { about: { scope } });
}

/** A problem with all faults of a request's values. */
export function invalidValues(faults: Fault[]): Problem {
  const [first] = faults;
  const own = ['unknown_member', 'reference_reserved', 'cursor_mismatch'];
  const isOne =
    first && own.includes(first.code) && faults.every(({ code }) => code === first.code);
  const detail = faults.length === 1 ? '1 value is wrong' : `${faults.length} values are wrong`;
  return new Problem(422, isOne ? first.code : 'invalid', detail, {
    faults: faults.slice(0, MOST_FAULTS),
  });
}

/** A problem with one invalid value. */
export const invalidValue = (pointer: string, detail: string, code = 'invalid_value') =>
  invalidValues([{ pointer, code, detail }]);

/** The problem that answers an error. @returns undefined for an error of the service itself */
export function problemOf(error: Error): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) return problemOfRefusal(error);
  if (error instanceof InvalidValue) {
    const { key } = error.problem;
    const detail = wordProblem(PROBLEM_WORDS, error.problem);
    return invalidValues([{ pointer: `/${key}`, code: 'invalid_value', detail }]);
  }
  if (error instanceof StoreUnavailable) return unavailable();
  const status = statusOf(error);
  if (status >= 500) return undefined;
  const code = CODE_OF_STATUS[status] ?? 'malformed';
  return new Problem(status, code, TITLES[code] ?? '');
}

/** The problem of long work that failed with a code. */
export function problemOfCode(code: string, detail: string): Problem {
  const known = Object.entries(CODE_OF_STATUS).find(([, own]) => own === code);
  return known ? new Problem(Number(known[0]), code, detail) : new Problem(422, 'invalid', detail);
}

const unavailable = () =>
  new Problem(503, 'unavailable', TITLES.unavailable ?? '', {
    headers: { 'retry-after': RETRY_SECONDS },
  });

function problemOfRefusal(refusal: Refusal): Problem {
  const { code, reason, field, requirement, problem, retryAfterSeconds, message } = refusal;
  const headers: Record<string, number> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': retryAfterSeconds };
  if (code === 'field invalid' || code === 'field required' || problem?.key === 'noPriceList') {
    if (field === 'Idempotency-Key')
      return new Problem(400, 'invalid_header', requirement ?? message);
    const pointer = problem?.key === 'noPriceList' ? '/priceList' : `/${field}`;
    const own = reason === 'reference reserved' ? 'reference_reserved' : 'invalid_value';
    return invalidValues([{ pointer, code: own, detail: requirement ?? message }]);
  }
  if (code === 'busy') return unavailable();
  if (code === 'unauthorized' && reason !== 'key expired') {
    const detail = 'Send `Authorization: Bearer` with an operator key, which begins accapi_op_';
    return new Problem(401, 'unauthorized', detail);
  }
  if (reason === 'idempotency key reused')
    return new Problem(422, 'idempotency_key_reused', message);
  if (reason === 'idempotency key in use') {
    return new Problem(409, 'idempotency_in_progress', message, { headers });
  }
  const status = STATUS_OF_REASON[reason ?? ''] ?? statusOf(refusal);
  const own = (problem && CODE_OF_PROBLEM[problem.key]) ?? reason?.replaceAll(' ', '_') ?? '';
  const named = Object.hasOwn(TITLES, own) ? own : (CODE_OF_STATUS[status] ?? 'malformed');
  return new Problem(status, named, message, { headers, about: aboutOf(refusal) });
}

function aboutOf({ problem, about = {} }: Refusal): Record<string, string> {
  if (problem?.key === 'billedTo') return { ...about, billedTo: String(problem.payer) };
  return about;
}

/** The body of a problem. @param requestId left out if there is no request */
export function problemBody(
  { status, code, message, faults, about }: Problem,
  requestId?: string,
): object {
  return {
    type: code === 'rate_limited' ? QUOTA_EXCEEDED : `/operator/v1/problems/${code}`,
    title: TITLES[code],
    status,
    code,
    detail: message,
    ...(requestId === undefined ? {} : { requestId }),
    ...about,
    ...(faults ? { errors: faults } : {}),
  };
}

/** The form of failures outside of routes, such as for data that is not HTTP. */
export const operatorEnvelope: Envelope = {
  type: 'application/problem+json; charset=utf-8',
  status: (refusal) => problemOfRefusal(refusal).status,
  namesRequests: true,
  failure: (status, refusal, requestId) => {
    if (refusal) return problemBody(problemOfRefusal(refusal), requestId);
    const code = CODE_OF_STATUS[status] ?? 'malformed';
    return problemBody(new Problem(status, code, TITLES[code] ?? ''), requestId);
  },
};
