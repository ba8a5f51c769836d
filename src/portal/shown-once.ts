import type { FastifyReply, FastifyRequest } from 'fastify';
import { keepForPage, takeForPage } from '../domain/access/kept-for-page.ts';
import type { Service } from '../service.ts';
import { cookiesOf } from './access.ts';
import type { Messages } from './messages/index.ts';

/**
 * Answers a form with a redirect to a page, which says once what was done.
 * @param done its words in the messages
 */
export function showDone(
  service: Service,
  reply: FastifyReply,
  path: string,
  done: keyof Messages['flash'],
): FastifyReply {
  cookiesOf(service).set(reply, 'flash', done);
  return reply.redirect(path, 303);
}

/**
 * Answers a form with a redirect to a page that shows something once. So reloading or going back
 * does not repeat the form's action.
 * @param path of the page, which reads it with `takeShownOnce`
 */
export async function showOnce(
  { db, keyring, clock }: Service,
  reply: FastifyReply,
  path: string,
  content: object,
): Promise<FastifyReply> {
  const { sessionId } = reply.request;
  await keepForPage(db, keyring, { sessionId, path, now: clock() }, content);
  return reply.redirect(path, 303);
}

/** The content that the requested page shows once. */
export async function takeShownOnce<Content extends object>(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
): Promise<Content | undefined> {
  if (request.method !== 'GET') return undefined;
  const { path } = request.view;
  return takeForPage<Content>(db, keyring, { sessionId: request.sessionId, path, now: clock() });
}
