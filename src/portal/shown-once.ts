import type { FastifyReply, FastifyRequest } from 'fastify';
import { keepForPage, takeForPage } from '../domain/access/kept-for-page.ts';
import type { Service } from '../service.ts';

/**
 * Answers a form with a page that shows something once, so that neither reloading it nor going back
 * to it does again what the form did.
 * @param path of the page, which takes it by `takeShownOnce`
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

/** What the page that is asked for shows this once. */
export async function takeShownOnce<Content extends object>(
  { db, keyring, clock }: Service,
  request: FastifyRequest,
): Promise<Content | undefined> {
  if (request.method !== 'GET') return undefined;
  const { path } = request.view;
  return takeForPage<Content>(db, keyring, { sessionId: request.sessionId, path, now: clock() });
}
