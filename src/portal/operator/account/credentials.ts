import type { FastifyInstance } from 'fastify';
import { closeAccount } from '../../../domain/account/account.ts';
import { renewKey, renewPassword } from '../../../domain/account/credentials.ts';
import { Refusal } from '../../../domain/refusal.ts';
import { html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { cookiesOf } from '../../access.ts';
import { facts, notice, panel } from '../../components/blocks.ts';
import { copyable } from '../../components/secret.ts';
import { formFields } from '../../input.ts';
import { type Page, sendPage } from '../../layout.ts';
import type { View } from '../../view.ts';
import { administrator } from '../actor.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

/** New credentials for an account, and its end. */
export function accountCredentials(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, clock } = service;

  app.post('/admin/accounts/:username/password', async (request, reply) => {
    const username = usernameOf(request);
    const renewed = await renewPassword(
      db,
      administrator(request),
      keyring,
      queue,
      username,
      clock(),
    );
    const page = shownOncePage(request.view, username, renewed);
    return sendPage(reply, request.view, page);
  });

  app.post('/admin/accounts/:username/key', async (request, reply) => {
    const username = usernameOf(request);
    const apikey = await renewKey(db, administrator(request), keyring, queue, username, clock());
    return sendPage(reply, request.view, shownOncePage(request.view, username, { apikey }));
  });

  app.post('/admin/accounts/:username/close', async (request, reply) => {
    const username = usernameOf(request);
    const fields = formFields(request);
    const again = async (problem: string) => {
      const filled = { values: fields, problems: { confirm: problem } };
      return sendPage(reply, request.view, await accountPage(service, request, filled));
    };
    if (fields.confirm?.trim() !== String(username)) {
      return again(request.view.m.operator.account.closeWrong);
    }
    try {
      await closeAccount(db, administrator(request), username, clock());
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
      return again(error.message);
    }
    cookiesOf(service).set(reply, 'flash', 'closed');
    return reply.redirect(`/admin/accounts/${username}`, 303);
  });
}

function shownOncePage(
  view: View,
  username: number,
  { password, apikey }: { password?: string; apikey: string },
): Page {
  const m = view.m.operator.account;
  const shown = html`${facts([{ label: m.username, value: username }])}
${password && copyable(view, 'password', m.password, password)}
${copyable(view, 'apikey', m.apikey, apikey)}`;
  const content = html`${notice('warn', m.shownOnce)}
${panel(m.newCredentials, shown)}
<p><a class="button quiet" href="/admin/accounts/${username}">${m.back}</a></p>`;
  return { title: password ? m.newPassword : m.newKey, content };
}
