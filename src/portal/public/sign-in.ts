import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { secondFactorState } from '../../domain/access/second-factor.ts';
import { endSession } from '../../domain/access/session.ts';
import { checkSignIn } from '../../domain/access/sign-in.ts';
import { Refusal } from '../../domain/refusal.ts';
import { originOf } from '../../http/client-address.ts';
import { type LoggedSignIn, logSignIn } from '../../http/sign-in-log.ts';
import type { Service } from '../../service.ts';
import { cookiesOf } from '../access.ts';
import { formFields, localPath, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { secondStepPage, stepProof } from './second-step.ts';
import { signInPage } from './sign-in-page.ts';
import { signInAndGoOn } from './signed-in.ts';

/** Signing in and out. */
export function signInPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get('/sign-in', async (request, reply) => {
    const next = queryText(request, 'next');
    if (request.session) return reply.redirect(localPath(next) ?? '/', 303);
    return sendPage(reply, request.view, signInPage(request.view, { next, draft: '' }));
  });

  app.post('/sign-in', async (request, reply) => {
    const { login = '', password = '', next = '', draft = '' } = formFields(request);
    const log = (account: number | undefined, result: LoggedSignIn['result']) =>
      logSignIn(request, { account, result, factor: 'password', for: 'portal' });
    const { account, signedIn } = await checkSignIn(db, keyring, {
      login: login.trim(),
      password,
      from: originOf(request.clientAddress),
      device: request.device,
      now: clock(),
    }).catch((error) => {
      if (error instanceof Refusal) log(undefined, 'rate limited');
      throw error;
    });
    log(account, signedIn ? 'passed' : 'failed');
    if (!signedIn) {
      const page = signInPage(request.view, { next, draft, login, wrong: true });
      return sendPage(reply, request.view, page);
    }
    if ((await secondFactorState(db, signedIn.username)).on) {
      const step = stepProof(service, request, signedIn);
      return sendPage(reply, request.view, secondStepPage(request.view, step, { next, draft }));
    }
    return signInAndGoOn(service, reply, signedIn.username, { next, draft });
  });

  app.post('/sign-out', (request, reply) => signOut(service, request, reply));
}

async function signOut(service: Service, request: FastifyRequest, reply: FastifyReply) {
  const { db, keyring } = service;
  const cookies = cookiesOf(service);
  await endSession(db, keyring, request.sessionId);
  cookies.clear(reply, 'session');
  cookies.set(reply, 'flash', 'signed-out');
  // The browser's Back shows cached answers to forms, so the cache is cleared.
  reply.header('clear-site-data', '"cache"');
  return reply.redirect('/sign-in', 303);
}
