import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AccountDetails, describeAccount } from '../../../domain/account/account-directory.ts';
import type { Html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
import { isolated } from '../../components/free-text.ts';
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
import { accountNumber, accountTabs } from './tabs.ts';

/** The customer's view of an account, for operators and in their own time zone. */
export function accountViews(app: FastifyInstance, service: Service): void {
  const { db } = service;

  async function subjectOf(
    request: FastifyRequest,
  ): Promise<Subject & Pick<AccountDetails, 'name' | 'masterAccount' | 'role' | 'closedAt'>> {
    const account = await describeAccount(db, usernameOf(request));
    const { username, masterAccount, name, role, closedAt } = account;
    return {
      username,
      billingAccount: masterAccount,
      timeZone: zoneOf(request.view),
      base: `/admin/accounts/${username}`,
      name,
      masterAccount,
      role,
      closedAt,
    };
  }

  const show =
    (content: (view: View, subject: Subject, request: FastifyRequest) => Promise<Html>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { view } = request;
      const { name, masterAccount, role, closedAt, ...subject } = await subjectOf(request);
      const known = { username: subject.username, masterAccount, role, closedAt };
      return sendPage(reply, view, {
        title: isolated(name),
        aside: accountNumber(subject),
        content: await content(view, subject, request),
        tabs: accountTabs(view, known),
      });
    };

  app.register(
    async (account) => {
      account.get(
        '/overview',
        show((view, subject) => overview(view, service, subject)),
      );
      account.get('/calls', async (request, reply) => {
        const { name, masterAccount, role, closedAt, ...subject } = await subjectOf(request);
        const known = { username: subject.username, masterAccount, role, closedAt };
        return sendCalls(reply, service, subject, {
          title: isolated(name),
          aside: accountNumber(subject),
          tabs: accountTabs(request.view, known),
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
