import type { AccountDetails } from '../../../domain/account/account-directory.ts';
import { type Html, html } from '../../../html.ts';
import { isolated } from '../../components/free-text.ts';
import { tabs } from '../../components/tabs.ts';
import { may, type View } from '../../view.ts';
import { states } from '../accounts.ts';

/** The pages of an account, each at the path of its name; the summary is at the account itself. */
export type AccountTab = 'summary' | 'money' | 'settings' | 'services' | 'numbers' | 'credentials';

type Known = Pick<AccountDetails, 'username' | 'masterAccount' | 'role' | 'closedAt'>;

/** Whether credentials and settings may be changed; those of the staff only by an administrator. */
export function mayManage(view: View, { role }: Pick<Known, 'role'>): boolean {
  return role === 'customer' || may(view, 'operation');
}

/** Whether an account has a page: only who pays has a ledger, and a closed one changes no more. */
export function hasTab(view: View, account: Known, tab: AccountTab): boolean {
  if (tab === 'money') return account.masterAccount === account.username;
  if (tab === 'settings') return account.closedAt === null;
  if (tab !== 'credentials') return true;
  return account.closedAt === null && may(view, 'credentials') && mayManage(view, account);
}

/** What all pages of an account begin with: its name, state and username, and its other pages. */
export function accountHead(view: View, account: AccountDetails) {
  const number = html`<span class="quiet-text number">${account.username}</span>`;
  return {
    title: isolated(account.name),
    aside: html`<span>${number} ${states(view, account)}</span>`,
    tabs: accountTabs(view, account),
  };
}

/** Links from one page of an account to the others that the role permits. */
function accountTabs(view: View, account: Known): Html {
  const { navigation, operator } = view.m;
  const m = operator.account;
  const base = `/admin/accounts/${account.username}`;
  const own: { tab: AccountTab; text: string }[] = [
    { tab: 'money', text: m.moneyTab },
    { tab: 'settings', text: m.settings },
    { tab: 'services', text: m.services },
    { tab: 'numbers', text: m.numbers },
    { tab: 'credentials', text: m.credentialsTab },
  ];
  return tabs(m.views, view.path, [
    { href: base, text: m.manage },
    ...own
      .filter(({ tab }) => hasTab(view, account, tab))
      .map(({ tab, text }) => ({ href: `${base}/${tab}`, text })),
    { href: `${base}/overview`, text: m.asCustomer },
    { href: `${base}/calls`, text: navigation.calls },
    { href: `${base}/charges`, text: navigation.charges },
    { href: `/admin/audit?account=${account.username}`, text: m.history },
  ]);
}
