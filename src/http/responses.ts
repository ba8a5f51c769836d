import { type TObject, type TSchema, Type } from 'typebox';
import type { Refusal } from '../domain/refusal.ts';
import type { Face } from './face.ts';
import { refusalAnswer } from './failures.ts';

const DESCRIPTIONS: Record<number, string> = {
  400: 'A required field is missing, or a value is at fault',
  401: 'Unauthorized',
  404: 'Not found',
  409: 'Account creation failed',
  413: 'The body has more than 16 KiB',
  415: 'The body is not of the media type application/json',
  429: 'Rate limit exceeded',
  500: 'Internal error',
  503: 'The service cannot answer now; the same request may succeed later',
};

/** What any operation may answer. */
const FAILURES_OF_ALL = [413, 415, 500, 503];

const retryAfter = Type.Integer({ description: 'Seconds after which to try again' });
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { 'WWW-Authenticate': Type.String({ description: '`Bearer`' }) },
  429: { 'Retry-After': retryAfter },
  503: { 'Retry-After': retryAfter },
};

/**
 * The documented answers of an operation.
 * @param members of the success, beside the envelope
 * @param refusals with which the operation itself fails, one example each
 */
export function responses(
  face: Face,
  members: Record<string, TSchema>,
  example: object,
  refusals: Refusal[],
): Record<string, TObject> {
  const failures = new Map<number, object[]>();
  for (const refusal of refusals) {
    const { status, body } = refusalAnswer(face, refusal);
    failures.set(status, [...(failures.get(status) ?? []), body]);
  }
  for (const status of FAILURES_OF_ALL) failures.set(status, [face.failure(status)]);
  return {
    200: success(members, example),
    ...Object.fromEntries(
      [...failures].map(([status, examples]) => [status, failure(status, examples)]),
    ),
  };
}

function success(members: Record<string, TSchema>, example: object): TObject {
  return Type.Object(
    { statusCode: Type.Literal('200'), status: Type.Literal('Success'), ...members },
    {
      description: 'Success',
      examples: [{ statusCode: '200', status: 'Success', ...example }],
    },
  );
}

function failure(status: number, examples: object[]): TObject {
  return Type.Object(
    {
      statusCode: Type.Literal(String(status)),
      status: Type.Literal('Error'),
      message: Type.String({ description: 'What is wrong' }),
      ...(status === 400
        ? { requirement: Type.Optional(Type.String({ description: 'What the value must be' })) }
        : {}),
    },
    { description: DESCRIPTIONS[status] ?? '', headers: HEADERS[status], examples },
  );
}
