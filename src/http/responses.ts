import { type TObject, type TSchema, Type } from 'typebox';
import type { Refusal } from '../domain/refusal.ts';
import type { Face, Route } from './face.ts';
import { refusalAnswer } from './failures.ts';

const DESCRIPTIONS: Record<number, string> = {
  400: 'A required field is missing, or a value is at fault',
  401: 'Unauthorized',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Account creation failed',
  413: 'The body has more than 16 KiB',
  415: 'The body is not of the media type application/json',
  422: 'The Idempotency-Key came with another body before',
  429: 'Rate limit exceeded',
  500: 'Internal error',
  503: 'The service cannot answer now; the same request may succeed later',
};

const OF_BODIES = [413, 415];
/** What any operation may answer. */
const OF_ALL = [500, 503];

const retryAfter = Type.Integer({ description: 'Seconds after which to try again' });
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { 'WWW-Authenticate': Type.String({ description: '`Bearer`' }) },
  429: { 'Retry-After': retryAfter },
  503: { 'Retry-After': retryAfter },
};

/**
 * The documented answers of an operation.
 * @param members of the success, within the envelope
 * @param refusals with which the operation itself fails, one example each
 */
export function responses(
  face: Face,
  { method, status }: Route,
  members: Record<string, TSchema>,
  example: object,
  refusals: Refusal[],
): Record<string, TObject> {
  const failures = new Map<number, object[]>();
  for (const refusal of refusals) {
    const { status, body } = refusalAnswer(face, refusal);
    failures.set(status, [...(failures.get(status) ?? []), body]);
  }
  for (const status of method === 'GET' ? OF_ALL : [...OF_BODIES, ...OF_ALL]) {
    failures.set(status, [face.failure(status)]);
  }
  const text = JSON.stringify(example).slice(1, -1);
  const success = {
    ...face.document.success(members),
    description: 'Success',
    examples: [JSON.parse(face.success(text))],
  };
  return {
    [status]: success,
    ...Object.fromEntries(
      [...failures].map(([status, examples]) => [status, failure(face, status, examples)]),
    ),
  };
}

function failure(face: Face, status: number, examples: object[]): TObject {
  return Type.Object(face.document.failure(status), {
    description: DESCRIPTIONS[status] ?? '',
    headers: HEADERS[status],
    examples,
  });
}
