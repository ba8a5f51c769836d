import type { FastifyInstance } from 'fastify';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { type SubAccountUsage, usageOfSubAccounts } from '../../domain/calls/sub-account-usage.ts';
import { dayOf } from '../../domain/day.ts';
import { readPage } from '../../domain/page.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState, paging } from '../components/blocks.ts';
import { isolated } from '../components/free-text.ts';
import { exact, money, rounded } from '../components/money.ts';
import { table } from '../components/table.ts';
import { queryNumber } from '../input.ts';
import { sendPage } from '../layout.ts';
import type { View } from '../view.ts';
import { ownSubject } from './subject.ts';

export const SUB_ACCOUNTS = '/accounts';
const PAGE = 50;

/** The accounts that an account pays for, with this month's spend and their limits. */
export function subAccountsPage(app: FastifyInstance, { db }: Service): void {
  app.get(SUB_ACCOUNTS, async (request, reply) => {
    const { view } = request;
    const m = view.m.subAccounts;
    const { username, timeZone } = ownSubject(request);
    const today = dayOf(view.now, timeZone);
    const month = { from: `${today.slice(0, 7)}-01`, to: today, timeZone };
    const after = queryNumber(request, 'after');
    const [billingAccount, { rows, next }] = await Promise.all([
      describeAccount(db, username),
      readPage(
        PAGE,
        (limit) => usageOfSubAccounts(db, username, month, { after, limit }),
        (account) => account.username,
      ),
    ]);
    const others = rows.filter((account) => account.username !== username);
    const limits =
      billingAccount.dayLimit === null
        ? ''
        : m.dayLimit(
            rounded(view, billingAccount.spentToday),
            rounded(view, billingAccount.dayLimit),
          );
    const list = others.length > 0 ? accountTable(view, others) : emptyState(m.none, m.noneText);
    const content = html`<section class="panel">
<p>${m.explain(view.m.month(today.slice(0, 7)))} ${limits}</p>
${list}
${paging({
  label: m.pages,
  first: after ? { href: SUB_ACCOUNTS, text: m.first } : undefined,
  next: next === null ? undefined : { href: `${SUB_ACCOUNTS}?after=${next}`, text: m.next },
})}
</section>`;
    return sendPage(reply, view, { title: m.title, content });
  });
}

function accountTable(view: View, accounts: SubAccountUsage[]): Html {
  const m = view.m.subAccounts;
  const caps = ({ maxCalls, maxRate }: SubAccountUsage) => {
    const all = [
      maxCalls === null ? '' : m.callsAtOnce(maxCalls),
      maxRate === null ? '' : m.perMinute(exact(view, maxRate)),
    ];
    return all.filter(Boolean).join(', ') || m.noCap;
  };
  return table<SubAccountUsage>(view, {
    caption: m.title,
    rows: accounts,
    columns: [
      {
        label: m.account,
        cell: ({ username, name }) =>
          html`<a href="/calls?account=${username}">${isolated(name)}</a> <span class="sub numeric">${username}</span>`,
      },
      {
        label: m.state,
        cell: ({ enabled }) => (enabled ? m.enabled : badge('warn', m.disabled)),
      },
      { label: m.calls, numeric: true, cell: ({ calls }) => view.m.count(calls) },
      { label: m.spend, numeric: true, cell: ({ amount }) => money(view, amount) },
      { label: m.caps, cell: caps },
    ],
  });
}
