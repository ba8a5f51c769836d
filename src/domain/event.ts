import type { Queryable } from '../db/database.ts';
import type { Actor } from './audit.ts';

/** All types of events: what each one means, and the right that a key needs to have it sent. */
export const EVENT_TYPES = {
  'account.created': { scope: 'accounts:read', means: 'An account was created' },
  'account.verified': { scope: 'accounts:read', means: 'An e-mail address was confirmed' },
  'account.updated': { scope: 'accounts:read', means: 'Settings of an account were changed' },
  'account.closed': { scope: 'accounts:read', means: 'An account was closed' },
  'account.suspended': {
    scope: 'balances:read',
    means: 'The balance is used up: calls of the account and its sub-accounts are stopped',
  },
  'account.resumed': { scope: 'balances:read', means: 'Calls are possible again' },
  'account.sip_secret_changed': {
    scope: 'accounts:read',
    means: 'The SIP secret was changed; read it by sip-credentials',
  },
  'account.key_changed': { scope: 'accounts:read', means: 'The API key was changed' },
  'account.password_changed': {
    scope: 'accounts:read',
    means: 'The password was changed, and the API key with it',
  },
  'balance.low': { scope: 'balances:read', means: 'The balance fell below its threshold' },
  'balance.recovered': { scope: 'balances:read', means: 'The balance is at its threshold again' },
  'balance.exhausted': { scope: 'balances:read', means: 'The balance fell to 0 or below' },
  'ledger.posted': { scope: 'balances:read', means: 'The ledger has a new entry' },
  'charges.posted': { scope: 'balances:read', means: 'A monthly charge was posted' },
  'service.added': { scope: 'accounts:read', means: 'An account has a new service' },
  'service.removed': { scope: 'accounts:read', means: 'A service of an account ended' },
  'number.assigned': { scope: 'accounts:read', means: 'An account got a phone number' },
  'number.removed': { scope: 'accounts:read', means: 'An account lost a phone number' },
  'record.rejected': {
    scope: 'rejected:read',
    means: 'Call records cannot be billed; one event a minute for each feed and reason',
  },
  'record.resolved': {
    scope: 'rejected:read',
    means: 'A replay settled rejected records; one event a minute for each feed',
  },
  'calls.rerated': { scope: 'calls:read', means: 'Calls were priced again' },
  'operation.finished': { scope: 'events:read', means: 'Long work ended' },
  'books.imbalance': { scope: 'books:check', means: 'A reconciliation found wrong sums' },
  'mail.failed': { scope: 'mail:read', means: 'A mail was given up and waits for the operator' },
  'price_list.changed': { scope: 'prices:read', means: 'Prices of a list were changed' },
  'feed.added': { scope: 'feeds:read', means: 'A feed was added' },
  'feed.removed': { scope: 'feeds:read', means: 'A feed was removed' },
  'feed.secret_rotated': { scope: 'feeds:read', means: 'A feed has a new secret' },
  'key.created': { scope: 'keys:read', means: 'An operator key was created' },
  'key.rotated': { scope: 'keys:read', means: 'An operator key has a new secret' },
  'key.revoked': { scope: 'keys:read', means: 'An operator key was revoked' },
  'key.expiring': {
    scope: 'keys:read',
    means: 'An operator key expires within 14 days; told again within one day',
  },
  'webhook.endpoint_disabled': {
    scope: 'webhooks:read',
    means: 'An endpoint gets no more events because it failed',
  },
} as const satisfies Record<string, { scope: string; means: string }>;

export type EventType = keyof typeof EVENT_TYPES;

export const EVENT_TYPE_NAMES = Object.keys(EVENT_TYPES) as EventType[];

// Receivers may rely on messages below 20 kB; the rest is room for the envelope.
const MOST_CHARACTERS = 18_000;

/**
 * Writes an event for other systems, in the transaction of the change.
 * @param event.account the account that it concerns; for money, the account that pays
 * @param event.data never a secret; long lists are cut, with a member `truncated`
 */
export async function recordEvent(
  tx: Queryable,
  event: { type: EventType; account?: number | undefined; data: object },
  at: Date,
): Promise<void> {
  const { type, account = null, data } = event;
  await tx.query('INSERT INTO event (type, account, at, data) VALUES ($1, $2, $3, $4)', [
    type,
    account,
    at,
    bounded(data),
  ]);
}

/** Writes many events of one type at once. */
export async function recordEvents(
  tx: Queryable,
  type: EventType,
  events: { account: number; data: object }[],
  at: Date,
): Promise<void> {
  await tx.query(
    `INSERT INTO event (type, account, at, data)
     SELECT $1, account, $2, data FROM unnest($3::bigint[], $4::jsonb[]) AS e (account, data)`,
    [type, at, events.map(({ account }) => account), events.map(({ data }) => bounded(data))],
  );
}

/** Data as JSON. While it is too long, its longest lists are halved. */
function bounded(data: object): string {
  const text = JSON.stringify(data);
  if (text.length <= MOST_CHARACTERS) return text;
  let most = 0;
  const measure = (_: string, value: unknown) => {
    if (Array.isArray(value)) most = Math.max(most, value.length);
    return value;
  };
  JSON.stringify(data, measure);
  if (most === 0) return JSON.stringify({ truncated: true });
  const cut = (_: string, value: unknown) =>
    Array.isArray(value) ? value.slice(0, Math.floor(most / 2)) : value;
  return bounded({ ...JSON.parse(JSON.stringify(data, cut)), truncated: true });
}

/** Who changed credentials, as events say it. */
export function changedBy({ who }: Actor): 'owner' | 'recovery' | 'operator' {
  if (who.startsWith('customer ')) return 'owner';
  return who === 'recovery' ? 'recovery' : 'operator';
}
