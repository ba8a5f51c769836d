import type { Command } from 'commander';
import { createAdministrator } from '../domain/account/administrator.ts';
import { command, operator, perform } from './operation.ts';
import { fields } from './print.ts';
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
}
