import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal, type RefusalCode } from '../domain/refusal.ts';

const STATUS: Record<RefusalCode, number> = {
  'field required': 400,
  'field invalid': 400,
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  'not found': 404,
  conflict: 409,
  'too large': 413,
  'rate limited': 429,
};
const UNAVAILABLE_RETRY_SECONDS = 5;

export interface ErrorBody {
  statusCode: string;
  status: 'Error';
  message: string;
  requirement?: string;
}

/** The body of a success. @param members JSON text of the operation's own members, `"a":1,"b":2` */
export function successBody(members: string): string {
  return `{"statusCode":"200","status":"Success",${members}}`;
}

export function errorBody(status: number, message: string, requirement?: string): ErrorBody {
  const body: ErrorBody = { statusCode: String(status), status: 'Error', message };
  return requirement === undefined ? body : { ...body, requirement };
}

/** Answers whatever was thrown; what is no refusal is logged and tells the client nothing. */
export function answerError(
  error: FastifyError | Refusal | StoreUnavailable | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof Refusal) return answerRefusal(error, reply);
  if (error instanceof StoreUnavailable) {
    request.log.error({ err: error.cause }, 'the database is not available');
    reply.header('retry-after', UNAVAILABLE_RETRY_SECONDS);
    return send(reply, 503, 'Service unavailable, please try again');
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500;
  if (status >= 400 && status < 500)
    return send(reply, status, CLIENT_ERRORS[status] ?? 'Bad request');
  request.log.error({ err: error }, 'internal error');
  return send(reply, 500, 'Internal error');
}

// The framework's own texts may repeat what the client sent.
const CLIENT_ERRORS: Record<number, string> = {
  400: 'Bad request',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timed out',
  413: 'Body too large',
  414: 'Address too long',
  415: 'The media type must be application/json',
  431: 'Header fields too large',
};

function answerRefusal(refusal: Refusal, reply: FastifyReply): FastifyReply {
  const status = STATUS[refusal.code];
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.retryAfterSeconds !== undefined) {
    reply.header('retry-after', refusal.retryAfterSeconds);
  }
  return send(reply, status, refusal.message, refusal.requirement);
}

function send(reply: FastifyReply, status: number, message: string, requirement?: string) {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(status, message, requirement)));
}

/** A whole HTTP answer for what is not even a request, written to the bare socket. */
export function rawErrorAnswer(status: number): string {
  const body = JSON.stringify(errorBody(status, CLIENT_ERRORS[status] ?? 'Bad request'));
  return [
    `HTTP/1.1 ${status} Error`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
