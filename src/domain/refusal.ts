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
  | 'rate limited'
  | 'busy';

/**
 * The one error by which the domain says no. Its texts may be shown to a client; what a client
 * may not see belongs into `cause`.
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly requirement: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: RefusalCode,
    message: string,
    extra: { requirement?: string; retryAfterSeconds?: number } = {},
  ) {
    // Where it was thrown interests nobody, and finding that out costs more than all the rest.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.requirement = extra.requirement;
    this.retryAfterSeconds = extra.retryAfterSeconds;
  }
}

export const fieldRequired = (name: string) =>
  new Refusal('field required', `Field Required: ${name}`);

/** @param requirement names what the value must be, such as `Must be a 10-digit number` */
export const invalidField = (name: string, requirement: string) =>
  new Refusal('field invalid', `Field: ${name}`, { requirement });

export const unauthorized = () => new Refusal('unauthorized', 'Unauthorized');

export const administratorRequired = () =>
  new Refusal('unauthorized', 'Unauthorized — administrator access required');

export const wrongCredentials = () => new Refusal('unauthorized', 'Invalid username or password');

export const notRegistered = () => new Refusal('not found', 'Not registered');

export const addressNotFound = () => new Refusal('not found', 'Email address not found');

export const creationFailed = () => new Refusal('conflict', 'Account creation failed');

export const rateLimited = (retryAfterSeconds: number) =>
  new Refusal('rate limited', 'Rate limit exceeded', { retryAfterSeconds });
