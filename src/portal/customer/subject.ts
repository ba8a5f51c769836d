import type { FastifyRequest } from 'fastify';
import { sessionOf } from '../access.ts';

/** The account that a page shows: the customer's own or, for an operator, any account. */
export interface Subject {
  username: number;
  /** the account that pays; the same account if it pays itself */
  billingAccount: number;
  timeZone: string;
  /** prefix of the links of its pages; '' for the customer's own */
  base: string;
}

/** The account that is signed in. Only for routes behind `requireSession`; throws elsewhere. */
export function ownSubject(request: FastifyRequest): Subject {
  const { username, billingAccount, timeZone } = sessionOf(request);
  return { username, billingAccount, timeZone, base: '' };
}

/**
 * An account that pays sees all calls and charges that it pays for; other accounts see their own.
 */
export function scopeOf({ username, billingAccount }: Subject) {
  return { billingAccount, account: username === billingAccount ? undefined : username };
}
