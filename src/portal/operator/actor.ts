import type { FastifyRequest } from 'fastify';
import { type Actor, staffAt } from '../../domain/audit.ts';
import { sessionOf } from '../access.ts';

/** The member of the staff who sends a form, in the form of the audit trail. */
export function administrator(request: FastifyRequest): Actor {
  const { role, username } = sessionOf(request);
  if (role === 'customer') throw new Error(`a customer on ${request.routeOptions.url}`);
  return staffAt(role, username, `portal ${request.clientAddress}`);
}
