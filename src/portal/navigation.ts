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

interface NavigationGroup {
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

const item = (
  href: string,
  name: Parameters<typeof icon>[0],
  text: Exclude<keyof Messages['operator']['navigation'], 'groups'>,
): NavigationItem => ({ href, icon: icon(name), label: (m) => m.operator.navigation[text] });

const OPERATION: NavigationGroup[] = [
  group('operation', [
    item('/admin', 'dashboard', 'dashboard'),
    item('/admin/rejected', 'rejected', 'rejected'),
    item('/admin/holds', 'phone', 'holds'),
    item('/admin/registrations', 'phone', 'registrations'),
    item('/admin/mail', 'mail', 'mail'),
  ]),
  group('customers', [
    item('/admin/accounts', 'accounts', 'accounts'),
    item('/admin/calls', 'calls', 'calls'),
    item('/admin/promotions', 'promotions', 'promotions'),
    item('/admin/monthly-charges', 'charges', 'charges'),
    item('/admin/books', 'books', 'books'),
  ]),
  group('prices', [
    item('/admin/prices', 'charges', 'prices'),
    item('/admin/blocked', 'blocked', 'blocked'),
    item('/admin/explain', 'calls', 'explain'),
  ]),
  group('service', [
    item('/admin/feeds', 'feeds', 'feeds'),
    item('/admin/operator-keys', 'keys', 'operatorKeys'),
    item('/admin/staff', 'accounts', 'staff'),
    {
      href: '/admin/webhooks',
      icon: icon('webhooks'),
      label: (m) => m.webhooks.title,
    },
    item('/admin/audit', 'audit', 'audit'),
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
