import { Argument, type Command, Option } from 'commander';
import { changeAccount, closeAccount } from '../domain/account/account.ts';
import { type AccountSummary, describeAccount } from '../domain/account/account-directory.ts';
import {
  ACCOUNT_ORDERS,
  ACCOUNT_STATES,
  type AccountOrder,
  type AccountState,
  listAccounts,
} from '../domain/account/account-list.ts';
import {
  type AccountChanges,
  accountSetting,
  SETTING_NAMES,
} from '../domain/account/account-setting.ts';
import { addAccount } from '../domain/account/new-account.ts';
import {
  callOffChange,
  listScheduled,
  scheduleChange,
} from '../domain/account/scheduled-change.ts';
import { readPage } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import { credentials } from './account-credentials.ts';
import { accountText } from './account-text.ts';
import { confirm } from './confirm.ts';
import { command, type Output, operator, perform, requireChange } from './operation.ts';
import { fields, moment, money, moreAt, printable, table } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

/** `account`, without what moves money: that is `ledgerCommands`. */
export function accountCommands(group: Command): void {
  add(group);
  list(group);
  show(group);
  set(group);
  scheduled(group);
  credentials(group);
  close(group);
}

function add(group: Command): void {
  const on = command(
    group,
    'add',
    'make an account, which pays for itself or is billed to another one',
    `account add ${SAMPLE} --name 'Example Company' --email office@example.com`,
  )
    .addArgument(values.usernameArgument())
    .requiredOption('--name <text>', 'its name', values.accountName)
    .requiredOption('--email <address>', 'its e-mail address', values.email)
    .option('--master-account <username>', 'the account that pays for it', values.username);
  perform(
    on,
    async (
      { db, keyring, config, clock },
      username: number,
      options: { name: string; email: string; masterAccount?: number },
    ) => {
      const { masterAccount = username, ...given } = options;
      const { defaultRate: rate, newLimits: limits, sipRealm } = config;
      const account = await addAccount(db, operator(), keyring, {
        name: given.name,
        email: given.email,
        username,
        masterAccount,
        role: 'customer',
        rate,
        limits,
        sipRealm,
        now: clock(),
      }).catch((error) => {
        if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
        throw new Refusal('conflict', `the username ${username} is taken`);
      });
      const text = fields([
        ['Username', username],
        ['Password', account.password],
      ]);
      return { json: account, text: `The new account, its password shown this once:\n${text}` };
    },
  );
}

function list(group: Command): void {
  const on = command(
    group,
    'list',
    'accounts by username, or in another order',
    "account list --search 'example company' --limit 20",
  )
    .option('--search <text>', 'part of a name, address, username or phone number', values.words)
    .addOption(new Option('--state <state>', 'only those in this state').choices(ACCOUNT_STATES))
    .addOption(new Option('--order <order>', 'how they are sorted').choices(ACCOUNT_ORDERS))
    .addOption(values.limitOption(50))
    .option('--after <username>', 'start after this username', values.username);
  perform(
    on,
    async (
      { db },
      options: {
        search?: string;
        state?: AccountState;
        order?: AccountOrder;
        limit: number;
        after?: number;
      },
    ): Promise<Output> => {
      const { search, state, order, limit, after } = options;
      const { rows: accounts, next } = await readPage(
        limit,
        (limit) => listAccounts(db, { search, state }, { order, after, limit }),
        ({ username }) => username,
      );
      const text = table(
        ['USERNAME', 'NAME', 'E-MAIL', 'BILLED TO', '>BALANCE', 'STATE'],
        accounts.map((account) => [
          account.username,
          account.name,
          account.email,
          account.masterAccount === account.username ? 'itself' : account.masterAccount,
          account.cash === null ? '-' : money(account.cash),
          stateOf(account),
        ]),
        'No account.',
      );
      return { json: { accounts, next }, text: text + moreAt('--after', next) };
    },
  );
}

function stateOf({ closedAt, enabled, suspended, role }: AccountSummary): string {
  if (closedAt) return 'closed';
  const states = [
    ...(enabled ? [] : ['disabled']),
    ...(suspended ? ['suspended'] : []),
    ...(role === 'customer' ? [] : [role]),
  ];
  return states.join(', ') || 'open';
}

function show(group: Command): void {
  const on = command(group, 'show', 'everything about an account', `account show ${SAMPLE}`);
  on.addArgument(values.usernameArgument());
  perform(on, async ({ db }, username: number) => {
    const account = await describeAccount(db, username);
    return { json: account, text: accountText(account) };
  });
}

function set(group: Command): void {
  const on = command(
    group,
    'set',
    'change an account; several options at once are one change',
    `account set ${SAMPLE} --rate 0.025 --increment 6/6 --notify on`,
  ).addArgument(values.usernameArgument());
  requireChange(on, 'from');
  for (const name of SETTING_NAMES) {
    const { option, help } = accountSetting(name);
    on.option(option, help, (text) => values.setting(text, name));
  }
  on.option(
    '--from <moment>',
    'do it then: of rate, increment and price list; `account scheduled` lists them',
    values.from,
  );
  type Options = Record<string, AccountChanges | true> & { from?: Date };
  perform(on, async ({ db, queue, clock }, username: number, options: Options) => {
    const { json: _, from: dueAt, ...given } = options;
    const settings: AccountChanges = Object.assign({}, ...Object.values(given));
    if (dueAt) {
      const id = await scheduleChange(
        db,
        operator(),
        { account: username, settings, dueAt },
        clock(),
      );
      return {
        json: { id, username, dueAt, settings },
        text: `Change ${id} is due at ${moment(dueAt)}.`,
      };
    }
    await changeAccount(db, operator(), { queue, now: clock() }, username, settings);
    const account = await describeAccount(db, username);
    return { json: account, text: accountText(account) };
  });
}

function scheduled(group: Command): void {
  const list = command(
    group,
    'scheduled',
    'changes that are to be done later, and those that could not be done',
    'account scheduled',
  ).option('--account <username>', 'only of this account', values.username);
  perform(list, async ({ db }, { account }: { account?: number }) => {
    const changes = await listScheduled(db, account);
    const text = table(
      ['ID', 'ACCOUNT', 'DUE', 'CHANGE', 'PROBLEM'],
      changes.map((change) => [
        change.id,
        change.account,
        moment(change.dueAt),
        Object.entries(change.settings)
          .map(([name, value]) => `${name} ${value ?? 'none'}`)
          .join(', '),
        change.problem ?? '-',
      ]),
      'No change is to come.',
    );
    return { json: { changes }, text };
  });

  const off = command(
    group,
    'unschedule',
    'call off a change that is to be done later',
    'account unschedule 17',
  ).addArgument(new Argument('<id>', 'as `account scheduled` lists it').argParser(values.recordId));
  perform(off, async ({ db, clock }, id: number) => {
    const { account } = await callOffChange(db, operator(), id, clock());
    return { json: { id, account }, text: `Called off change ${id} of ${account}.` };
  });
}

function close(group: Command): void {
  const on = command(
    group,
    'close',
    'close an account for good; its books stay',
    `account close ${SAMPLE} --yes`,
  )
    .addArgument(values.usernameArgument())
    .option('--yes', 'do not ask')
    .hook('preAction', (on) => {
      const { yes, json } = on.opts();
      if (!yes && (json || !process.stdin.isTTY)) {
        on.error('closing cannot be undone; confirm it with --yes');
      }
    });
  const ask = (username: number, { name }: { name: string }) =>
    confirm(`Close the account ${username} (${printable(name)}) for good?`);
  const output = (username: number, closedAt: Date): Output => ({
    json: { username, closedAt },
    text: `Closed ${username}.`,
  });
  perform(
    on,
    async ({ db, clock }, username: number, { yes }: { yes?: true }) => {
      if (!yes) await ask(username, await describeAccount(db, username));
      const closedAt = clock();
      await closeAccount(db, operator(), username, closedAt);
      return output(username, closedAt);
    },
    async (remote, username, { yes }) => {
      const path = `/accounts/${username}`;
      if (!yes) await ask(username, await remote.get(path));
      const confirmation = { confirm: String(username) };
      const closed = await remote.post<{ closedAt: string }>(`${path}/close`, confirmation);
      return output(username, new Date(closed.closedAt));
    },
  );
}
