import type { FastifyInstance } from 'fastify';
import { type AccountSummary, listAccounts } from '../../domain/account/account-directory.ts';
import { readPage } from '../../domain/page.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState } from '../components/blocks.ts';
import { field } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { money } from '../components/money.ts';
import { table } from '../components/table.ts';
import { queryNumber, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { may, type View } from '../view.ts';
import { pageLinks } from './page-links.ts';

const PAGE = 50;

/** All accounts, with search and paging. */
export function accountsPages(app: FastifyInstance, { db }: Service): void {
  app.get('/admin/accounts', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const search = queryText(request, 'search').trim().slice(0, 200);
    const after = queryNumber(request, 'after') ?? 0;
    const { rows: accounts, next } = await readPage(
      PAGE,
      (limit) => listAccounts(db, { search, after, limit }),
      ({ username }) => username,
    );
    const content = html`<form method="get" action="/admin/accounts" class="inline-form" role="search">
${field({ name: 'search', label: m.accounts.search, type: 'search', value: search })}
<button class="quiet">${m.accounts.find}</button>
</form>
<section class="panel">
${accounts.length > 0 ? accountTable(view, accounts) : nothing(view, search)}
${pageLinks(view, { path: '/admin/accounts', query: { search }, by: 'after', at: after, next })}
</section>`;
    const add = html`<a class="button" href="/admin/accounts/new">${m.accounts.add}</a>`;
    const aside = may(view, 'credentials') ? add : undefined;
    return sendPage(reply, view, { title: m.accounts.title, content, aside });
  });
}

export function accountTable(view: View, accounts: AccountSummary[]): Html {
  const m = view.m.operator.accounts;
  const pays = ({ username, masterAccount }: AccountSummary) => username === masterAccount;
  return table<AccountSummary>(view, {
    caption: m.title,
    rows: accounts,
    columns: [
      { label: m.username, cell: ({ username }) => accountLink(username) },
      { label: m.name, cell: ({ name }) => freeText(name), onPhone: true },
      { label: m.email, cell: ({ email }) => freeText(email) },
      {
        label: m.billedTo,
        cell: (account) => (pays(account) ? m.itself : accountLink(account.masterAccount)),
      },
      {
        label: m.balance,
        cell: (account) => (pays(account) ? money(view, account.cash) : '–'),
        numeric: true,
        onPhone: true,
      },
      { label: m.state, cell: (account) => states(view, account) },
    ],
  });
}

export function accountLink(username: number): Html {
  return html`<a href="/admin/accounts/${username}">${username}</a>`;
}

/** The states that keep an account from calling, or that there are none. */
export function states(
  view: View,
  { closedAt, enabled, suspended, role }: Omit<AccountSummary, 'cash'>,
): Html {
  const m = view.m.operator.accounts.states;
  if (closedAt) return badge('plain', m.closed);
  const badges = [
    !enabled && badge('warn', m.disabled),
    suspended && badge('bad', m.suspended),
    role !== 'customer' && badge('info', view.m.operator.roles[role]),
  ].filter((item) => item !== false);
  return html`${badges.length > 0 ? badges.map((item) => html`${item} `) : badge('good', m.open)}`;
}

function nothing(view: View, search: string): Html {
  const m = view.m.operator.accounts;
  return emptyState(m.none, search ? m.noneFound(search) : m.noneText);
}
