import { randomInt } from 'node:crypto';
import type { Database } from '../../db/database.ts';
import { importedHash, requireKnownHash, UnknownHash } from '../access/imported-password.ts';
import { generatePassword, hashPassword } from '../access/password.ts';
import { changeAccount, closeAccount } from '../account/account.ts';
import { type AccountRecord, searchAccounts } from '../account/account-search.ts';
import { type AccountChanges, SETTING_COLUMNS } from '../account/account-setting.ts';
import { GENERATED_USERNAMES } from '../account/new-account.ts';
import { isUsername, USERNAME_REQUIREMENT } from '../account-name.ts';
import * as entered from '../entered-values.ts';
import { isDecimal, toMicros } from '../money.ts';
import { keepPlan } from '../numbering-plan.ts';
import {
  type Fault,
  failed,
  type ImportKind,
  type ImportTools,
  type ReadRow,
  type RowResult,
  result,
} from './import-kind.ts';
import { moment, moneyOrMore, onOff, rate, seconds, setting, verified } from './import-value.ts';
import { billingAccountOfRow, insertAccounts, type Known, type NewRow } from './new-accounts.ts';

const asText = (text: string) => text;
const count = (text: string) => entered.wholeNumber(text, 0, 1_000_000);
const externalId = (text: string) => entered.externalId(text);

/** Accounts, with their settings and, if wanted, their passwords. */
export const accountKind: ImportKind = {
  name: 'accounts',
  members: {
    externalId: { read: externalId, isRequired: true },
    username: { read: asText },
    name: { read: setting('name'), isRequired: true },
    email: { read: setting('email'), isRequired: true },
    masterExternalId: { read: externalId },
    masterAccount: { read: entered.username },
    rate: { read: rate, isMoney: true },
    minimumSeconds: { read: seconds(0) },
    incrementSeconds: { read: seconds(1) },
    priceList: { read: setting('priceList') },
    maxCalls: { read: count },
    callerId: { read: setting('callerId') },
    billing: { read: setting('billing') },
    creditLimit: { read: moneyOrMore, isMoney: true },
    maxRate: { read: rate, isMoney: true },
    dayLimit: { read: moneyOrMore, isMoney: true },
    showsBalance: { read: onOff },
    notify: { read: onOff },
    notifyThreshold: { read: (text) => count(text.replace(/\.\d*$/, '')) },
    timeZone: { read: setting('timeZone') },
    country: { read: setting('country') },
    language: { read: setting('language') },
    enabled: { read: onOff },
    verified: { read: verified },
    createdAt: { read: moment },
    password: { read: asText },
    passwordHash: { read: asText },
    passwordSalt: { read: asText },
    passwordScheme: { read: asText },
  },
  check: ({ values }, { usernames, mapping }): Fault[] => {
    const faults: Fault[] = [];
    const fault = (column: string, detail: string) => faults.push({ column, detail });
    const { username } = values;
    if (username !== undefined) {
      if (isUsername(String(username)) && usernames !== 'generate') {
        values.username = Number(username);
      } else if (usernames === 'keep' || mapping === 'neutral') {
        fault('username', USERNAME_REQUIREMENT);
      } else values.username = undefined;
    }
    const isBilledToOther = (values.masterExternalId ?? values.masterAccount) !== undefined;
    for (const name of ['billing', 'creditLimit', 'dayLimit'].filter(
      (one) => values[one] !== undefined,
    )) {
      if (isBilledToOther) fault(name, 'belongs to the account that pays');
    }
    const limit = values.creditLimit as string | undefined;
    if (values.billing !== 'postpaid' && limit !== undefined && !isBilledToOther) {
      if (toMicros(limit) !== 0n) fault('creditLimit', 'is for postpaid accounts only');
      values.creditLimit = undefined;
    }
    return faults;
  },
  keysOf: ({ values: { externalId: id, username } }) =>
    [`external id ${id}`, username === undefined ? '' : `username ${username}`].filter(Boolean),
  passOf: ({ values }) => ((values.masterExternalId ?? values.masterAccount) === undefined ? 1 : 2),
  prepare: async ({ options, db, wantsCredentials }, rows) => {
    const existing = await db.query<{ id: string }>(
      'SELECT external_id AS id FROM account WHERE external_id = ANY ($1)',
      [rows.map(({ values }) => values.externalId)],
    );
    const known = new Set(existing.map(({ id }) => id));
    await Promise.all(
      rows.map(async ({ values }) => {
        if (known.has(String(values.externalId))) return;
        const { password, passwordHash: hash } = values as Texts;
        if (options.passwords === 'take' && (password || hash)) {
          await takePassword(db, values as Texts, options.dryRun);
        } else if (wantsCredentials) {
          values.newPassword = generatePassword();
          values.hash = await hashPassword(String(values.newPassword), true);
        }
      }),
    );
  },
  write: async (tools, rows) => {
    const known = await lookUp(tools, rows);
    const results: RowResult[] = [];
    const fresh: NewRow[] = [];
    for (const row of rows) {
      const key = String(row.values.externalId);
      const existing = known.accounts.get(key);
      if (existing) results.push(await compare(tools, row, existing, known));
      else {
        const refused = refusalOf(row, known);
        if (refused) results.push(failed(row, key, refused.detail, refused.column));
        else fresh.push({ row, key, username: usernameOf(row, known) });
      }
    }
    if (fresh.length > 0) results.push(...(await insertAccounts(tools, fresh, known)));
    for (const { row, username } of fresh) {
      if (row.values.isClosed) await closeAccount(tools.db, tools.actor, username, tools.now);
    }
    return results;
  },
};

/** Sets `hash`, or `noHash` with the reason. A dry run only checks. */
async function takePassword(db: Database, values: Texts, isDry: boolean): Promise<void> {
  const { password, passwordHash: hash = '', passwordSalt: salt, passwordScheme: scheme } = values;
  if (password) {
    if (!isDry) values.hash = await hashPassword(password, true);
    return;
  }
  const foreign = { hash, salt, scheme };
  try {
    requireKnownHash(foreign);
    if (!isDry) values.hash = await importedHash(db, foreign);
  } catch (error) {
    if (!(error instanceof UnknownHash)) throw error;
    values.noHash = error.message;
  }
}

type Texts = Record<
  'password' | 'passwordHash' | 'passwordSalt' | 'passwordScheme' | 'hash' | 'noHash',
  string | undefined
>;

async function lookUp({ db, names, options }: ImportTools, rows: ReadRow[]): Promise<Known> {
  const all = (name: string) => [
    ...new Set(rows.map(({ values }) => values[name]).filter((value) => value !== undefined)),
  ];
  const externalIds = all('externalId') as string[];
  const accounts = await searchAccounts(
    db,
    { externalId: externalIds, state: 'all' },
    { order: 'username', limit: externalIds.length },
  );
  const generated = rows.map(() => randomInt(...GENERATED_USERNAMES));
  for (const [n, { values }] of rows.entries()) values.generated = generated[n];
  const taken = await db.query<{ username: number }>(
    'SELECT username FROM account WHERE username = ANY ($1::bigint[])',
    [[...all('username'), ...generated]],
  );
  // They stay open until the transaction ends.
  const billingAccounts = await db.query<{ username: number; externalId: string | null }>(
    `SELECT username, external_id AS "externalId" FROM account
     WHERE (external_id = ANY ($1) OR username = ANY ($2::bigint[])) AND master_account = username
       AND closed_at IS NULL ORDER BY username FOR SHARE`,
    [all('masterExternalId'), all('masterAccount')],
  );
  const lists = await db.query<{ name: string }>(
    'SELECT name FROM price_list WHERE name = ANY ($1)',
    [all('priceList')],
  );
  for (const country of all('country').filter((one) => one !== null))
    await keepPlan(db, String(country));
  // A dry run has written nothing, so a billing account may be in the file only.
  const inFile = options.dryRun ? await names.firstLines(db, rows.flatMap(masterNames)) : new Map();
  return {
    accounts: new Map(accounts.map((account) => [String(account.externalId), account])),
    taken: new Set(taken.map(({ username }) => username)),
    billingAccounts: new Map(
      billingAccounts.flatMap(
        ({ username, externalId: id }) =>
          [
            [String(username), username],
            ...(id === null ? [] : [[`id ${id}`, username] as const]),
          ] as [string, number][],
      ),
    ),
    priceLists: new Set(lists.map(({ name }) => name)),
    inFile,
  };
}

function usernameOf({ values }: ReadRow, { taken }: Known): number {
  let username = Number(values.username ?? values.generated);
  while (taken.has(username)) username = randomInt(...GENERATED_USERNAMES);
  taken.add(username);
  return username;
}

/** What the billing account of a row is called, if it is in the file. */
function masterNames({ values: { masterExternalId, masterAccount } }: ReadRow): string[] {
  if (masterExternalId !== undefined) return [`external id ${masterExternalId}`];
  return masterAccount === undefined ? [] : [`username ${masterAccount}`];
}

function refusalOf(row: ReadRow, known: Known): Fault | undefined {
  const { username, priceList, masterExternalId, masterAccount } = row.values;
  if (username !== undefined && known.taken.has(Number(username))) {
    return { column: 'username', detail: `the username ${username} is taken` };
  }
  if (priceList !== undefined && !known.priceLists.has(String(priceList))) {
    return { column: 'priceList', detail: `there is no price list ${priceList}; import it first` };
  }
  const master = masterExternalId ?? masterAccount;
  if (master === undefined || billingAccountOfRow(row, known) !== undefined) return undefined;
  if (masterNames(row).some((name) => known.inFile.has(name))) return undefined;
  const column = masterExternalId === undefined ? 'masterAccount' : 'masterExternalId';
  return { column, detail: `no open billing account is ${master}` };
}

/** A row whose account exists: it is the same, or it is changed, or the row fails. */
async function compare(
  { db, actor, queue, now, options }: ImportTools,
  row: ReadRow,
  account: AccountRecord,
  known: Known,
): Promise<RowResult> {
  const key = String(row.values.externalId);
  const { username } = account;
  const changes = differing(row, account);
  const billingAccount = billingAccountOfRow(row, known);
  const names: string[] = Object.keys(changes);
  if (billingAccount !== undefined && billingAccount !== account.masterAccount)
    names.push('masterAccount');
  if (row.values.username !== undefined && row.values.username !== username) names.push('username');
  if (names.length === 0) return result(row, key, 'unchanged', { account: username });
  const fixed = names.filter((name) => !(name in changes));
  if (account.closedAt || fixed.length > 0 || options.mode === 'create') {
    if (account.closedAt && row.values.isClosed && fixed.length === 0) {
      return result(row, key, 'unchanged', { account: username });
    }
    const why = account.closedAt
      ? 'the account is closed'
      : `it exists, with another ${names.join(', ')}`;
    return { ...failed(row, key, why, names[0]), account: username };
  }
  await changeAccount(db, actor, { queue, now, tellsOwner: false }, username, changes);
  return result(row, key, 'updated', { account: username });
}

function differing({ values }: ReadRow, account: AccountRecord): AccountChanges {
  const given = SETTING_COLUMNS.filter(({ name }) => values[name] !== undefined);
  const changed = given.filter(({ name }) => !isSame(values[name], account[name]));
  return Object.fromEntries(changed.map(({ name }) => [name, values[name]]));
}

function isSame(wanted: unknown, present: unknown): boolean {
  if (isDecimal(wanted) && isDecimal(present)) return toMicros(wanted) === toMicros(present);
  return String(wanted) === String(present);
}
