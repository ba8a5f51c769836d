import type { Command } from 'commander';
import {
  createAdministrator,
  listAdministrators,
  removeAdministrator,
} from '../domain/account/administrator.ts';
import { command, operator, perform } from './operation.ts';
import { fields, moment, table } from './print.ts';
import * as values from './values.ts';

export function adminCommands(group: Command): void {
  const create = command(
    group,
    'create',
    'make one more administrator',
    "admin create --name 'Night shift' --email night@example.com",
  )
    .option('--name <text>', 'name of the account', values.accountName, 'Administrator')
    .option('--email <address>', 'its e-mail address (default: ADMIN_EMAIL)', values.email);
  perform(create, async (service, options: { name: string; email?: string }) => {
    const { db, keyring, clock, config } = service;
    const credentials = await createAdministrator(
      db,
      operator(),
      { keyring, now: clock(), rate: config.defaultRate, sipRealm: config.sipRealm },
      { name: options.name, email: options.email ?? config.adminEmail },
    );
    const { username, password, apikey } = credentials;
    const text = fields([
      ['Username', username],
      ['Password', password],
      ['API key', apikey],
    ]);
    return {
      json: { username, password, apikey },
      text: `The new administrator, shown this once:\n${text}`,
    };
  });

  const list = command(group, 'list', 'administrators by username', 'admin list');
  perform(list, async ({ db }) => {
    const administrators = await listAdministrators(db);
    const rows = administrators.map(({ username, name, email, secondFactor, createdAt }) => [
      username,
      name,
      email,
      secondFactor ? 'on' : 'off',
      moment(createdAt),
    ]);
    const text = table(['USERNAME', 'NAME', 'E-MAIL', 'SECOND FACTOR', 'CREATED'], rows);
    return { json: { administrators }, text };
  });

  const remove = command(
    group,
    'remove',
    'make an administrator a customer, whose account stays',
    'admin remove 2345678901',
  ).addArgument(values.usernameArgument());
  perform(remove, async ({ db, clock }, username: number) => {
    await removeAdministrator(db, operator(), username, clock());
    return {
      json: { username },
      text: `${username} is no administrator any more; the account stays a customer's.`,
    };
  });
}
