import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal } from '../domain/refusal.ts';
import { html } from '../html.ts';
import { statusOf } from '../http/envelope.ts';
import { span } from './components/time.ts';
import { type Page, sendPage } from './layout.ts';
import type { Messages } from './messages/index.ts';
import type { View } from './view.ts';

const RETRY_SECONDS = 5;

/**
 * Answers whatever was thrown with a page; what is no refusal is logged and tells nothing of the
 * inside.
 * @param visitorView for when it is not known who asks, such as without a database
 */
export function answerWithErrorPage(visitorView: () => View) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const view = request.view ?? visitorView();
    const status = statusOf(error);
    if (error instanceof StoreUnavailable) {
      request.log.error({ err: error.cause }, 'the database is not available');
      reply.header('retry-after', RETRY_SECONDS);
    } else if (status >= 500) {
      request.log.error({ err: error }, 'internal error');
    }
    if (error instanceof Refusal && error.retryAfterSeconds !== undefined) {
      reply.header('retry-after', error.retryAfterSeconds);
    }
    return sendPage(reply, view, errorPage(view, status, error, request.id));
  };
}

/** The page of an address that leads nowhere. */
export function notFoundPage(view: View): Page {
  return errorPage(view, 404, undefined, '');
}

function errorPage(view: View, status: number, error: Error | undefined, id: string): Page {
  const { title, text } = explain(view.m, status, error, id);
  const content = html`<p>${text}</p>
<p><a href="/">${view.m.errors.home}</a></p>`;
  return { title, status, content };
}

function explain(
  { errors, units }: Messages,
  status: number,
  error: Error | undefined,
  id: string,
) {
  const wait = error instanceof Refusal ? (error.retryAfterSeconds ?? 0) : 0;
  switch (status) {
    case 403:
      return { title: errors.forged, text: errors.forgedText };
    case 404:
      return { title: errors.notFound, text: errors.notFoundText };
    case 429:
      return { title: errors.tooOften, text: errors.tooOftenText(span(wait, { units })) };
    case 503:
      return { title: errors.unavailable, text: errors.unavailableText };
    case 500:
      return { title: errors.internal, text: errors.internalText(id) };
    default:
      return { title: errors.badRequest, text: errors.badRequestText };
  }
}
