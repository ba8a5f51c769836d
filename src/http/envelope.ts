import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal, type RefusalCode, rateLimited } from '../domain/refusal.ts';

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
  'rate limited': 429,
  busy: 503,
};
const UNAVAILABLE_RETRY_SECONDS = 5;

// The framework's own texts may repeat what the client sent.
const MESSAGES: Record<number, string> = {
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

/** The body of a failure. @param message left out, the one that goes with the status */
export function errorBody(
  status: number,
  message: string = MESSAGES[status] ?? 'Bad request',
  requirement?: string,
): ErrorBody {
  const body: ErrorBody = { statusCode: String(status), status: 'Error', message };
  return requirement === undefined ? body : { ...body, requirement };
}

/** How a refusal is answered. */
export function refusalAnswer(refusal: Refusal): { status: number; body: ErrorBody } {
  const status = STATUS[refusal.code];
  return { status, body: errorBody(status, refusal.message, refusal.requirement) };
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
    reply.header('x-request-id', request.id);
    return send(reply, errorBody(503));
  }
  const status = statusOf(error);
  if (status < 500) return send(reply, errorBody(status));
  if (isClientGone(error, request)) {
    request.log.info('the client went away before its answer was sent');
    return send(reply, errorBody(400));
  }
  request.log.error({ err: error }, 'internal error');
  reply.header('x-request-id', request.id);
  return send(reply, errorBody(500));
}

/** A stream of an answer says no more of it than that it was closed too early. */
function isClientGone(error: Error, { socket }: FastifyRequest): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' && socket.destroyed;
}

/** The status that answers whatever was thrown. */
export function statusOf(error: Error): number {
  if (error instanceof Refusal) return STATUS[error.code];
  if (error instanceof StoreUnavailable) return 503;
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  return status >= 400 && status < 500 ? status : 500;
}

function answerRefusal(refusal: Refusal, reply: FastifyReply): FastifyReply {
  const { status, body } = refusalAnswer(refusal);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.retryAfterSeconds !== undefined) {
    reply.header('retry-after', refusal.retryAfterSeconds);
  }
  return send(reply, body);
}

const RATE_LIMITED = JSON.stringify(refusalAnswer(rateLimited(0)).body);

/** The answer to one request too many. @param seconds after which the client may try again */
export function answerRateLimited(reply: FastifyReply, seconds: number): void {
  reply.header('retry-after', seconds);
  sendText(reply, STATUS['rate limited'], RATE_LIMITED);
}

function send(reply: FastifyReply, body: ErrorBody): FastifyReply {
  return sendText(reply, Number(body.statusCode), JSON.stringify(body));
}

function sendText(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .type('application/json; charset=utf-8')
    .send(body);
}
