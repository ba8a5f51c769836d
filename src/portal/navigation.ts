import type { Session } from '../domain/access/session.ts';
import { mayDo } from '../domain/role.ts';
import type { Html } from '../html.ts';
import { icon } from './components/icon.ts';
import type { Messages } from './messages/index.ts';
import { permissionOf } from './permissions.ts';

interface NavigationItem {
  href: string;
  icon: Html;
  label: (m: Messages) => string;
}

export interface NavigationGroup {
  label: (m: Messages) => string;
  items: NavigationItem[];
}

const CUSTOMER: NavigationGroup = {
  label: (m) => m.navigation.account,
  items: [
    { href: '/overview', icon: icon('overview'), label: (m) => m.navigation.overview },
    { href: '/calls', icon: icon('calls'), label: (m) => m.navigation.calls },
    { href: '/rates', icon: icon('rates'), label: (m) => m.navigation.rates },
    { href: '/charges', icon: icon('charges'), label: (m) => m.navigation.charges },
    { href: '/api', icon: icon('api'), label: (m) => m.navigation.api },
    { href: '/settings', icon: icon('settings'), label: (m) => m.navigation.settings },
  ],
};

type GroupName = keyof Messages['operator']['navigation']['groups'];

const group = (name: GroupName, items: NavigationItem[]): NavigationGroup => ({
  label: (m) => m.operator.navigation.groups[name],
  items,
});

const OPERATION: NavigationGroup[] = [
  group('operation', [
    { href: '/admin', icon: icon('dashboard'), label: (m) => m.operator.navigation.dashboard },
    {
      href: '/admin/rejected',
      icon: icon('rejected'),
      label: (m) => m.operator.navigation.rejected,
    },
    {
      href: '/admin/holds',
      icon: icon('phone'),
      label: (m) => m.operator.navigation.holds,
    },
    {
      href: '/admin/registrations',
      icon: icon('phone'),
      label: (m) => m.operator.navigation.registrations,
    },
    {
      href: '/admin/mail',
      icon: icon('mail'),
      label: (m) => m.operator.navigation.mail,
    },
  ]),
  group('customers', [
    {
      href: '/admin/accounts',
      icon: icon('accounts'),
      label: (m) => m.operator.navigation.accounts,
    },
    {
      href: '/admin/calls',
      icon: icon('calls'),
      label: (m) => m.operator.navigation.calls,
    },
    {
      href: '/admin/promotions',
      icon: icon('promotions'),
      label: (m) => m.operator.navigation.promotions,
    },
    {
      href: '/admin/monthly-charges',
      icon: icon('charges'),
      label: (m) => m.operator.navigation.charges,
    },
    {
      href: '/admin/books',
      icon: icon('books'),
      label: (m) => m.operator.navigation.books,
    },
  ]),
  group('prices', [
    {
      href: '/admin/prices',
      icon: icon('charges'),
      label: (m) => m.operator.navigation.prices,
    },
    {
      href: '/admin/blocked',
      icon: icon('blocked'),
      label: (m) => m.operator.navigation.blocked,
    },
    { href: '/admin/explain', icon: icon('calls'), label: (m) => m.operator.navigation.explain },
  ]),
  group('service', [
    { href: '/admin/feeds', icon: icon('feeds'), label: (m) => m.operator.navigation.feeds },
    {
      href: '/admin/operator-keys',
      icon: icon('keys'),
      label: (m) => m.operator.navigation.operatorKeys,
    },
    { href: '/admin/staff', icon: icon('accounts'), label: (m) => m.operator.navigation.staff },
    {
      href: '/admin/webhooks',
      icon: icon('webhooks'),
      label: (m) => m.webhooks.title,
    },
    { href: '/admin/audit', icon: icon('audit'), label: (m) => m.operator.navigation.audit },
  ]),
];

/** The navigation for an account that is signed in: the pages that its role permits. */
export function navigationOf({ role }: Session): NavigationGroup[] {
  if (role === 'customer') return [CUSTOMER];
  const permitted = OPERATION.map((group) => ({
    ...group,
    items: group.items.filter(({ href }) => mayDo(role, permissionOf('GET', href))),
  }));
  return [...permitted.filter(({ items }) => items.length > 0), CUSTOMER];
}

/** The first page after signing in. */
export function homeOf({ role }: { role: Session['role'] }): string {
  return role === 'customer' ? '/overview' : '/admin';
}
