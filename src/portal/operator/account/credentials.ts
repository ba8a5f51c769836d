import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { removeSecondFactor } from '../../../domain/access/second-factor.ts';
import { closeAccount } from '../../../domain/account/account.ts';
import { describeAccount } from '../../../domain/account/account-directory.ts';
import {
  endAllSessions,
  readSipSecret,
  renewKey,
  renewPassword,
  replaceSipSecret,
} from '../../../domain/account/credentials.ts';
import type { Actor } from '../../../domain/audit.ts';
import { roleRefused } from '../../../domain/refusal.ts';
import type { Service } from '../../../service.ts';
import { sessionOf, signIn } from '../../access.ts';
import { problemOf } from '../../entered.ts';
import { formFields } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { showDone, showOnce } from '../../shown-once.ts';
import { stepUp } from '../../step-up.ts';
import { administrator } from '../actor.ts';
import type { NewCredentials } from './credentials-panel.ts';
import { accountPage } from './page.ts';
import { usernameOf } from './request.ts';
import { mayManage } from './tabs.ts';

/** Credentials of an account, its sessions and second factor, and closing it. */
export function accountCredentials(app: FastifyInstance, service: Service): void {
  const { db, keyring, queue, config, clock } = service;
  const sip = { keyring, realm: config.sipRealm };
  const pathOf = (request: FastifyRequest) => `/admin/accounts/${usernameOf(request)}/credentials`;

  /** A form that changes credentials, which requires the password. @returns what is shown once */
  const form = (
    name: string,
    change: (
      actor: Actor,
      username: number,
      browser: { request: FastifyRequest; reply: FastifyReply },
    ) => Promise<NewCredentials | undefined>,
  ) =>
    app.post(`/admin/accounts/:username/${name}`, async (request, reply) => {
      const username = usernameOf(request);
      const account = await describeAccount(db, username);
      if (!mayManage(request.view, account)) throw roleRefused();
      if (!(await stepUp(service, request, reply))) return reply;
      const shown = await change(administrator(request), username, { request, reply });
      if (shown) return showOnce(service, reply, pathOf(request), shown);
      return showDone(service, reply, pathOf(request), 'saved');
    });

  form('password', async (actor, username, { request, reply }) => {
    const renewed = await renewPassword(db, actor, { keyring, queue, now: clock() }, username);
    // The administrator's own account: all sessions have ended, so this one continues under a new
    // id.
    if (username === sessionOf(request).username) await signIn(service, request, reply, username);
    return renewed;
  });

  form('key', async (actor, username) => ({
    apikey: await renewKey(db, actor, { keyring, queue, now: clock() }, username),
  }));

  form('sip-secret', async (actor, username) => {
    const tools = { sip, queue, now: clock() };
    const { secret } = await replaceSipSecret(db, actor, tools, username);
    return { sipSecret: secret };
  });

  form('sip-secret/show', async (actor, username) => {
    const { user, realm, secret } = await readSipSecret(db, actor, sip, username, clock());
    return { sipAddress: `sip:${user}@${realm}`, sipSecret: secret };
  });

  form('second-factor', async (actor, username) => {
    await removeSecondFactor(db, actor, { queue, now: clock() }, username);
    return undefined;
  });

  form('sessions', async (actor, username, { request, reply }) => {
    await endAllSessions(db, actor, username, clock());
    if (username === sessionOf(request).username) await signIn(service, request, reply, username);
    return undefined;
  });

  app.post('/admin/accounts/:username/close', async (request, reply) => {
    const username = usernameOf(request);
    const fields = formFields(request);
    const again = async (problem: string) => {
      const filled = { values: fields, problems: { confirm: problem } };
      const page = await accountPage(service, request, 'credentials', filled);
      return sendPage(reply, request.view, page);
    };
    if (fields.confirm?.trim() !== String(username)) {
      return again(request.view.m.operator.account.closeWrong);
    }
    try {
      await closeAccount(db, administrator(request), username, clock());
    } catch (error) {
      return again(problemOf(request.view.m, error).text);
    }
    return showDone(service, reply, `/admin/accounts/${username}`, 'closed');
  });
}
