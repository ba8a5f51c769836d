import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hashPassword } from '../../domain/access/password.ts';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { inspectToken } from '../../domain/account/token.ts';
import { isPasswordUnset, verifyAccount } from '../../domain/account/verification.ts';
import { html } from '../../html.ts';
import { logSignIn } from '../../http/sign-in-log.ts';
import type { Service } from '../../service.ts';
import { signIn } from '../access.ts';
import { notice } from '../components/blocks.ts';
import { newPasswordFields, newPasswordProblem } from '../components/new-password.ts';
import { formFields, queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { form, type View } from '../view.ts';
import { type LinkProblem, linkProblemPage } from './mailed-link.ts';

/**
 * The page that the link of a verification mail opens. Opening it changes nothing, because mail
 * scanners follow links; only its form does. People who signed up on the portal choose the password
 * here.
 */
export function verifyPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get('/verify', async (request, reply) => {
    const { view } = request;
    const token = queryText(request, 'token');
    const link = await inspectToken(db, { keyring, now: clock() }, token, 'verification');
    if (link.state !== 'good') return sendPage(reply, view, problemPage(view, link.state));
    const chooses = await isPasswordUnset(db, link.username);
    const page = chooses ? choosePage(view, token, link.username) : confirmPage(view, token);
    return sendPage(reply, view, page);
  });

  app.post('/verify', async (request, reply) => {
    const { view } = request;
    const { token = '', password = '', repeated = '' } = formFields(request);
    const link = await inspectToken(db, { keyring, now: clock() }, token, 'verification');
    if (link.state !== 'good') return sendPage(reply, view, problemPage(view, link.state));
    const { username } = link;
    const chooses = await isPasswordUnset(db, username);
    const { name, email } = await describeAccount(db, username);
    const own = [String(username), name, email];
    const problem = chooses
      ? await newPasswordProblem(view, { password, repeated }, own)
      : undefined;
    if (problem) return sendPage(reply, view, choosePage(view, token, username, problem));
    const passwordHash = chooses ? await hashPassword(password) : undefined;
    const result = await verifyAccount(db, { keyring, now: clock() }, token, passwordHash);
    if (result.state !== 'good') return sendPage(reply, view, problemPage(view, result.state));
    if (chooses) return welcome(service, request, reply, username);
    return sendPage(reply, view, verifiedPage(view));
  });
}

async function welcome(
  service: Service,
  request: FastifyRequest,
  reply: FastifyReply,
  username: number,
) {
  await signIn(service, request, reply, username);
  const factor = 'mailed link';
  logSignIn(request, { account: username, result: 'passed', factor, for: 'portal' });
  return showDone(service, reply, '/overview', 'welcome');
}

function confirmPage(view: View, token: string): Page {
  const m = view.m.verify;
  const fields = html`<input type="hidden" name="token" value="${token}"><button>${m.submit}</button>`;
  return { title: m.title, content: html`<p>${m.ask}</p>\n${form(view, '/verify', fields)}` };
}

function choosePage(view: View, token: string, username: number, problem?: string): Page {
  const m = view.m.verify;
  const fields = html`<input type="hidden" name="token" value="${token}">
${newPasswordFields(view, username, problem)}
<button>${m.choose}</button>`;
  const content = html`<p>${m.chooseLead(username)}</p>\n${form(view, '/verify', fields)}`;
  return { title: m.chooseTitle, content, status: problem ? 400 : 200 };
}

function verifiedPage(view: View): Page {
  const m = view.m.verify;
  const content = html`${notice('good', m.done)}
<p class="links"><a class="button" href="${view.session ? '/' : '/sign-in'}">${view.session ? m.next : view.m.signIn.submit}</a></p>`;
  return { title: m.doneTitle, content };
}

function problemPage(view: View, problem: LinkProblem): Page {
  const m = view.m.verify;
  return linkProblemPage(view, m.failedTitle, problem, { href: '/verify/again', text: m.again });
}
