import type { Permission } from '../domain/role.ts';

/**
 * What a member of the staff needs for each page and form of the operators' part. Only an
 * administrator gets what is not in this table.
 */
export const PERMISSIONS: Record<string, Permission> = {
  'GET /admin': 'read',
  'GET /admin/accounts': 'read',
  'GET /admin/accounts/new': 'credentials',
  'POST /admin/accounts/new': 'credentials',
  'GET /admin/accounts/:username': 'read',
  'GET /admin/accounts/:username/overview': 'read',
  'GET /admin/accounts/:username/calls': 'read',
  'GET /admin/accounts/:username/calls/calls.csv': 'read',
  'GET /admin/accounts/:username/calls/calls.ndjson': 'read',
  'GET /admin/accounts/:username/charges': 'read',
  'GET /admin/accounts/:username/charges/statement': 'read',
  'GET /admin/accounts/:username/ledger': 'read',
  'POST /admin/accounts/:username/money': 'money',
  'POST /admin/accounts/:username/reverse': 'money',
  'POST /admin/accounts/:username/settle': 'money',
  // Each role changes its own kind of settings; see `settingsOf`.
  'POST /admin/accounts/:username/settings': 'read',
  'POST /admin/accounts/:username/services': 'money',
  'POST /admin/accounts/:username/services/remove': 'money',
  'POST /admin/accounts/:username/numbers': 'money',
  'POST /admin/accounts/:username/numbers/remove': 'money',
  'POST /admin/accounts/:username/password': 'credentials',
  'POST /admin/accounts/:username/key': 'credentials',
  'POST /admin/accounts/:username/sip-secret': 'credentials',
  'POST /admin/accounts/:username/close': 'operation',
  'GET /admin/calls': 'read',
  'GET /admin/calls/calls.csv': 'read',
  'GET /admin/calls/calls.ndjson': 'read',
  'GET /admin/promotions': 'read',
  'POST /admin/promotions': 'money',
  'GET /admin/feeds': 'read',
  'POST /admin/feeds': 'operation',
  'POST /admin/feeds/remove': 'operation',
  'GET /admin/operator-keys': 'operation',
  'POST /admin/operator-keys': 'operation',
  'POST /admin/operator-keys/rotate': 'operation',
  'POST /admin/operator-keys/revoke': 'operation',
  'GET /admin/rejected': 'read',
  'GET /admin/rejected/:id': 'read',
  'POST /admin/rejected/replay': 'money',
  'POST /admin/rejected/:id/replay': 'money',
  'POST /admin/rejected/:id/dismiss': 'money',
  'GET /admin/prices': 'read',
  'GET /admin/prices/:name': 'read',
  'POST /admin/prices/:name/remove': 'money',
  'POST /admin/price-import': 'money',
  'GET /admin/blocked': 'read',
  'POST /admin/blocked': 'operation',
  'POST /admin/blocked/release': 'operation',
  'GET /admin/books': 'read',
  'POST /admin/books': 'money',
  'GET /admin/monthly-charges': 'read',
  'POST /admin/monthly-charges': 'money',
  'GET /admin/operations/:id': 'read',
  'GET /admin/registrations': 'read',
  'GET /admin/holds': 'read',
  'GET /admin/mail': 'read',
  'POST /admin/mail/retry': 'credentials',
  'POST /admin/mail/drop': 'credentials',
  'GET /admin/staff': 'operation',
  'POST /admin/staff': 'operation',
  'POST /admin/staff/role': 'operation',
  'POST /admin/staff/remove': 'operation',
  'POST /admin/staff/sessions': 'operation',
  'POST /admin/staff/second-factor': 'operation',
  'GET /admin/explain': 'read',
  'GET /admin/audit': 'read',
};

/** What a request needs. A page that only leads back from a form needs nothing more. */
export function permissionOf(method: string, url = ''): Permission {
  const isRead = method === 'GET' || method === 'HEAD';
  const own = PERMISSIONS[`${isRead ? 'GET' : method} ${url}`];
  return own ?? (isRead && PERMISSIONS[`POST ${url}`] ? 'read' : 'operation');
}
