import type { FastifyRequest } from 'fastify';
import { sessionOf } from '../access.ts';

/** Whose account a page shows: the customer's own, or any account to an operator. */
export interface Subject {
  username: number;
  /** who pays; the account itself, where it pays */
  billingAccount: number;
  timeZone: string;
  /** what the links of its pages begin with: '' for the customer's own */
  base: string;
}

export function ownSubject(request: FastifyRequest): Subject {
  const { username, billingAccount, timeZone } = sessionOf(request);
  return { username, billingAccount, timeZone, base: '' };
}

/** An account that pays sees what it pays for, also for others; another one its own. */
export function scopeOf({ username, billingAccount }: Subject) {
  return { billingAccount, account: username === billingAccount ? undefined : username };
}
