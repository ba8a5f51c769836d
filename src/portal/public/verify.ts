import type { FastifyInstance } from 'fastify';
import { inspectToken } from '../../domain/token.ts';
import { verifyAccount } from '../../domain/verification.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { notice } from '../components/blocks.ts';
import { formFields, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { type LinkProblem, linkProblemPage } from './mailed-link.ts';

/**
 * The page that the link of a verification mail opens. Opening it changes nothing, since mail
 * scanners follow links; its form does.
 */
export function verifyPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, clock } = service;

  app.get('/verify', async (request, reply) => {
    const { view } = request;
    const token = queryText(request, 'token');
    const { state } = await inspectToken(db, keyring, token, 'verification', clock());
    if (state !== 'good') return sendPage(reply, view, problemPage(view, state));
    const m = view.m.verify;
    const content = html`<p>${m.ask}</p>
${form(view, '/verify', html`<input type="hidden" name="token" value="${token}"><button>${m.submit}</button>`)}`;
    return sendPage(reply, view, { title: m.title, content });
  });

  app.post('/verify', async (request, reply) => {
    const { view } = request;
    const { token = '' } = formFields(request);
    const { state } = await verifyAccount(db, keyring, token, clock());
    if (state !== 'good') return sendPage(reply, view, problemPage(view, state));
    const m = view.m.verify;
    const content = html`${notice('good', m.done)}
<p><a class="button" href="/">${m.next}</a></p>`;
    return sendPage(reply, view, { title: m.doneTitle, content });
  });
}

function problemPage(view: View, problem: LinkProblem) {
  const m = view.m.verify;
  return linkProblemPage(view, m.failedTitle, problem, { href: '/verify/again', text: m.again });
}
