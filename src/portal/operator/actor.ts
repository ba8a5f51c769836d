import type { FastifyRequest } from 'fastify';
import { type Actor, administratorAt } from '../../domain/audit.ts';
import { sessionOf } from '../access.ts';

/** The administrator who sends a form, in the form of the audit trail. */
export function administrator(request: FastifyRequest): Actor {
  return administratorAt(sessionOf(request).username, `portal ${request.clientAddress}`);
}
