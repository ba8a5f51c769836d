import type { FastifyRequest } from 'fastify';
import * as entered from '../../../domain/entered-values.ts';
import { Refusal } from '../../../domain/refusal.ts';
import type { Problems } from '../../entered.ts';
import type { Fields } from '../../input.ts';

/** The content that an account's page shows again after a form with faults. */
export interface Filled {
  values: Fields;
  problems: Problems;
}

/** The account in the path. @throws Refusal 'not found' if it is not a username */
export function usernameOf(request: FastifyRequest): number {
  const { username } = request.params as { username: string };
  try {
    return entered.username(username);
  } catch {
    throw new Refusal('not found', 'Not found');
  }
}
