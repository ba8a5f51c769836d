import type { FastifyInstance, FastifyRequest } from 'fastify';
import { changePassword } from '../../domain/account/credentials.ts';
import { customerAt } from '../../domain/audit.ts';
import { MAIL_QUEUE } from '../../domain/message.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { cookiesOf, sessionOf, signIn } from '../access.ts';
import { panel } from '../components/blocks.ts';
import { newPasswordFields, newPasswordProblem } from '../components/new-password.ts';
import { knowsPassword, passwordField } from '../confirm.ts';
import { formFields } from '../input.ts';
import { type Page, sendPage } from '../layout.ts';
import { form, type View } from '../view.ts';
import type { Refused } from './settings.ts';

/**
 * A new password for the old one. Every session ends, this one goes on under a new id.
 * @param settingsPage the page that the form is on
 */
export function passwordSetting(
  app: FastifyInstance,
  service: Service,
  settingsPage: (request: FastifyRequest, refused: Refused) => Promise<Page>,
): void {
  const { db, keyring, queue, clock } = service;

  app.post('/settings/password', async (request, reply) => {
    const { view } = request;
    const { username, name, email } = sessionOf(request);
    const { current = '', password = '', repeated = '' } = formFields(request);
    const own = [String(username), name, email];
    const problem = newPasswordProblem(view, { password, repeated }, own);
    const isWrong = !problem && !(await knowsPassword(service, request, current));
    if (problem || isWrong) {
      const problems = { password: problem, current: isWrong ? view.m.confirm.wrong : undefined };
      return sendPage(reply, view, await settingsPage(request, { problems }));
    }
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const input = { username, password, now: clock() };
    await changePassword(db, actor, keyring, queue, input);
    queue.wake(MAIL_QUEUE);
    await signIn(service, request, reply, username);
    cookiesOf(service).set(reply, 'flash', 'password-changed');
    return reply.redirect('/settings', 303);
  });
}

export function passwordPanel(view: View, { problems }: Refused): Html {
  const m = view.m.settings;
  const username = view.session?.username ?? 0;
  const fields = html`${passwordField(view, 'current', problems?.current !== undefined)}
${newPasswordFields(view, username, problems?.password)}
<button>${m.changePassword}</button>
<p class="hint">${m.passwordHint}</p>`;
  return panel(m.password, form(view, '/settings/password', fields));
}
