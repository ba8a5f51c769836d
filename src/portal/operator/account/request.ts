import type { FastifyRequest } from 'fastify';
import * as entered from '../../../domain/entered-values.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Problems } from '../../entered.ts';
import type { Fields } from '../../input.ts';

/** What the page of an account says again after a form that was filled in wrongly. */
export interface Filled {
  values: Fields;
  problems: Problems;
}

/** The account of the address line. @throws Refusal 'not found' where that is no username */
export function usernameOf(request: FastifyRequest): number {
  const { username } = request.params as { username: string };
  try {
    return entered.username(username);
  } catch {
    throw new Refusal('not found', 'Not found');
  }
}
