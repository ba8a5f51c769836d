import type { Database, Queryable } from '../../db/database.ts';
import { isInvalidParameter, violatedConstraint } from '../../db/errors.ts';
import { endSessions } from '../access/session.ts';
import type { CredentialTools } from '../access/tools.ts';
import { type Actor, audit, differences } from '../audit.ts';
import { endRecurringCharges } from '../billing/recurring-charge.ts';
import { changeBilling, isStill } from '../books/balance.ts';
import { recordThreshold } from '../books/suspension.ts';
import { addressKey, releaseAddress, shareAddress } from '../email-address.ts';
import { InvalidValue } from '../entered-values.ts';
import { recordEvent } from '../event.ts';
import { occurrence, queueMessage } from '../mail/message.ts';
import { keepPlan } from '../numbering-plan.ts';
import { type HeldAccount, lockOpenAccount } from '../open-account.ts';
import { externalIdTaken, Refusal } from '../refusal.ts';
import {
  type AccountChanges,
  SETTING_COLUMNS,
  SETTINGS_SQL,
  type ShownSettings,
} from './account-setting.ts';
import { requireAnotherAdministrator } from './last-administrator.ts';
import { voidTokens } from './token.ts';

/** Settings were changed by others after they were shown. The whole request changes nothing. */
export class ChangedMeanwhile extends Refusal {
  /** the present values, and who set them */
  readonly changes: Partial<
    Record<keyof AccountChanges, { value: string | null; actor: string | undefined }>
  >;

  constructor(changes: ChangedMeanwhile['changes']) {
    super('conflict', `changed meanwhile: ${Object.keys(changes).join(', ')}`);
    this.changes = changes;
  }
}

/** A customer's caller ID must be a number that the account has now. */
class NumberNotOwned extends Refusal {
  constructor() {
    super('forbidden', 'the caller ID is not a number of the account', {
      problem: { key: 'numberNotOwned' },
    });
  }
}

interface ChangeTools extends Pick<CredentialTools, 'queue' | 'now'> {
  /**
   * the values that the person saw; a setting that differs from them by now is a conflict
   * (ChangedMeanwhile)
   */
  shown?: ShownSettings;
  /** 'owned': the caller ID must be empty or a number of the account */
  callerId?: 'any' | 'owned';
  /** false: a changed address causes no mail */
  tellsOwner?: boolean;
  /** checks the account while its row is locked; if it throws, nothing is changed */
  precondition?: (tx: Queryable) => Promise<void>;
}

/**
 * Changes the given settings. After a change of the e-mail address, the old and the new address
 * both get a mail.
 * @throws Refusal 'not found', also for an unknown price list; 'conflict' for the billing of an
 *   account that another one pays for; InvalidValue for a time zone that PostgreSQL does not know,
 *   or a country without a numbering plan; ChangedMeanwhile; NumberNotOwned
 */
export async function changeAccount(
  db: Database,
  actor: Actor,
  { queue, now, shown = {}, callerId, tellsOwner = true, precondition }: ChangeTools,
  username: number,
  changes: AccountChanges,
): Promise<void> {
  const given = SETTING_COLUMNS.filter(
    ({ name, table }) => table === 'account' && changes[name] !== undefined,
  );
  await db.transaction(async (tx) => {
    const values: unknown[] = [username];
    const parameter = (value: unknown) => values.push(value);
    const assignments = given.map(({ name, column }) => `${column} = $${parameter(changes[name])}`);
    const account = await lockOpenAccount(tx, username);
    await precondition?.(tx);
    if (changes.country) await keepPlan(tx, changes.country);
    const before = await currentSettings(tx, username);
    if (changes.email !== undefined) {
      await changeAddress(tx, actor, { queue, now }, { account, after: changes.email, tellsOwner });
      assignments.push(`email_key = $${parameter(addressKey(changes.email))}`);
    }
    if (changes.maxRate !== undefined) assignments.push('max_rate_until = NULL');
    const conditions = given
      .filter(({ name }) => shown[name] !== undefined)
      .map(({ name, column }) => isStill(column, parameter(shown[name])));
    if (changes.callerId && callerId === 'owned') {
      conditions.push(`EXISTS (SELECT FROM number n WHERE n.account = $1
        AND n.number = $${parameter(changes.callerId)} AND n.removed_at IS NULL)`);
    }
    const isChanged =
      assignments.length === 0 ||
      (await assign(tx, assignments, conditions, values, changes.externalId));
    const isBilled =
      !changesBalance(changes) || (await changeBilling(tx, username, changes, shown));
    if (!isChanged || !isBilled) {
      const meanwhile = await changedSince(tx, username, changes, shown);
      if (Object.keys(meanwhile).length === 0) throw new NumberNotOwned();
      throw new ChangedMeanwhile(meanwhile);
    }
    const detail = differences(before, await currentSettings(tx, username));
    if (Object.keys(detail).length === 0) return;
    await tx.query('UPDATE account SET updated_at = $2 WHERE username = $1', [username, now]);
    await audit(tx, actor, { action: 'account changed', account: username, detail }, now);
    const data = { changes: detail };
    await recordEvent(tx, { type: 'account.updated', account: username, data }, now);
    const { notifyThreshold } = detail as { notifyThreshold?: { before: number; after: number } };
    if (notifyThreshold) await recordThreshold(tx, username, notifyThreshold, now);
  });
}

/**
 * Sets the settings of a new account, except name and e-mail address.
 * @throws as `changeAccount`
 */
export async function applySettings(
  tx: Queryable,
  username: number,
  settings: AccountChanges,
): Promise<void> {
  const values: unknown[] = [username];
  if (settings.country) await keepPlan(tx, settings.country);
  const assignments = SETTING_COLUMNS.filter(
    ({ name, table }) =>
      table === 'account' && !['name', 'email'].includes(name) && settings[name] !== undefined,
  ).map(({ name, column }) => `${column} = $${values.push(settings[name])}`);
  if (settings.maxRate !== undefined) assignments.push('max_rate_until = NULL');
  if (assignments.length > 0) await assign(tx, assignments, [], values, settings.externalId);
  if (changesBalance(settings)) await changeBilling(tx, username, settings);
}

const BALANCE_SETTINGS = SETTING_COLUMNS.filter(({ table }) => table === 'balance').map(
  ({ name }) => name,
);

function changesBalance(changes: AccountChanges): boolean {
  return BALANCE_SETTINGS.some((name) => changes[name] !== undefined);
}

/** @param values parameters of the assignments and conditions; the first is the username */
async function assign(
  tx: Queryable,
  assignments: string[],
  conditions: string[],
  values: unknown[],
  externalId: AccountChanges['externalId'],
): Promise<boolean> {
  try {
    const changed = await tx.query(
      `UPDATE account SET ${assignments.join(', ')}
       WHERE ${['username = $1', ...conditions].join(' AND ')} RETURNING username`,
      values,
    );
    return changed.length > 0;
  } catch (error) {
    if (isInvalidParameter(error)) throw new InvalidValue({ key: 'timeZone' });
    if (violatedConstraint(error) === 'account_external_id') {
      throw externalIdTaken(String(externalId));
    }
    if (violatedConstraint(error) !== 'account_price_list') throw error;
    throw new Refusal('not found', 'there is no such price list', {
      problem: { key: 'noPriceList' },
    });
  }
}

/** Of the settings to change: those that are no longer as shown, with who set them. */
async function changedSince(
  tx: Queryable,
  username: number,
  changes: AccountChanges,
  shown: ShownSettings,
): Promise<ChangedMeanwhile['changes']> {
  const rows = await tx.query<{ name: keyof AccountChanges; value: string | null; actor: string }>(
    `SELECT s.name, s.value, (
       SELECT actor FROM audit_entry e
       WHERE e.account = account.username AND e.action = 'account changed' AND e.detail ? s.name
       ORDER BY e.id DESC LIMIT 1) AS actor
     FROM account JOIN balance ON balance.account = account.master_account,
       LATERAL (VALUES ${SETTING_COLUMNS.map(({ name, table, column }) => `('${name}', ${table}.${column}::text)`)})
         AS s (name, value)
     WHERE account.username = $1 AND s.name = ANY ($2)
       AND s.value IS DISTINCT FROM ($3::jsonb ->> s.name)`,
    [
      username,
      Object.keys(shown).filter(
        (name) =>
          changes[name as keyof AccountChanges] !== undefined ||
          (BALANCE_SETTINGS.some((setting) => setting === name) && changesBalance(changes)),
      ),
      JSON.stringify(shown),
    ],
  );
  return Object.fromEntries(
    rows.map(({ name, value, actor }) => [name, { value, actor: actor ?? undefined }]),
  );
}

/** Counts the new address instead of the old one, mails both, and voids links mailed before. */
async function changeAddress(
  tx: Queryable,
  actor: Actor,
  { queue, now }: Pick<CredentialTools, 'queue' | 'now'>,
  { account, after, tellsOwner }: { account: HeldAccount; after: string; tellsOwner: boolean },
): Promise<void> {
  const { username, name, email: before, timeZone, language } = account;
  await releaseAddress(tx, before);
  await shareAddress(tx, after);
  if (addressKey(before) === addressKey(after)) return;
  await voidTokens(tx, username, now);
  if (!tellsOwner) return;
  const change = { kind: 'address changed', username, before, after } as const;
  const message = { ...change, ...occurrence(actor, now) };
  for (const to of [before, after])
    await queueMessage(tx, queue, { to, name, timeZone, language, message });
}

/** All settings that changeAccount may change, as the audit trail shows them. */
async function currentSettings(tx: Queryable, username: number): Promise<object> {
  const [settings] = await tx.query(
    `SELECT ${SETTINGS_SQL} FROM account a JOIN balance b ON b.account = a.master_account
     WHERE a.username = $1`,
    [username],
  );
  return settings ?? {};
}

/**
 * Closes an account for good. Its key and password are refused, and its services and numbers end.
 * Its balance, ledger and calls stay.
 * @throws Refusal 'not found', 'conflict' while it has open sub-accounts, or if it belongs to the
 *   last administrator
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
        { problem: { key: 'paysFor', account: username, other: dependent.username } },
      );
    }
    if (account.role === 'administrator') await requireAnotherAdministrator(tx, username);
    await tx.query('UPDATE account SET closed_at = $2, updated_at = $2 WHERE username = $1', [
      username,
      now,
    ]);
    await voidTokens(tx, username, now);
    await endRecurringCharges(tx, username, now);
    await endSessions(tx, username);
    await releaseAddress(tx, account.email);
    await audit(tx, actor, { action: 'account closed', account: username }, now);
    const data = { closedAt: now };
    await recordEvent(tx, { type: 'account.closed', account: username, data }, now);
  });
}
