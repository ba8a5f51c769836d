import { isInvalidParameter, violatedConstraint } from '../../db/errors.ts';
import { sealedKey } from '../access/api-key.ts';
import { NO_PASSWORD } from '../access/password.ts';
import type { AccountRecord } from '../account/account-search.ts';
import { SETTING_COLUMNS } from '../account/account-setting.ts';
import { addressKey, shareAddresses } from '../email-address.ts';
import * as entered from '../entered-values.ts';
import { recordEvents } from '../event.ts';
import { randomSecret, sealedSecret } from '../sip/sip-secret.ts';
import { type ImportTools, type ReadRow, type RowResult, result } from './import-kind.ts';

/** The columns of a new account that no file gives get these values. */
const DEFAULTS = {
  minimumSeconds: 6,
  incrementSeconds: 6,
  callerId: '',
  notify: true,
  notifyThreshold: 5,
  enabled: true,
  showsBalance: false,
  timeZone: 'UTC',
};

/** A row whose account does not exist. */
export interface NewRow {
  row: ReadRow;
  key: string;
  username: number;
}

/** What the database has of all that rows name. */
export interface Known {
  /** by external ID */
  accounts: Map<string, AccountRecord>;
  /** usernames that are taken */
  taken: Set<number>;
  /** usernames of open billing accounts, by external ID and by username as text */
  billingAccounts: Map<string, number>;
  priceLists: Set<string>;
  /** for a dry run: which billing accounts other rows have, by the names of those rows */
  inFile: Map<string, number>;
}

/** The username of the billing account that a row names. */
export function billingAccountOfRow(
  { values }: ReadRow,
  { billingAccounts }: Known,
): number | undefined {
  const { masterExternalId, masterAccount } = values;
  return billingAccounts.get(
    masterExternalId === undefined ? String(masterAccount) : `id ${masterExternalId}`,
  );
}

/** Inserts accounts with balances, keys and SIP secrets, in few statements. */
export async function insertAccounts(
  tools: ImportTools,
  fresh: NewRow[],
  known: Known,
): Promise<RowResult[]> {
  const { db, keyring, now, wantsCredentials } = tools;
  const sealer = await keyring.sealer(db);
  const accounts: object[] = [];
  const balances: object[] = [];
  const secrets: object[] = [];
  const results: RowResult[] = [];
  for (const { row, key, username } of fresh) {
    const { values } = row;
    const apikey = sealedKey(sealer, keyring, username, 1);
    const secret = randomSecret();
    const sip = { username, user: String(username), secret, version: 1 };
    const stored = sealedSecret(sealer, tools.sipRealm, sip);
    const billingAccount = billingAccountOfRow(row, known) ?? username;
    accounts.push(accountRow(tools, { values, username, billingAccount, apikey }));
    secrets.push({
      account: username,
      sip_user: stored.user,
      realm: stored.realm,
      ha1: stored.ha1,
      sealed: hex(stored.sealed),
      version: 1,
      changed_at: now,
    });
    if (billingAccount === username) {
      const { billing = 'prepaid', creditLimit = null, dayLimit = null } = values;
      const terms = { billing, credit_limit: creditLimit, day_limit: dayLimit };
      balances.push({ account: username, ...terms });
    }
    const password = values.newPassword as string | undefined;
    const credentials = wantsCredentials
      ? {
          externalId: key,
          username: String(username),
          password: password ?? '',
          apikey: apikey.key,
          sipSecret: secret,
        }
      : undefined;
    const errors = values.noHash ? [{ column: 'passwordHash', detail: String(values.noHash) }] : [];
    results.push(result(row, key, 'created', { account: username, credentials, errors }));
  }
  await shareAddresses(
    db,
    fresh.map(({ row }) => String(row.values.email)),
  );
  try {
    await db.query(INSERT_ACCOUNTS, [JSON.stringify(accounts)]);
  } catch (error) {
    if (isInvalidParameter(error)) throw new entered.InvalidValue({ key: 'timeZone' });
    throw error;
  }
  await db.query(
    `INSERT INTO balance (account, billing, credit_limit, day_limit)
     SELECT account, billing, credit_limit, day_limit FROM jsonb_populate_recordset(NULL::balance, $1)`,
    [JSON.stringify(balances)],
  );
  await db.query(
    `INSERT INTO sip_secret SELECT * FROM jsonb_populate_recordset(NULL::sip_secret, $1)`,
    [JSON.stringify(secrets)],
  );
  const events = fresh.map(({ row, username }) => {
    const { name, email } = row.values;
    const masterAccount = String(billingAccountOfRow(row, known) ?? username);
    return { account: username, data: { name, email, masterAccount, origin: 'import' } };
  });
  await recordEvents(db, 'account.created', events, now);
  return results;
}

const OF_ACCOUNT = SETTING_COLUMNS.filter(({ table }) => table === 'account');

const INSERTED = [
  ...OF_ACCOUNT.map(({ column }) => column),
  ...'username,master_account,email_key,created_at,updated_at,verified_at'.split(','),
  ...'password_hash,password_unset,key_digest,key_sealed'.split(','),
].join(', ');

const INSERT_ACCOUNTS = `INSERT INTO account (${INSERTED})
  SELECT ${INSERTED} FROM jsonb_populate_recordset(NULL::account, $1)`;

function accountRow(
  tools: ImportTools,
  account: {
    values: Record<string, unknown>;
    username: number;
    billingAccount: number;
    apikey: { digest: Buffer; sealed: Buffer };
  },
): object {
  const { values, username, billingAccount, apikey } = account;
  const settings = { rate: tools.rate, ...DEFAULTS, ...defined(values) } as Record<string, unknown>;
  const { createdAt = tools.now, verified: since, hash } = settings;
  const verifiedAt = since === true ? createdAt : since;
  return {
    ...Object.fromEntries(OF_ACCOUNT.map(({ name, column }) => [column, settings[name]])),
    username,
    master_account: billingAccount,
    email_key: addressKey(String(values.email)),
    created_at: createdAt,
    updated_at: tools.now,
    verified_at: verifiedAt === false ? null : verifiedAt,
    password_hash: hash ?? NO_PASSWORD,
    password_unset: hash === undefined,
    key_digest: hex(apikey.digest),
    key_sealed: hex(apikey.sealed),
  };
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const hex = (bytes: Buffer) => `\\x${bytes.toString('hex')}`;

/** What a violated constraint of an account says about a row. */
export function accountConstraint(error: unknown): string | undefined {
  switch (violatedConstraint(error)) {
    case 'account_pkey':
      return 'the username is taken';
    case 'account_external_id':
      return 'another account has the external id';
    case 'account_price_list':
      return 'there is no such price list';
    default:
      return undefined;
  }
}
