import type { FastifyInstance } from 'fastify';
import { changePassword } from '../../domain/account/credentials.ts';
import { customerAt } from '../../domain/audit.ts';
import type { Service } from '../../service.ts';
import { sessionOf, signIn } from '../access.ts';
import { newPasswordProblem } from '../components/new-password.ts';
import { knowsPassword } from '../confirm.ts';
import { formFields } from '../input.ts';
import { sendPage } from '../layout.ts';
import { showDone } from '../shown-once.ts';
import { settingsPage } from './settings-page.ts';

/** Replaces a password, given the old one. All sessions end; this one continues under a new id. */
export function passwordSetting(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.post('/settings/password', async (request, reply) => {
    const { view } = request;
    const { username, name, email } = sessionOf(request);
    const { current = '', password = '', repeated = '' } = formFields(request);
    const own = [String(username), name, email];
    const problem = await newPasswordProblem(view, { password, repeated }, own);
    const isWrong = !problem && !(await knowsPassword(service, request, current));
    if (problem || isWrong) {
      const problems = { password: problem, current: isWrong ? view.m.confirm.wrong : undefined };
      return sendPage(reply, view, await settingsPage(service, request, { problems }));
    }
    const actor = customerAt(username, `portal ${request.clientAddress}`);
    const tools = { keyring, queue, now: clock() };
    await changePassword(db, actor, tools, { username, password });
    await signIn(service, request, reply, username);
    return showDone(service, reply, '/settings', 'password-changed');
  });
}
