import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type AccountDetails, describeAccount } from '../../../domain/account/account-directory.ts';
import type { Html } from '../../../html.ts';
import type { Service } from '../../../service.ts';
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
import { accountHead } from './tabs.ts';

/** The customer's view of an account, for operators and in their own time zone. */
export function accountViews(app: FastifyInstance, service: Service): void {
  const { db } = service;

  async function accountOf(
    request: FastifyRequest,
  ): Promise<{ account: AccountDetails; subject: Subject }> {
    const account = await describeAccount(db, usernameOf(request));
    const { username, masterAccount: billingAccount } = account;
    const base = `/admin/accounts/${username}`;
    const subject = { username, billingAccount, timeZone: zoneOf(request.view), base };
    return { account, subject };
  }

  const show =
    (content: (view: View, subject: Subject, request: FastifyRequest) => Promise<Html>) =>
    async (request: FastifyRequest, reply: FastifyReply) => {
      const { view } = request;
      const { account, subject } = await accountOf(request);
      const page = {
        ...accountHead(view, account),
        content: await content(view, subject, request),
      };
      return sendPage(reply, view, page);
    };

  app.register(
    async (account) => {
      account.get(
        '/overview',
        show((view, subject) => overview(view, service, subject)),
      );
      account.get('/calls', async (request, reply) => {
        const { account, subject } = await accountOf(request);
        return sendCalls(reply, service, subject, accountHead(request.view, account));
      });
      account.get(
        '/charges',
        show((view, subject, request) => charges(view, service, subject, request)),
      );
      account.get('/charges/statement', async (request, reply) => {
        const { view } = request;
        const month = queryText(request, 'month');
        const { subject } = await accountOf(request);
        const page = await statementPage(view, service, subject, month);
        return sendPage(reply, view, page);
      });
      callDownloads(account, service, async (request) => (await accountOf(request)).subject);
    },
    { prefix: '/admin/accounts/:username' },
  );
}
