import type { FastifyInstance } from 'fastify';
import { rememberDevice } from '../../domain/access/known-origin.ts';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { resetPassword } from '../../domain/account/recovery.ts';
import { inspectToken } from '../../domain/account/token.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { notice } from '../components/blocks.ts';
import { newPasswordFields, newPasswordProblem } from '../components/new-password.ts';
import { formFields, queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { type LinkProblem, linkProblemPage } from './mailed-link.ts';

/** The page that the link of a recovery mail opens. */
export function resetPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.get('/reset', async (request, reply) => {
    const { view } = request;
    const token = queryText(request, 'token');
    const result = await inspectToken(db, { keyring, now: clock() }, token, 'recovery');
    if (result.state !== 'good') return sendPage(reply, view, problemPage(view, result.state));
    return sendPage(reply, view, resetPage(view, token, result.username));
  });

  app.post('/reset', async (request, reply) => {
    const { view } = request;
    const { token = '', password = '', repeated = '' } = formFields(request);
    const before = await inspectToken(db, { keyring, now: clock() }, token, 'recovery');
    if (before.state !== 'good') return sendPage(reply, view, problemPage(view, before.state));
    const { name, email } = await describeAccount(db, before.username);
    const own = [String(before.username), name, email];
    const problem = await newPasswordProblem(view, { password, repeated }, own);
    if (problem) return sendPage(reply, view, resetPage(view, token, before.username, problem));
    const actor = { who: 'recovery', from: `portal ${request.clientAddress}` };
    const tools = { keyring, queue, now: clock() };
    const result = await resetPassword(db, actor, tools, { token, password });
    if (result.state !== 'good') return sendPage(reply, view, problemPage(view, result.state));
    await rememberDevice(db, { keyring, now: clock() }, result.username, request.device);
    const m = view.m.reset;
    const content = html`${notice('good', m.done(result.username))}
<p>${m.keyChanged}</p>
<p>${m.sipSecretStays}</p>
<p><a class="button" href="/sign-in">${view.m.signIn.submit}</a></p>
<p class="links"><a href="/sign-in?next=%2Fphone">${m.replaceSipSecret}</a></p>`;
    return sendPage(reply, view, { title: m.doneTitle, content });
  });
}

function resetPage(view: View, token: string, username: number, problem?: string): Page {
  const m = view.m.reset;
  const fields = html`<input type="hidden" name="token" value="${token}">
${newPasswordFields(view, username, problem)}
<button>${m.submit}</button>`;
  const content = html`<p>${m.account(username)}</p>
${form(view, '/reset', fields)}`;
  return { title: m.title, content, status: problem ? 400 : 200 };
}

function problemPage(view: View, problem: LinkProblem): Page {
  const m = view.m.reset;
  return linkProblemPage(view, m.failedTitle, problem, { href: '/recover', text: m.again });
}
