import type { Database, Queryable } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import type { Queue } from '../../db/queue.ts';
import { endSessions } from '../access/session.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { endRecurringCharges } from '../billing/recurring-charge.ts';
import { type BillingChanges, changeBilling, isStill } from '../books/balance.ts';
import { addressKey, releaseAddress, shareAddress } from '../email-address.ts';
import { occurrence, queueMessage } from '../mail/message.ts';
import type { Decimal } from '../money.ts';
import { type HeldAccount, lockOpenAccount } from '../open-account.ts';
import { Refusal } from '../refusal.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { voidTokens } from './token.ts';

export const USERNAME_REQUIREMENT = 'Must be a 10-digit number';

const LONGEST_NAME = 100;

/** One line that is not blank. Its parts begin with different characters, so it takes linear time. */
export const NAME_PATTERN =
  '^[^\\S\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$';
const NAME = new RegExp(NAME_PATTERN, 'u');

/** A name of an account: 1 to 100 characters in one line, not blank. */
export function isAccountName(text: string): boolean {
  // A character takes one or two units of a string's length.
  if (text.length > 2 * LONGEST_NAME) return false;
  return [...text].length <= LONGEST_NAME && NAME.test(text);
}

/** What is changed of an account; `billing` and `creditLimit` only of one that pays for itself. */
export interface AccountChanges extends BillingChanges {
  name?: string;
  email?: string;
  rate?: Decimal;
  incrementSeconds?: number;
  minimumSeconds?: number;
  callerId?: string;
  notify?: boolean;
  notifyThreshold?: number;
  timeZone?: string;
  enabled?: boolean;
  /** null: the list called `default`, where there is one */
  priceList?: string | null;
  /** calls at once; null: any number */
  maxCalls?: number | null;
}

const BILLING_SETTINGS = new Set(['billing', 'creditLimit']);

const COLUMNS: Record<Exclude<keyof AccountChanges, keyof BillingChanges>, string> = {
  name: 'name',
  email: 'email',
  rate: 'rate',
  incrementSeconds: 'increment_seconds',
  minimumSeconds: 'minimum_seconds',
  callerId: 'caller_id',
  notify: 'notify',
  notifyThreshold: 'notify_threshold',
  timeZone: 'time_zone',
  enabled: 'enabled',
  priceList: 'price_list',
  maxCalls: 'max_calls',
};

/** Settings as they were shown, each as PostgreSQL writes its column; null where it has none. */
export type ShownSettings = Partial<Record<keyof AccountChanges, string | null>>;

/** Settings were changed after they were shown; the others that came with them are not changed. */
export class ChangedMeanwhile extends Refusal {
  /** what is in force instead, and who set it */
  readonly changes: Partial<
    Record<keyof AccountChanges, { value: string | null; actor: string | undefined }>
  >;

  constructor(changes: ChangedMeanwhile['changes']) {
    super('conflict', `changed meanwhile: ${Object.keys(changes).join(', ')}`);
    this.changes = changes;
  }
}

/**
 * Changes what is given and leaves the rest. Of a new address both, the old and the new one, are
 * told by mail.
 * @param shown what whoever changes it has seen; each setting is changed only where it is that still
 * @throws Refusal 'not found', also for a price list that is none; 'conflict' for the billing of an
 *   account that another one pays for; ChangedMeanwhile
 */
export async function changeAccount(
  db: Database,
  actor: Actor,
  queue: Queue,
  username: number,
  changes: AccountChanges,
  now: Date,
  shown: ShownSettings = {},
): Promise<void> {
  const given = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).filter(
    (name) => changes[name] !== undefined,
  );
  await db.transaction(async (tx) => {
    const values: unknown[] = given.map((name) => changes[name]);
    const assignments = given.map((name, index) => `${COLUMNS[name]} = $${index + 2}`);
    const account = await lockOpenAccount(tx, username);
    const before = await currentSettings(tx, username);
    if (changes.email !== undefined) {
      await changeAddress(tx, actor, queue, account, changes.email, now);
      values.push(addressKey(changes.email));
      assignments.push(`email_key = $${values.length + 1}`);
    }
    const seen = given.filter((name) => shown[name] !== undefined);
    const conditions = seen.map((name, index) => isStill(COLUMNS[name], values.length + index + 2));
    const seenValues = seen.map((name) => shown[name]);
    const isChanged =
      assignments.length === 0 ||
      (await assign(tx, username, assignments, conditions, [...values, ...seenValues]));
    const changesBilling = changes.billing !== undefined || changes.creditLimit !== undefined;
    const isBilled = !changesBilling || (await changeBilling(tx, username, changes, shown));
    if (!isChanged || !isBilled) {
      throw new ChangedMeanwhile(await changedSince(tx, username, changes, shown));
    }
    const detail = differences(before, await currentSettings(tx, username));
    if (Object.keys(detail).length === 0) return;
    await audit(tx, actor, { action: 'account changed', account: username, detail }, now);
  });
}

/** @returns false where a condition does not hold */
async function assign(
  tx: Queryable,
  username: number,
  assignments: string[],
  conditions: string[],
  values: unknown[],
): Promise<boolean> {
  try {
    const changed = await tx.query(
      `UPDATE account SET ${assignments.join(', ')}
       WHERE ${['username = $1', ...conditions].join(' AND ')} RETURNING username`,
      [username, ...values],
    );
    return changed.length > 0;
  } catch (error) {
    if (violatedConstraint(error) !== 'account_price_list') throw error;
    throw new Refusal('not found', 'there is no such price list');
  }
}

/** The settings that are to be changed and are no longer as they were shown, with who set them. */
async function changedSince(
  tx: Queryable,
  username: number,
  changes: AccountChanges,
  shown: ShownSettings,
): Promise<ChangedMeanwhile['changes']> {
  const rows = await tx.query<{ name: keyof AccountChanges; value: string | null; actor: string }>(
    `SELECT s.name, s.value, (
       SELECT actor FROM audit_entry e
       WHERE e.account = a.username AND e.action = 'account changed' AND e.detail ? s.name
       ORDER BY e.id DESC LIMIT 1) AS actor
     FROM account a JOIN balance b ON b.account = a.master_account,
       LATERAL (VALUES ${settingColumns().map(([name, column]) => `('${name}', ${column}::text)`)})
         AS s (name, value)
     WHERE a.username = $1 AND s.name = ANY ($2)
       AND s.value IS DISTINCT FROM ($3::jsonb ->> s.name)`,
    [
      username,
      Object.keys(shown).filter(
        (name) =>
          changes[name as keyof AccountChanges] !== undefined ||
          (BILLING_SETTINGS.has(name) && (changes.billing ?? changes.creditLimit) !== undefined),
      ),
      JSON.stringify(shown),
    ],
  );
  return Object.fromEntries(
    rows.map(({ name, value, actor }) => [name, { value, actor: actor ?? undefined }]),
  );
}

/** Counts the new address instead of the old one, tells both, and ends the links mailed before. */
async function changeAddress(
  tx: Queryable,
  actor: Actor,
  queue: Queue,
  { username, name, email: before, timeZone }: HeldAccount,
  after: string,
  now: Date,
): Promise<void> {
  await releaseAddress(tx, before);
  await shareAddress(tx, after);
  if (addressKey(before) === addressKey(after)) return;
  await voidTokens(tx, username, now);
  const change = { kind: 'address changed', username, before, after } as const;
  const message = { ...change, ...occurrence(actor, now) };
  for (const to of [before, after]) await queueMessage(tx, queue, { to, name, timeZone, message });
}

/** All that changeAccount may change, as the audit trail shows it. */
async function currentSettings(tx: Queryable, username: number): Promise<object> {
  const columns = settingColumns().map(([name, column]) => `${column} AS "${name}"`);
  const [settings] = await tx.query(
    `SELECT ${columns.join(', ')}
     FROM account a JOIN balance b ON b.account = a.master_account WHERE a.username = $1`,
    [username],
  );
  return settings ?? {};
}

/** All settings and their columns, of the account `a` and the balance `b` of its payer. */
function settingColumns(): [name: string, column: string][] {
  return [
    ...Object.entries(COLUMNS).map(([name, column]): [string, string] => [name, `a.${column}`]),
    ['billing', 'b.billing'],
    ['creditLimit', 'b.credit_limit'],
  ];
}

/**
 * Closes an account for good: its key and password are refused, its services and numbers end, its
 * books stay.
 * @throws Refusal 'not found', 'conflict' while other open accounts are billed to it, or where it is
 *   the last administrator's
 */
export async function closeAccount(
  db: Database,
  actor: Actor,
  username: number,
  now: Date,
): Promise<void> {
  await db.transaction(async (tx) => {
    const account = await lockOpenAccount(tx, username);
    const [dependent] = await tx.query<{ username: number }>(
      `SELECT username FROM account
       WHERE master_account = $1 AND username <> $1 AND closed_at IS NULL LIMIT 1`,
      [username],
    );
    if (dependent) {
      throw new Refusal(
        'conflict',
        `${dependent.username} is billed to ${username}; close it first`,
      );
    }
    if (account.role === 'administrator') await requireAnotherAdministrator(tx, username);
    await tx.query('UPDATE account SET closed_at = $2 WHERE username = $1', [username, now]);
    await voidTokens(tx, username, now);
    await endRecurringCharges(tx, username, now);
    await endSessions(tx, username);
    await releaseAddress(tx, account.email);
    await audit(tx, actor, { action: 'account closed', account: username }, now);
  });
}
