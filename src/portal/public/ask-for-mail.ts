import type { FastifyInstance } from 'fastify';
import { requestVerification } from '../../domain/account/portal-sign-up.ts';
import { requestRecovery } from '../../domain/account/recovery.ts';
import { isEmailAddress } from '../../domain/email-address.ts';
import { html } from '../../html.ts';
import { AddressLimit, limitByAddress } from '../../http/rate-limit.ts';
import type { Service } from '../../service.ts';
import { field } from '../components/field.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import type { Messages } from '../messages/index.ts';
import { form, type View } from '../view.ts';
import { checkMailPage } from './check-mail.ts';

interface MailForm {
  path: string;
  texts: (m: Messages) => Messages['recover'];
  request: (email: string) => Promise<void>;
}

/** The forms that request a mail with a link: to recover a password, to verify an address. */
export function mailForms(app: FastifyInstance, service: Service): void {
  const { db, queue, config } = service;
  const onRequest = limitByAddress(new AddressLimit(db, 'recover', config.recoverLimitPerHour));
  const forms: MailForm[] = [
    {
      path: '/recover',
      texts: (m) => m.recover,
      request: (email) => requestRecovery(db, queue, email),
    },
    {
      path: '/verify/again',
      texts: (m) => m.verifyAgain,
      request: (email) => requestVerification(db, queue, email),
    },
  ];
  for (const { path, texts, request: askFor } of forms) {
    app.get(path, async (request, reply) =>
      sendPage(reply, request.view, mailFormPage(request.view, path, texts(request.view.m))),
    );
    app.post(path, { onRequest }, async (request, reply) => {
      const { view } = request;
      const m = texts(view.m);
      const email = (formFields(request).email ?? '').trim();
      if (!isEmailAddress(email)) {
        return sendPage(reply, view, mailFormPage(view, path, m, email));
      }
      await askFor(email);
      const again = { href: path, text: m.again };
      return sendPage(reply, view, checkMailPage(view, m.sent(email), again));
    });
  }
}

/** @param wrong the text that is not an address */
function mailFormPage(view: View, path: string, m: Messages['recover'], wrong?: string): Page {
  const problem = wrong === undefined ? undefined : view.m.problems.email({ key: 'email' });
  const fields = html`${field({ name: 'email', label: view.m.fields.email, type: 'email', value: wrong, problem, autocomplete: 'email', required: true, maxLength: 254, autofocus: true })}
<button>${m.submit}</button>`;
  const content = html`<p>${m.lead}</p>
${form(view, path, fields)}
<p class="links"><a href="/sign-in">${view.m.signIn.title}</a></p>`;
  return { title: m.title, content, status: problem ? 400 : 200 };
}
