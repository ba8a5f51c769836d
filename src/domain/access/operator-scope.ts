/** The rights that a key of the operators' API may have. A route needs one of them. */
export const SCOPES = [
  'accounts:read',
  'accounts:write',
  'accounts:close',
  'credentials:write',
  'sip-credentials:read',
  'balances:read',
  'ledger:write',
  'services:write',
  'numbers:write',
  'prices:read',
  'prices:write',
  'blocked:read',
  'blocked:write',
  'promotions:read',
  'promotions:write',
  'feeds:read',
  'feeds:write',
  'calls:read',
  'calls:rerate',
  'rejected:read',
  'rejected:write',
  'charges:read',
  'charges:write',
  'holds:read',
  'holds:write',
  'registrations:read',
  'books:check',
  'audit:read',
  'mail:read',
  'mail:write',
  'events:read',
  'webhooks:read',
  'webhooks:write',
  'imports:write',
  'exports:read',
  'keys:read',
  'keys:write',
] as const;

export type Scope = (typeof SCOPES)[number];

/** Scopes whose routes all concern accounts. A key for some accounts may have only these. */
export const ACCOUNT_SCOPES: ReadonlySet<Scope> = new Set<Scope>([
  'accounts:read',
  'accounts:write',
  'accounts:close',
  'credentials:write',
  'sip-credentials:read',
  'balances:read',
  'ledger:write',
  'services:write',
  'numbers:write',
  'calls:read',
  'holds:read',
  'registrations:read',
]);

const READABLE = SCOPES.filter(
  (scope) => scope.endsWith(':read') && !['sip-credentials:read', 'keys:read'].includes(scope),
);

/** Scopes for one kind of system, by the name that the command and the page use. */
export const SCOPE_SETS = {
  crm: [
    'accounts:read',
    'accounts:write',
    'services:write',
    'numbers:write',
    'balances:read',
    'events:read',
  ],
  provisioning: [
    'accounts:read',
    'sip-credentials:read',
    'registrations:read',
    'numbers:write',
    'events:read',
  ],
  payments: ['ledger:write', 'balances:read'],
  warehouse: READABLE,
  monitoring: ['books:check', 'feeds:read', 'mail:read', 'rejected:read'],
} as const satisfies Record<string, readonly Scope[]>;

export type ScopeSet = keyof typeof SCOPE_SETS;
