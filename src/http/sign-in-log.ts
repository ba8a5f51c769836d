import type { FastifyRequest } from 'fastify';

/** One attempt to sign in, or to get the API key for a password, in the log for operators. */
export interface LoggedSignIn {
  /** the username; undefined: the login is of no account, and it may be a mistyped password */
  account: number | undefined;
  result: 'passed' | 'failed' | 'rate limited';
  factor: 'password' | 'second factor' | 'mailed link';
  /** the purpose of the attempt */
  for: 'portal' | 'api key' | 'confirmation';
}

/** Logs an attempt to sign in, with the client's address. */
export function logSignIn(
  { log, clientAddress }: Pick<FastifyRequest, 'log' | 'clientAddress'>,
  attempt: LoggedSignIn,
): void {
  const level = attempt.result === 'passed' ? 'info' : 'warn';
  log[level]({ ...attempt, address: clientAddress }, 'sign-in');
}
