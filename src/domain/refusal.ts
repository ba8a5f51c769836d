import type { RefusalProblem } from './problem.ts';

export type RefusalCode =
  | 'field required'
  | 'field invalid'
  | 'malformed'
  | 'unauthorized'
  | 'payment required'
  | 'forbidden'
  | 'not found'
  | 'conflict'
  | 'too large'
  | 'unprocessable'
  | 'rate limited'
  | 'busy';

/** The exact reason, for versions of the API that have their own words for it. */
export type RefusalReason =
  | 'field required'
  | 'field invalid'
  | 'unauthorized'
  | 'administrator required'
  | 'wrong credentials'
  | 'not registered'
  | 'address not found'
  | 'creation failed'
  | 'idempotency key reused'
  | 'idempotency key in use'
  | 'rate limited'
  | 'key expired'
  | 'wider key'
  | 'amount limit'
  | 'username taken'
  | 'external id taken'
  | 'account closed'
  | 'reference conflict'
  | 'reference reserved'
  | 'entry is reversal'
  | 'price list in use'
  | 'precondition failed'
  | 'operation running'
  | 'role'
  | 'events gone';

interface RefusalDetail {
  reason?: RefusalReason;
  /** the name of the field that is missing or invalid */
  field?: string;
  /** what the value must be, such as `Must be a 10-digit number` */
  requirement?: string;
  retryAfterSeconds?: number;
  /** the problem that pages show beside a field, in the reader's language */
  problem?: RefusalProblem;
  /** values for programs, such as the entry that has a reference */
  about?: Record<string, string>;
}

/**
 * The error with which the domain refuses a request. Its texts may be shown to a client; put
 * anything that a client must not see into `cause`.
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly reason: RefusalReason | undefined;
  readonly field: string | undefined;
  readonly requirement: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly problem: RefusalProblem | undefined;
  readonly about: Record<string, string> | undefined;

  constructor(code: RefusalCode, message: string, detail: RefusalDetail = {}) {
    // The stack is not needed, and to collect it takes longer than everything else here.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.reason = detail.reason;
    this.field = detail.field;
    this.requirement = detail.requirement;
    this.retryAfterSeconds = detail.retryAfterSeconds;
    this.problem = detail.problem;
    this.about = detail.about;
  }
}

/** A missing or empty field of an operation. */
export const fieldRequired = (field: string) =>
  new Refusal('field required', `${field} is required`, { reason: 'field required', field });

/** @param requirement names what the value must be, such as `Must be a 10-digit number` */
export const invalidField = (field: string, requirement: string) =>
  new Refusal('field invalid', field, {
    reason: 'field invalid',
    field,
    requirement,
  });

/** No key, or none that is valid: the client does not learn why. */
export const unauthorized = () =>
  new Refusal('unauthorized', 'Unauthorized', { reason: 'unauthorized' });

/** The key is not that of an administrator. */
export const administratorRequired = () =>
  new Refusal('unauthorized', 'administrators only', { reason: 'administrator required' });

/** For what operators ask: the text names the account. */
export const unknownAccount = (username: number) =>
  new Refusal('not found', `there is no account ${username}`);

/** A named key without the right to write was used for a change. */
export const readOnlyKey = () => new Refusal('forbidden', 'This key may only read');

/** A named key was used from outside its networks. */
export const keyNotFromHere = () =>
  new Refusal('forbidden', 'This key is not valid from this address');

/** The same for an unknown username, a closed account and a wrong password. */
export const wrongCredentials = () =>
  new Refusal('unauthorized', 'the username or password is wrong', {
    reason: 'wrong credentials',
  });

/** An account without a phone that is registered now, asked for its registration. */
export const notRegistered = () =>
  new Refusal('not found', 'no phone is registered', { reason: 'not registered' });

/** Recovery for an address without an open account, where the service tells. */
export const addressNotFound = () =>
  new Refusal('not found', 'no account has this address', { reason: 'address not found' });

/** The wanted username is taken, or no free one was found after several tries. */
export const creationFailed = () =>
  new Refusal('conflict', 'the account cannot be created', { reason: 'creation failed' });

/** The role of a member of the staff does not permit a form or a page. */
export const roleRefused = () =>
  new Refusal('forbidden', 'The role does not permit it', { reason: 'role' });

/** An external id belongs to one account at most. */
export const externalIdTaken = (externalId: string) =>
  new Refusal('conflict', `another account has the external id ${externalId}`, {
    reason: 'external id taken',
    problem: { key: 'externalIdTaken', externalId },
  });

/** Too many requests. @param retryAfterSeconds for the header Retry-After */
export const rateLimited = (retryAfterSeconds: number) =>
  new Refusal('rate limited', 'Rate limit exceeded', { reason: 'rate limited', retryAfterSeconds });

/** The key of a kept answer came with other contents. */
export const idempotencyKeyReused = () =>
  new Refusal('unprocessable', 'The Idempotency-Key came with another request before', {
    reason: 'idempotency key reused',
  });

/**
 * The first request took longer than another one with its key may wait. To be tried again in a
 * second.
 */
export const idempotencyKeyInUse = () =>
  new Refusal('conflict', 'The first request with this Idempotency-Key is still in progress', {
    reason: 'idempotency key in use',
    retryAfterSeconds: 1,
  });
