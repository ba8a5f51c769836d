import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { StoreUnavailable } from '../db/errors.ts';
import { Refusal } from '../domain/refusal.ts';
import { html } from '../html.ts';
import { statusOf } from '../http/status.ts';
import type { Service } from '../service.ts';
import { span } from './components/time.ts';
import { type Page, sendPage } from './layout.ts';
import type { Messages } from './messages/index.ts';
import { type View, visitorView } from './view.ts';

const RETRY_SECONDS = 5;

/**
 * Answers every error with a page; an error that is not a refusal is logged, and the page shows no
 * internals. If the visitor is not known, as without a database, the page is a visitor's.
 */
export function answerWithErrorPage(service: Service) {
  const visitor = visitorView(service);
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply) => {
    const view = request.view ?? visitor(request);
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

/**
 * Whether an unknown address is answered with a page: for a browser's address line, not for
 * programs.
 */
export function wantsPage(request: FastifyRequest): boolean {
  return request.method === 'GET' && /\btext\/html\b/.test(request.headers.accept ?? '');
}

/** The page for unknown addresses, for all visitors. */
export function notFoundPage(service: Service) {
  const view = visitorView(service);
  return (request: FastifyRequest, reply: FastifyReply) => {
    const shown = view(request);
    return sendPage(reply, shown, errorPage(shown, 404, undefined, ''));
  };
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
      if (error instanceof Refusal && error.reason === 'role') {
        return { title: errors.role, text: errors.roleText };
      }
      return { title: errors.forged, text: errors.forgedText };
    case 404:
      return { title: errors.notFound, text: errors.notFoundText };
    case 413:
      return { title: errors.tooLarge, text: errors.tooLargeText };
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
