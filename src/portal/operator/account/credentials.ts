import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { closeAccount } from '../../../domain/account/account.ts';
import { renewKey, renewPassword, replaceSipSecret } from '../../../domain/account/credentials.ts';
import type { Service } from '../../../service.ts';
import { cookiesOf, sessionOf, signIn } from '../../access.ts';
import { problemOf } from '../../entered.ts';
import { formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { showOnce } from '../../shown-once.ts';
import { stepUp } from '../../step-up.ts';
import { administrator } from '../actor.ts';
import type { NewCredentials } from './credentials-panel.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';

/** New credentials for an account, and closing it. */
export function accountCredentials(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;

  app.post('/admin/accounts/:username/password', async (request, reply) => {
    if (!(await stepUp(service, request, reply))) return reply;
    const username = usernameOf(request);
    const actor = administrator(request);
    const renewed = await renewPassword(db, actor, { keyring, queue, now: clock() }, username);
    // The administrator's own account: all sessions have ended, so this one continues under a new
    // id.
    if (username === sessionOf(request).username) await signIn(service, request, reply, username);
    return show(request, reply, renewed);
  });

  app.post('/admin/accounts/:username/key', async (request, reply) => {
    if (!(await stepUp(service, request, reply))) return reply;
    const username = usernameOf(request);
    const apikey = await renewKey(
      db,
      administrator(request),
      { keyring, queue, now: clock() },
      username,
    );
    return show(request, reply, { apikey });
  });

  app.post('/admin/accounts/:username/sip-secret', async (request, reply) => {
    if (!(await stepUp(service, request, reply))) return reply;
    const username = usernameOf(request);
    const tools = { keyring, realm: config.sipRealm };
    const actor = administrator(request);
    const { secret } = await replaceSipSecret(
      db,
      actor,
      { sip: tools, queue, now: clock() },
      username,
    );
    return show(request, reply, { sipSecret: secret });
  });

  const show = (request: FastifyRequest, reply: FastifyReply, credentials: NewCredentials) =>
    showOnce(service, reply, `/admin/accounts/${usernameOf(request)}`, credentials);

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
      return again(problemOf(request.view.m, error).text);
    }
    cookiesOf(service).set(reply, 'flash', 'closed');
    return reply.redirect(`/admin/accounts/${username}`, 303);
  });
}
