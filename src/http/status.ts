import { StoreUnavailable } from '../db/errors.ts';
import { Refusal, type RefusalCode } from '../domain/refusal.ts';

const STATUS: Record<RefusalCode, number> = {
  'field required': 400,
  'field invalid': 400,
  malformed: 400,
  unauthorized: 401,
  'payment required': 402,
  forbidden: 403,
  'not found': 404,
  conflict: 409,
  'too large': 413,
  unprocessable: 422,
  'rate limited': 429,
  busy: 503,
};

// The framework's own texts are not used, because they may repeat data that the client sent.
const PHRASES: Record<number, string> = {
  400: 'Bad request',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timed out',
  413: 'Body too large',
  414: 'Address too long',
  415: 'The media type must be application/json',
  417: 'Expectation failed',
  431: 'Header fields too large',
  500: 'Internal error',
  503: 'Service unavailable, please try again',
};

/** The status of a refusal in envelopes that do not define their own. */
export const statusOfRefusal = ({ code }: Refusal): number => STATUS[code];

/** The default text of a status. */
export const reasonPhrase = (status: number): string => PHRASES[status] ?? 'Bad request';

/** The status for any error. */
export function statusOf(error: Error): number {
  if (error instanceof Refusal) return STATUS[error.code];
  if (error instanceof StoreUnavailable) return 503;
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  return status >= 400 && status < 500 ? status : 500;
}
