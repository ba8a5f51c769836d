import { createHash } from 'node:crypto';
import { addService, removeService, setNumber } from '../billing/recurring-charge.ts';
import { postEntry } from '../books/ledger.ts';
import * as entered from '../entered-values.ts';
import { toMicros } from '../money.ts';
import { isUsernameOfAnother, replaceSecret, USERNAME_OF_ANOTHER } from '../sip/sip-secret.ts';
import {
  type Fault,
  failed,
  type ImportKind,
  type ImportTools,
  type ReadRow,
  type RowResult,
  result,
} from './import-kind.ts';
import { MemberFault, moment, money, moneyOrMore } from './import-value.ts';

/** The members that name the account of a row. */
const OWNER = {
  externalId: { read: (text: string) => entered.externalId(text) },
  username: { read: (text: string) => entered.username(text) },
} as const;

/** The account that a row names. */
interface Owner {
  username: number;
  billingAccount: number;
  isClosed: boolean;
}

const nameOfOwner = ({ values: { externalId, username } }: ReadRow) =>
  String(externalId ?? username);

function requireOwner({ values: { externalId, username } }: ReadRow): Fault[] {
  if (externalId !== undefined || username !== undefined) return [];
  return [{ column: 'externalId', detail: 'Must be given, or username' }];
}

/** Writes each row that has an open account, one after the other. */
function ofOwners(
  key: (row: ReadRow) => string,
  write: (tools: ImportTools, row: ReadRow, owner: Owner) => Promise<RowResult>,
): ImportKind['write'] {
  return async (tools, rows) => {
    const owners = await ownersOf(tools, rows);
    const results: RowResult[] = [];
    for (const row of rows) {
      const owner = owners.get(nameOfOwner(row));
      if (!owner) results.push(failed(row, key(row), 'there is no such account', 'externalId'));
      else if (owner.isClosed) results.push(failed(row, key(row), 'the account is closed'));
      else results.push({ ...(await write(tools, row, owner)), account: owner.username });
    }
    return results;
  };
}

/** By external ID and by username as text. */
async function ownersOf({ db }: ImportTools, rows: ReadRow[]): Promise<Map<string, Owner>> {
  const given = (name: string) =>
    rows.map(({ values }) => values[name]).filter((value) => value !== undefined);
  const found = await db.query<Owner & { externalId: string | null }>(
    `SELECT username, external_id AS "externalId", master_account AS "billingAccount",
       closed_at IS NOT NULL AS "isClosed"
     FROM account WHERE external_id = ANY ($1) OR username = ANY ($2::bigint[])`,
    [given('externalId'), given('username')],
  );
  return new Map(
    found.flatMap((owner): [string, Owner][] => [
      [String(owner.username), owner],
      ...(owner.externalId === null ? [] : [[owner.externalId, owner] as [string, Owner]]),
    ]),
  );
}

/** SIP secrets, and the users that phones had on the other system. */
export const sipKind: ImportKind = {
  name: 'sip',
  members: {
    ...OWNER,
    sipUser: { read: (text) => entered.sipUser(text) },
    sipSecret: {
      isRequired: true,
      read: (text) => {
        if (/^[\x20-\x7e]{6,128}$/.test(text) && !text.includes('"')) return text;
        throw new MemberFault('Must be 6 to 128 printable characters without "');
      },
    },
  },
  check: (row, { acceptWeakSip }) => {
    const { sipUser, username, sipSecret } = row.values;
    const weakness = weaknessOf(String(sipSecret ?? ''), [sipUser, username].map(String));
    const faults = requireOwner(row);
    if (sipSecret !== undefined && weakness && !acceptWeakSip) {
      const detail = `${weakness}: its digest can be tried offline; --accept-weak-sip takes it`;
      faults.push({ column: 'sipSecret', detail });
    }
    return faults;
  },
  keysOf: (row) => {
    const { sipUser } = row.values;
    return [
      `account ${nameOfOwner(row)}`,
      ...(sipUser === undefined ? [] : [`sip user ${sipUser}`]),
    ];
  },
  sharedOf: ({ values }) => String(values.sipSecret),
  write: ofOwners(nameOfOwner, async (tools, row, { username }) => {
    const { db, keyring, sipRealm: realm, now } = tools;
    const key = nameOfOwner(row);
    const { sipUser: user = String(username), sipSecret: secret } = row.values as Texts;
    if (isUsernameOfAnother(user, username))
      return failed(row, key, USERNAME_OF_ANOTHER, 'sipUser');
    const ha1 = createHash('md5').update(`${user}:${realm}:${secret}`).digest('hex');
    const [present] = await db.query<{ version: number; ha1: string }>(
      'SELECT version, ha1 FROM sip_secret WHERE account = $1 FOR UPDATE',
      [username],
    );
    if (present?.ha1 === ha1) return result(row, key, 'unchanged');
    // The first secret is the generated one; a later one was chosen, or is on phones.
    if (present && present.version > 1) {
      return failed(row, key, 'it has another SIP secret already; account sip-secret replaces it');
    }
    await replaceSecret(db, { keyring, realm }, { username, secret, user }, now);
    return result(row, key, 'updated');
  }),
};

type Texts = Record<string, string>;

/** Why a SIP secret is easy to try; undefined: it is not. @param names user and number */
function weaknessOf(secret: string, names: string[]): string | undefined {
  if (names.includes(secret)) return 'the SIP secret is the user or the number';
  const kinds = [
    [/[a-z]/, 26],
    [/[A-Z]/, 26],
    [/[0-9]/, 10],
    [/[^A-Za-z0-9]/, 33],
  ] as const;
  const letters = kinds.reduce((sum, [form, count]) => sum + (form.test(secret) ? count : 0), 0);
  const different = new Set(secret).size;
  const bits = Math.min(secret.length, 2 * different) * Math.log2(Math.max(2, letters));
  return bits < 60 ? 'the SIP secret is weak' : undefined;
}

const MONTHLY = {
  monthly: { read: moneyOrMore, isRequired: true, isMoney: true },
  addedAt: { read: moment },
} as const;

const itemTime = ({ now }: ImportTools, { values }: ReadRow) => (values.addedAt as Date) ?? now;

/** Phone numbers of accounts. */
export const numberKind: ImportKind = {
  name: 'numbers',
  members: {
    ...OWNER,
    ...MONTHLY,
    number: { read: (text) => entered.assignableNumber(text), isRequired: true },
  },
  check: requireOwner,
  keysOf: ({ values: { number } }) => [`number ${number}`],
  write: ofOwners(
    ({ values }) => String(values.number),
    async (tools, row, { username: account }) => {
      const { db, actor, now, options } = tools;
      const { number, monthly } = row.values as Texts as { number: string; monthly: string };
      const [present] = await db.query<{ account: number; monthly: string }>(
        'SELECT account, monthly::text FROM number WHERE number = $1 AND removed_at IS NULL',
        [number],
      );
      if (present && present.account !== account) {
        return failed(row, number, 'another account has the number', 'number');
      }
      if (present && toMicros(present.monthly) !== toMicros(monthly) && options.mode === 'create') {
        return failed(row, number, `it costs ${present.monthly} a month already`, 'monthly');
      }
      const wanted = { account, number, monthly, addedAt: itemTime(tools, row) };
      const done = await setNumber(db, actor, wanted, now);
      await chargeFrom(tools, account);
      const status = { added: 'created', changed: 'updated', unchanged: 'unchanged' } as const;
      return result(row, number, status[done]);
    },
  ),
};

/** Monthly services of accounts, known by their descriptions. */
export const serviceKind: ImportKind = {
  name: 'services',
  members: {
    ...OWNER,
    ...MONTHLY,
    description: { read: (text) => entered.serviceDescription(text), isRequired: true },
  },
  check: requireOwner,
  keysOf: (row) => [`service ${row.values.description} of ${nameOfOwner(row)}`],
  write: ofOwners(nameOfOwner, async (tools, row, { username: account }) => {
    const { db, actor, now, options } = tools;
    const key = nameOfOwner(row);
    const { description = '', monthly = '' } = row.values as Texts;
    const [present] = await db.query<{ id: number; monthly: string }>(
      `SELECT id, monthly::text FROM service
       WHERE account = $1 AND description = $2 AND removed_at IS NULL ORDER BY id LIMIT 1`,
      [account, description],
    );
    if (present && toMicros(present.monthly) === toMicros(monthly)) {
      return result(row, key, 'unchanged');
    }
    if (present && options.mode === 'create') {
      return failed(row, key, `it costs ${present.monthly} a month already`, 'monthly');
    }
    if (present) await removeService(db, actor, { account, id: present.id }, now);
    const addedAt = itemTime(tools, row);
    await addService(db, actor, { account, description, monthly, addedAt }, now);
    await chargeFrom(tools, account);
    return result(row, key, present ? 'updated' : 'created');
  }),
};

/** Moves the first charge of an account's billing account, so that no month is charged twice. */
async function chargeFrom({ db, options }: ImportTools, account: number): Promise<void> {
  if (!options.firstCharge) return;
  await db.query(
    `UPDATE account m SET next_charge = $2::date FROM account a
     WHERE a.username = $1 AND m.username = a.master_account AND m.next_charge < $2::date`,
    [account, `${options.firstCharge}-01`],
  );
}

/** Opening balances: one entry of the ledger for each account that pays. */
export const balanceKind: ImportKind = {
  name: 'balances',
  members: {
    ...OWNER,
    cash: { read: money, isRequired: true, isMoney: true },
    asOf: { read: moment, isRequired: true },
    reason: { read: (text) => entered.words(text) },
  },
  check: requireOwner,
  keysOf: (row) => [`account ${nameOfOwner(row)}`],
  write: ofOwners(nameOfOwner, async (tools, row, { username, billingAccount }) => {
    const { db, actor, now, options } = tools;
    const key = nameOfOwner(row);
    const { cash: amount = '0', reason } = row.values as Texts;
    if (toMicros(amount) === 0n) return result(row, key, 'unchanged');
    if (billingAccount !== username) {
      return failed(row, key, `${billingAccount} pays for it: money belongs to who pays`, 'cash');
    }
    const day = (row.values.asOf as Date).toISOString().slice(0, 10);
    const { billing } = (await billingOf(tools, username)) ?? { billing: 'prepaid' };
    const { posted } = await postEntry(db, {
      account: username,
      kind: 'adjustment',
      amount,
      reason:
        reason ??
        `Opening balance of ${day} from ${options.mapping}${row.values.convertedAt ?? ''}`,
      reference: 'opening balance',
      actor: actor.who,
      at: now,
    });
    const name = `${billing} ${amount.startsWith('-') ? 'negative' : 'positive'}`;
    return result(row, key, posted ? 'created' : 'unchanged', { sum: { name, amount } });
  }),
};

async function billingOf({ db }: ImportTools, username: number) {
  const [row] = await db.query<{ billing: string }>(
    'SELECT billing FROM balance WHERE account = $1',
    [username],
  );
  return row;
}
