import type { Session } from '../domain/session.ts';
import type { Html } from '../html.ts';
import { icon } from './components/icon.ts';
import type { Messages } from './messages/index.ts';

export interface NavigationItem {
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
    { href: '/charges', icon: icon('charges'), label: (m) => m.navigation.charges },
    { href: '/api', icon: icon('api'), label: (m) => m.navigation.api },
    { href: '/settings', icon: icon('settings'), label: (m) => m.navigation.settings },
  ],
};

/** What someone who is signed in can go to. */
export function navigationOf(_session: Session): NavigationGroup[] {
  return [CUSTOMER];
}

/** Where someone lands after signing in. */
export function homeOf(_session: { role: Session['role'] }): string {
  return '/overview';
}
