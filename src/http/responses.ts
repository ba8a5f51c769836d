import {
  idempotencyKeyInUse,
  idempotencyKeyReused,
  invalidField,
  keyNotFromHere,
  type Refusal,
} from '../domain/refusal.ts';
import type { Face, Route } from './face.ts';
import { refusalAnswer } from './failures.ts';
import { IDEMPOTENCY_KEY_REQUIREMENT } from './idempotency-key.ts';
import { type TObject, type TSchema, Type } from './schema.ts';

const DESCRIPTIONS: Record<number, string> = {
  400: 'A required field is missing, or a value is at fault',
  401: 'Unauthorized',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Account creation failed, or the first request with this Idempotency-Key goes on',
  413: 'The body has more than 16 KiB',
  415: 'The body is not of the media type application/json',
  422: 'The Idempotency-Key came with another request before',
  429: 'Rate limit exceeded',
  431: 'The address and the header fields have more than 16 KiB',
  500: 'Internal error',
  503: 'The service cannot answer now; the same request may succeed later',
};

const OF_BODIES = [413, 415];
interface Documented {
  /** members within the envelope */
  success: Record<string, TSchema>;
  example: object;
  /** the operation's own refusals, one example each */
  refusals: Refusal[];
  once?: true;
  auth: 'none' | 'key' | 'administrator';
}

/** Statuses that any operation may answer. */
const OF_ALL = [431, 500, 503];

/** Refusals of operations that are performed once for each Idempotency-Key. */
const OF_KEYS = [
  invalidField('Idempotency-Key', IDEMPOTENCY_KEY_REQUIREMENT),
  idempotencyKeyInUse(),
  idempotencyKeyReused(),
];

const retryAfter = Type.Integer({ description: 'Seconds after which to try again' });
const replayed = Type.Literal('true', { description: 'Where the first answer is given again' });
const HEADERS: Record<number, Record<string, TSchema>> = {
  401: { 'WWW-Authenticate': Type.String({ description: '`Bearer`' }) },
  429: { 'Retry-After': retryAfter },
  503: { 'Retry-After': retryAfter },
};

/** The documented answers of an operation. */
export function responses(
  face: Face,
  { method, status }: Route,
  { auth, success: members, example, refusals, once }: Documented,
): Record<string, TObject> {
  const failures = new Map<number, object[]>();
  const ofNamedKeys = auth === 'key' ? [keyNotFromHere()] : [];
  for (const refusal of [...refusals, ...ofNamedKeys, ...(once ? OF_KEYS : [])]) {
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
    ...(once ? { headers: { 'Idempotent-Replayed': replayed } } : {}),
    examples: [JSON.parse(face.success(text))],
  };
  return {
    [status]: success,
    ...Object.fromEntries(
      [...failures].map(([status, examples]) => {
        const headers = once && status === 409 ? { 'Retry-After': retryAfter } : HEADERS[status];
        return [status, failure(face, status, { examples, headers })];
      }),
    ),
  };
}

function failure(
  face: Face,
  status: number,
  told: { examples: object[]; headers: Record<string, TSchema> | undefined },
): TObject {
  return Type.Object(face.document.failure(status), {
    description: DESCRIPTIONS[status] ?? '',
    ...told,
  });
}
