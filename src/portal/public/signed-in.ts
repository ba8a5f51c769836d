import type { FastifyReply } from 'fastify';
import type { Service } from '../../service.ts';
import { cookiesOf, signIn } from '../access.ts';
import { keepDraft } from '../draft.ts';
import { localPath } from '../input.ts';
import type { Onward } from './sign-in-page.ts';

/** Signs in and redirects to the requested page, with the fields typed there before. */
export async function signInAndGoOn(
  service: Service,
  reply: FastifyReply,
  username: number,
  { next, draft }: Onward,
): Promise<FastifyReply> {
  const { request } = reply;
  await signIn(service, request, reply, username);
  const isKept = draft !== '' && (await keepDraft(service, request, username, draft));
  if (isKept) cookiesOf(service).set(reply, 'flash', 'draft-kept');
  return reply.redirect(localPath(next) ?? '/', 303);
}
