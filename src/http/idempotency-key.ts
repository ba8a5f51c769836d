import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, answerOnce, type KeyedRequest } from '../domain/access/kept-answer.ts';
import { invalidField } from '../domain/refusal.ts';
import type { Service } from '../service.ts';
import { Type } from './schema.ts';

export const IDEMPOTENCY_KEY_REQUIREMENT = 'Must be 1 to 255 characters of A-Z a-z 0-9 _ : . -';

// With the quotes of https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/,
// or without them, as most clients send it.
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
 * Answers a request that may come again with the same Idempotency-Key (`answerOnce`); one without a
 * key is simply done. Sets `Idempotent-Replayed` where the answer was given before.
 * @param work does it with a service whose database is that of one transaction
 * @throws Refusal 'field invalid' for a key of another form, and what `answerOnce` throws
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
 * The key by which a repeated request is known.
 * @returns undefined where there is none
 * @throws Refusal 'field invalid'
 */
export function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (header === undefined || header === '') return undefined;
  const [, , key] = KEY.exec(String(header)) ?? [];
  if (key === undefined) throw invalidField('Idempotency-Key', IDEMPOTENCY_KEY_REQUIREMENT);
  return key;
}
