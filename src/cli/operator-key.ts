import { Argument, type Command, Option } from 'commander';
import {
  createOperatorKey,
  type IssuedKey,
  listOperatorKeys,
  type OperatorKey,
  revokeOperatorKey,
  rotateOperatorKey,
} from '../domain/access/operator-key.ts';
import { SCOPE_SETS, type Scope, type ScopeSet } from '../domain/access/operator-scope.ts';
import type { Decimal } from '../domain/money.ts';
import { Refusal } from '../domain/refusal.ts';
import { command, type Output, operator, perform, performAnywhere } from './operation.ts';
import { fields, moment, table } from './print.ts';
import * as values from './values.ts';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 365;

const idArgument = () => new Argument('<id>', 'such as key_7Hq2mZ0a1B2c3D4e, from the list');

interface CreateOptions {
  scopes?: Scope[];
  set?: ScopeSet;
  network?: string[];
  account?: number[];
  entryLimit?: Decimal;
  dayLimit?: Decimal;
  expires?: Date;
  expiry: boolean;
}

/** `operator-key`: keys of the operators' API. A secret is printed this once. */
export function operatorKeyCommands(group: Command): void {
  create(group);
  list(group);
  rotate(group);
  revoke(group);
}

function create(group: Command): void {
  const on = command(
    group,
    'create',
    "make a key of the operators' API for one of your systems; its secret is shown this once",
    'operator-key create payments --scopes ledger:write,balances:read --network 192.0.2.0/24',
  )
    .addArgument(
      new Argument('<name>', 'what it is for, such as payments').argParser(values.accountName),
    )
    .option('--scopes <list>', 'what it may do, separated by commas', values.scopes)
    .addOption(
      new Option('--set <name>', 'the scopes of a kind of system').choices(Object.keys(SCOPE_SETS)),
    )
    .option('--network <cidr...>', 'where it may come from; left out, anywhere', values.networks)
    .option(
      '--account <username...>',
      'only these billing accounts and those billed to them',
      values.usernames,
    )
    .option('--entry-limit <amount>', 'most that one credit or debit may move', values.amount)
    .option('--day-limit <amount>', 'most that all of a day (UTC) may move', values.amount)
    .option('--expires <when>', `left out, in ${DEFAULT_DAYS} days`, values.until)
    .option('--no-expiry', 'it counts until it is revoked');
  const settingsOf = (name: string, options: CreateOptions, now: Date) => {
    const { network = [], account = [], entryLimit = null, dayLimit = null } = options;
    const { expires, expiry, set, scopes = [] } = options;
    const chosen = [...new Set([...scopes, ...(set ? SCOPE_SETS[set] : [])])];
    if (chosen.length === 0) throw new Refusal('malformed', 'give --scopes, --set or both');
    const inAYear = new Date(now.getTime() + DEFAULT_DAYS * DAY_MS);
    const expiresAt = expiry ? (expires ?? inAYear) : null;
    const settings = { name, scopes: chosen, networks: network, accounts: account };
    return { ...settings, entryLimit, dayLimit, expiresAt };
  };
  performAnywhere(
    on,
    ({ db, keyring, clock }, name: string, options: CreateOptions) => {
      const now = clock();
      return createOperatorKey(db, operator(), { keyring, now }, settingsOf(name, options, now));
    },
    async (remote, name, options) => {
      const {
        entryLimit: entry,
        dayLimit: day,
        ...settings
      } = settingsOf(name, options, new Date());
      const body = { ...settings, amountLimits: { entry, day } };
      return issuedOf(await remote.change('POST', '/keys', body));
    },
  )(issued);
}

function list(group: Command): void {
  const on = command(
    group,
    'list',
    'the keys, newest first, without their secrets',
    'operator-key list',
  );
  performAnywhere(
    on,
    ({ db }) => listOperatorKeys(db),
    async (remote) => (await remote.list<RemoteKey>('/keys')).map(keyOf),
  )((keys) => ({
    json: { keys: keys.map(shown) },
    text: table(
      ['ID', 'NAME', 'TAIL', 'STATE', 'SCOPES', 'NETWORKS', 'EXPIRES', 'LAST USED', 'FROM'],
      keys.map((key) => [
        key.id,
        key.name,
        key.tail,
        stateOf(key),
        key.scopes.join(' '),
        key.networks.join(' ') || 'any',
        moment(key.expiresAt, 'never'),
        moment(key.lastUsedAt, 'never'),
        key.lastAddress ?? '-',
      ]),
      'No operator key.',
    ),
  }));
}

function rotate(group: Command): void {
  const on = command(
    group,
    'rotate',
    'give a key a new secret, which is shown this once; the one before counts for a while',
    'operator-key rotate key_7Hq2mZ0a1B2c3D4e --overlap-hours 24',
  )
    .addArgument(idArgument())
    .addOption(values.overlapOption());
  performAnywhere(
    on,
    ({ db, keyring, clock }, id: string, { overlapHours }: { overlapHours: number }) =>
      rotateOperatorKey(db, operator(), { keyring, now: clock() }, { id, overlapHours }),
    async (remote, id, { overlapHours }) =>
      issuedOf(await remote.change('POST', `/keys/${id}/rotate`, { overlapHours })),
  )(issued);
}

function revoke(group: Command): void {
  const on = command(
    group,
    'revoke',
    'refuse a key from now on, both its secrets',
    'operator-key revoke key_7Hq2mZ0a1B2c3D4e',
  ).addArgument(idArgument());
  perform(on, async ({ db, clock }, id: string) => {
    const revoked = await revokeOperatorKey(db, operator(), { id }, clock());
    const text = revoked ? `Revoked ${id}.` : `${id} was revoked before.`;
    return { json: { id, revoked }, text };
  });
}

/** A key as the operators' API tells it. */
type RemoteKey = Omit<OperatorKey, 'entryLimit' | 'dayLimit'> & {
  amountLimits: { entry: Decimal | null; day: Decimal | null };
};

function keyOf({ amountLimits: { entry, day }, ...key }: RemoteKey): OperatorKey {
  return { ...key, entryLimit: entry, dayLimit: day };
}

function issuedOf({ secret, ...key }: RemoteKey & { secret: string }): IssuedKey {
  return { key: keyOf(key), secret };
}

function issued({ key, secret }: IssuedKey): Output {
  return {
    json: { ...shown(key), secret },
    text: secret,
    note:
      'The secret is shown this once.\n' +
      fields([
        ['Id', key.id],
        ['Name', key.name],
        ['Scopes', key.scopes.join(' ')],
        ['Expires', moment(key.expiresAt, 'never')],
        [
          'Before it',
          key.previousExpiresAt ? `counts until ${moment(key.previousExpiresAt)}` : '-',
        ],
      ]),
  };
}

/** The key as the API shows it. */
function shown({ entryLimit, dayLimit, accounts, ...key }: OperatorKey) {
  return {
    ...key,
    accounts: accounts.map(String),
    amountLimits: { entry: entryLimit, day: dayLimit },
  };
}

function stateOf({ revokedAt, expiresAt }: OperatorKey): string {
  if (revokedAt) return 'revoked';
  return expiresAt && expiresAt <= new Date() ? 'expired' : 'active';
}
