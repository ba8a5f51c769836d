import type { FastifyRequest } from 'fastify';
import type { RefusalReason } from '../../domain/refusal.ts';
import { bearerKey } from '../../http/bearer-key.ts';
import type { Face } from '../../http/face.ts';
import { errorBody, plainEnvelope, successBody } from '../../http/plain-envelope.ts';

const WORDS: Partial<Record<RefusalReason, string>> = {
  unauthorized: 'Unauthorized',
  'administrator required': 'Unauthorized — administrator access required',
  'wrong credentials': 'Invalid username or password',
  'not registered': 'Not registered',
  'address not found': 'Email address not found',
  'creation failed': 'Account creation failed',
  'rate limited': 'Rate limit exceeded',
};

/** The wire of v2.1: POST for everything, the key in the header or in the body. */
export const face: Face = {
  status: plainEnvelope.status,
  word: (refusal) => (refusal.reason && WORDS[refusal.reason]) ?? plainEnvelope.word(refusal),
  failure: errorBody,
  success: successBody,
  route: (operation) => ({
    method: 'POST',
    paths: [`/v2.1/account/${operation}/`, `/v2.1/account/${operation}`],
    status: 200,
  }),
  read: ({ body, headers }: FastifyRequest) => {
    const { apikey, ...fields } = (body ?? {}) as Record<string, unknown>;
    return { fields, key: bearerKey(headers.authorization) ?? apikey };
  },
};
