import type { FastifyInstance } from 'fastify';
import { countAccounts } from '../../domain/account/account-counts.ts';
import type { AccountSummary } from '../../domain/account/account-directory.ts';
import {
  ACCOUNT_ORDERS,
  ACCOUNT_STATES,
  type AccountState,
  listAccounts,
} from '../../domain/account/account-list.ts';
import { readPage } from '../../domain/page.ts';
import { type Html, html } from '../../html.ts';
import type { Service } from '../../service.ts';
import { badge, emptyState } from '../components/blocks.ts';
import { field, select } from '../components/field.ts';
import { freeText } from '../components/free-text.ts';
import { money } from '../components/money.ts';
import { table } from '../components/table.ts';
import { tabs } from '../components/tabs.ts';
import { queryNumber, queryText } from '../input.ts';
import { sendPage } from '../layout.ts';
import { may, type View } from '../view.ts';
import { addressOf, pageLinks } from './page-links.ts';

const PAGE = 50;

/** All accounts, with search and paging. */
export function accountsPages(app: FastifyInstance, { db }: Service): void {
  app.get('/admin/accounts', async (request, reply) => {
    const { view } = request;
    const m = view.m.operator;
    const search = queryText(request, 'search').trim().slice(0, 200);
    const state = ACCOUNT_STATES.find((known) => known === queryText(request, 'state'));
    const order = ACCOUNT_ORDERS.find((known) => known === queryText(request, 'order'));
    const after = queryNumber(request, 'after');
    const [counts, { rows: accounts, next }] = await Promise.all([
      countAccounts(db),
      readPage(
        PAGE,
        (limit) => listAccounts(db, { search, state }, { order, after, limit }),
        ({ username }) => username,
      ),
    ]);
    const query = { search, state: state ?? '', order: order ?? '' };
    const inState = (choice: AccountState | '') => ({
      href: addressOf('/admin/accounts', { ...query, state: choice }),
      text: choice === '' ? m.accounts.all : m.accounts.listStates[choice],
      count: view.m.count(counts[choice || 'all']),
    });
    const states = (['', ...ACCOUNT_STATES] as const).map(inState);
    const content = html`<form method="get" action="/admin/accounts" class="inline-form" role="search">
${field({ name: 'search', label: m.accounts.search, type: 'search', value: search })}
${select({
  name: 'order',
  label: m.accounts.order,
  value: query.order,
  choices: ACCOUNT_ORDERS.map((value) => ({ value, label: m.accounts.orders[value] })),
})}
${state && html`<input type="hidden" name="state" value="${state}">`}
<button class="quiet">${m.accounts.find}</button>
</form>
<section class="panel">
${accounts.length > 0 ? accountTable(view, accounts) : nothing(view, query)}
${pageLinks(view, { path: '/admin/accounts', query, by: 'after', at: after, next })}
</section>`;
    const add = html`<a class="button" href="/admin/accounts/new">${m.accounts.add}</a>`;
    const aside = may(view, 'credentials') ? add : undefined;
    const shown = tabs(m.accounts.byState, addressOf('/admin/accounts', query), states);
    return sendPage(reply, view, { title: m.accounts.title, content, aside, tabs: shown });
  });
}

/**
 * At least one account, with links to its page and to the one that pays. Only payers show a
 * balance.
 */
export function accountTable(view: View, accounts: AccountSummary[]): Html {
  const m = view.m.operator.accounts;
  const pays = ({ username, masterAccount }: AccountSummary) => username === masterAccount;
  return table<AccountSummary>(view, {
    caption: m.title,
    rows: accounts,
    columns: [
      { label: m.username, cell: ({ username }) => username },
      {
        label: m.name,
        cell: ({ username, name }) =>
          html`<a href="/admin/accounts/${username}">${freeText(name)}</a>`,
        onPhone: true,
      },
      { label: m.email, cell: ({ email }) => freeText(email) },
      {
        label: m.billedTo,
        cell: (account) => (pays(account) ? m.itself : accountLink(account.masterAccount)),
      },
      {
        label: m.balance,
        cell: ({ cash }) => (cash === null ? '–' : money(view, cash)),
        numeric: true,
        onPhone: true,
      },
      { label: m.state, cell: (account) => states(view, account) },
    ],
  });
}

/** To the account's page, with its username as the text. */
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
  return html`${badges.length > 0 ? badges.map((item) => html`${item} `) : html`<span class="quiet-text">${m.open}</span>`}`;
}

function nothing(view: View, { search, state }: { search: string; state: string }): Html {
  const m = view.m.operator.accounts;
  if (search) return emptyState(m.none, m.noneFound(search));
  return emptyState(m.none, state ? m.noneInState : m.noneText);
}
