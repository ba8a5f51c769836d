import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, answerOnce, type KeyedRequest } from '../domain/access/kept-answer.ts';
import { invalidField } from '../domain/refusal.ts';
import type { Service } from '../service.ts';
import { Type } from './schema.ts';

export const IDEMPOTENCY_KEY_REQUIREMENT = 'Must be 1 to 255 characters of A-Z a-z 0-9 _ : . -';

// With the quotes of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/.
// Most clients leave them out.
const KEY = /^("?)([A-Za-z0-9_:.-]{1,255})\1$/;

/** For the document. */
export const idempotencyKeyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'Made up by the client, unlike any other: a request that is sent again with the same key ' +
        'within 72 hours is not done again, and gets the first answer',
      examples: ['5f0c8a52-6d0e-4a51-9d1c-3f1d8c7b2a90'],
      pattern: KEY.source,
    }),
  ),
});

/**
 * Answers a request that may be repeated with the same Idempotency-Key (`answerOnce`). A request
 * without a key is performed each time. Sets `Idempotent-Replayed` if the answer was given before.
 * @param work performs the request with a service whose database has one transaction
 * @throws Refusal 'field invalid' for a key of another form, and errors of `answerOnce`
 */
export async function once(
  request: FastifyRequest,
  reply: FastifyReply,
  service: Service,
  keyed: Omit<KeyedRequest, 'key'>,
  work: (joined: Service) => Promise<Answer>,
): Promise<Answer> {
  const key = idempotencyKey(request);
  if (key === undefined) return work(service);
  const { answer, replayed } = await answerOnce(service, { key, ...keyed }, service.clock(), (db) =>
    work({ ...service, db }),
  );
  if (replayed) reply.header('idempotent-replayed', 'true');
  return answer;
}

/**
 * The key by which a repeated request is recognized.
 * @returns undefined if there is none
 * @throws Refusal 'field invalid'
 */
export function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined || header === '') return undefined;
  const [, , key] = KEY.exec(String(header)) ?? [];
  if (key === undefined) throw invalidField('Idempotency-Key', IDEMPOTENCY_KEY_REQUIREMENT);
  return key;
}
