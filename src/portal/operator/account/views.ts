import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { describeAccount } from '../../../domain/account/account-directory.ts';
import type { Html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { isolated } from '../../components/free-text.ts';
import { tabs } from '../../components/tabs.ts';
import { callDownloads } from '../../customer/call-download.ts';
import { sendCalls } from '../../customer/calls.ts';
import { charges } from '../../customer/charges.ts';
import { overview } from '../../customer/overview.ts';
import { statementPage } from '../../customer/statement.ts';
import type { Subject } from '../../customer/subject.ts';
import { queryText } from '../../input.ts';
import { sendPage } from '../../layout.ts';
import { type View, zoneOf } from '../../view.ts';
import { usernameOf } from './request.ts';

/** The customer's view of an account, for operators and in their own time zone. */
export function accountViews(app: FastifyInstance, service: Service): void {
  const { db } = service;

  async function subjectOf(request: FastifyRequest): Promise<Subject & { name: string }> {
    const { username, masterAccount, name } = await describeAccount(db, usernameOf(request));
    return {
      username,
      billingAccount: masterAccount,
      timeZone: zoneOf(request.view),
      base: `/admin/accounts/${username}`,
      name,
    };
  }

  const show =
    (content: (view: View, subject: Subject, request: FastifyRequest) => Promise<Html>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { view } = request;
      const { name, ...subject } = await subjectOf(request);
      const title = `${isolated(name)} (${subject.username})`;
      return sendPage(reply, view, {
        title,
        content: await content(view, subject, request),
        tabs: accountTabs(view, subject.username),
      });
    };

  app.register(
    async (account) => {
      account.get(
        '/overview',
        show((view, subject) => overview(view, service, subject)),
      );
      account.get('/calls', async (request, reply) => {
        const { name, ...subject } = await subjectOf(request);
        const title = `${isolated(name)} (${subject.username})`;
        return sendCalls(reply, service, subject, {
          title,
          tabs: accountTabs(request.view, subject.username),
        });
      });
      account.get(
        '/charges',
        show((view, subject, request) => charges(view, service, subject, request)),
      );
      account.get('/charges/statement', async (request, reply) => {
        const { view } = request;
        const month = queryText(request, 'month');
        const page = await statementPage(view, service, await subjectOf(request), month);
        return sendPage(reply, view, page);
      });
      callDownloads(account, service, subjectOf);
    },
    { prefix: '/admin/accounts/:username' },
  );
}

/** Links from one page of an account to the others. */
export function accountTabs(view: View, username: number): Html {
  const { navigation, operator } = view.m;
  const base = `/admin/accounts/${username}`;
  return tabs(operator.account.views, view.path, [
    { href: base, text: operator.account.manage },
    { href: `${base}/overview`, text: navigation.overview },
    { href: `${base}/calls`, text: navigation.calls },
    { href: `${base}/charges`, text: navigation.charges },
    { href: `/admin/audit?account=${username}`, text: operator.account.history },
  ]);
}
