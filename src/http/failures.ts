import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal, rateLimited } from '../domain/refusal.ts';
import type { Envelope } from './face.ts';
import { statusOf } from './status.ts';

const UNAVAILABLE_RETRY_SECONDS = 5;

type Thrown = FastifyError | Refusal | StoreUnavailable | Error;

/** Answers any error. An error that is not a refusal is logged; the client gets no details. */
export function answerErrors(envelope: Envelope) {
  return (error: Thrown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    if (error instanceof Refusal) return answerRefusal(envelope, error, reply);
    if (error instanceof StoreUnavailable) {
      request.log.error({ err: error.cause }, 'the database is not available');
      reply.header('retry-after', UNAVAILABLE_RETRY_SECONDS);
      reply.header('x-request-id', request.id);
      return answerStatus(envelope, reply, 503);
    }
    const status = statusOf(error);
    if (status < 500) return answerStatus(envelope, reply, status);
    if (isClientGone(error, request)) {
      request.log.info('the client went away before its answer was sent');
      return answerStatus(envelope, reply, 400);
    }
    request.log.error({ err: error }, 'internal error');
    reply.header('x-request-id', request.id);
    return answerStatus(envelope, reply, 500);
  };
}

/** Whether an answer's stream failed because its client has left. */
function isClientGone(error: Error, { socket }: FastifyRequest): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE' && socket.destroyed;
}

/** Answers a failure with only its status. */
export function answerStatus(
  envelope: Envelope,
  reply: FastifyReply,
  status: number,
): FastifyReply {
  const body = envelope.failure(status, undefined, reply.request.id);
  return sendText(envelope, reply, status, JSON.stringify(body));
}

/** Status and body of the answer to a refusal. */
export function refusalAnswer(envelope: Envelope, refusal: Refusal, requestId?: string) {
  const status = envelope.status(refusal);
  return { status, body: envelope.failure(status, refusal, requestId) };
}

function answerRefusal(envelope: Envelope, refusal: Refusal, reply: FastifyReply): FastifyReply {
  const { status, body } = refusalAnswer(envelope, refusal, reply.request.id);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.retryAfterSeconds !== undefined) {
    reply.header('retry-after', refusal.retryAfterSeconds);
  }
  return sendText(envelope, reply, status, JSON.stringify(body));
}

/**
 * The answer to clients over a limit; its body is made only once.
 * @returns also a function that sends it, with the seconds to wait
 */
export function rateLimitedAnswer(envelope: Envelope) {
  const { status, body } = refusalAnswer(envelope, rateLimited(0));
  const text = JSON.stringify(body);
  const send = (reply: FastifyReply, seconds: number): void => {
    sendText(envelope, reply.header('retry-after', seconds), status, text);
  };
  return { status, text, send };
}

function sendText(
  { type = 'application/json; charset=utf-8', namesRequests }: Envelope,
  reply: FastifyReply,
  status: number,
  body: string,
): FastifyReply {
  if (namesRequests) reply.header('x-request-id', reply.request.id);
  return reply.code(status).header('cache-control', 'no-store').type(type).send(body);
}
