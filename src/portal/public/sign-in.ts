import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { secondFactorState } from '../../domain/access/second-factor.ts';
import { checkSignIn } from '../../domain/access/sign-in.ts';
import { Refusal } from '../../domain/refusal.ts';
import { html } from '../../html.ts';
import { originOf } from '../../http/client-address.ts';
import { type LoggedSignIn, logSignIn } from '../../http/sign-in-log.ts';
import type { Service } from '../../service.ts';
import { cookiesOf, signIn } from '../access.ts';
import { notice } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { formFields, localPath, queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { secondStepPage, stepProof } from './second-step.ts';

/** Signing in and out. */
export function signInPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get('/sign-in', async (request, reply) => {
    const next = queryText(request, 'next');
    if (request.session) return reply.redirect(localPath(next) ?? '/', 303);
    return sendPage(reply, request.view, signInPage(request.view, { next }));
  });

  app.post('/sign-in', async (request, reply) => {
    const { login = '', password = '', next = '' } = formFields(request);
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
      const page = signInPage(request.view, { next, login, wrong: true });
      return sendPage(reply, request.view, page);
    }
    if ((await secondFactorState(db, signedIn.username)).on) {
      const step = stepProof(service, request, signedIn);
      return sendPage(reply, request.view, secondStepPage(request.view, step, next));
    }
    await signIn(service, request, reply, signedIn.username);
    return reply.redirect(localPath(next) ?? '/', 303);
  });

  app.post('/sign-out', (request, reply) => signOut(service, request, reply));
}

async function signOut(service: Service, request: FastifyRequest, reply: FastifyReply) {
  const { db, keyring } = service;
  const cookies = cookiesOf(service);
  await db.query('DELETE FROM session WHERE digest = $1', [keyring.digest(request.sessionId)]);
  cookies.clear(reply, 'session');
  cookies.set(reply, 'flash', 'signed-out');
  return reply.redirect('/sign-in', 303);
}

function signInPage(
  view: View,
  { next, login, wrong = false }: { next: string; login?: string; wrong?: boolean },
): Page {
  const m = view.m.signIn;
  const fields = html`${wrong && notice('bad', m.wrong)}
<input type="hidden" name="next" value="${next}">
${field({ name: 'login', label: m.login, value: login, autocomplete: 'username', required: true, autofocus: !wrong })}
${field({ name: 'password', label: m.password, type: 'password', autocomplete: 'current-password', required: true, autofocus: wrong })}
<button>${m.submit}</button>`;
  const content = html`${form(view, '/sign-in', fields)}
<p class="links"><a href="/recover">${m.forgotten}</a> <a href="/sign-up">${m.signUp}</a></p>`;
  return { title: m.title, content, status: wrong ? 400 : 200 };
}
