import type { FastifyInstance } from 'fastify';
import {
  type ConfirmingAddress,
  confirmAddressChange,
  PURPOSE,
} from '../../domain/account/address-change.ts';
import { inspectToken } from '../../domain/account/token.ts';
import { html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { notice } from '../components/blocks.ts';
import { formFields, queryText } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import { type LinkProblem, linkProblemPage } from './mailed-link.ts';

/**
 * The page that both links of a change of address open. As with other mailed links, only its form
 * changes something.
 */
export function confirmAddressPages(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.get('/confirm-address', async (request, reply) => {
    const { view } = request;
    const token = queryText(request, 'token');
    const by = whichOf(queryText(request, 'by'));
    const link = await inspectToken(db, { keyring, now: clock() }, token, PURPOSE[by]);
    if (link.state !== 'good') return sendPage(reply, view, problemPage(view, link.state));
    const m = view.m.confirmAddress;
    const fields = html`<input type="hidden" name="token" value="${token}"><input type="hidden" name="by" value="${by}">
<button>${m.submit}</button>`;
    const content = html`<p>${m.ask(link.username)}</p>
${form(view, '/confirm-address', fields)}`;
    return sendPage(reply, view, { title: m.title, content });
  });

  app.post('/confirm-address', async (request, reply) => {
    const { view } = request;
    const { token = '', by = '' } = formFields(request);
    const actor = { who: 'confirmed address', from: `portal ${request.clientAddress}` };
    const confirmation = { token, by: whichOf(by) };
    const tools = { keyring, queue, now: clock() };
    const result = await confirmAddressChange(db, actor, tools, confirmation);
    if (result.state !== 'good') return sendPage(reply, view, problemPage(view, result.state));
    const m = view.m.confirmAddress;
    const content = html`${result.changed ? notice('good', m.changed) : notice('info', m.half)}
<p class="links"><a class="button" href="/">${m.next}</a></p>`;
    return sendPage(reply, view, { title: m.title, content });
  });
}

const whichOf = (text: string): ConfirmingAddress => (text === 'before' ? 'before' : 'after');

function problemPage(view: View, problem: LinkProblem): Page {
  const m = view.m.confirmAddress;
  return linkProblemPage(view, m.failed, problem, { href: '/settings', text: m.again });
}
