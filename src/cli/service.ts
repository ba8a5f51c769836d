import { Argument, type Command } from 'commander';
import { listServices, type MonthlyService } from '../domain/account/account-directory.ts';
import { addService, removeService } from '../domain/billing/recurring-charge.ts';
import type { Decimal } from '../domain/money.ts';
import { command, operator, perform, performAnywhere } from './operation.ts';
import { moment, money, printable, table } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

const descriptionArgument = () =>
  new Argument('<description>', 'its name in mrc').argParser(values.serviceDescription);

/** `service`: monthly services of accounts, which `mrc` shows. */
export function serviceCommands(group: Command): void {
  const add = command(
    group,
    'add',
    'charge an account for a service every month',
    `service add ${SAMPLE} E911 1.50`,
  )
    .addArgument(values.usernameArgument())
    .addArgument(descriptionArgument())
    .addArgument(new Argument('<amount>', 'amount a month').argParser(values.monthlyAmount));
  performAnywhere(
    add,
    ({ db, clock }, account: number, description: string, monthly: Decimal) =>
      addService(db, operator(), { account, description, monthly }, clock()),
    (remote, account, description, monthly) =>
      remote.change<unknown>('POST', `/accounts/${account}/services`, { description, monthly }),
  )((_, account, description, monthly) => ({
    json: { username: account, description, monthly },
    text: `Added ${printable(description)} to ${account}: ${money(monthly)} a month`,
  }));

  const remove = command(
    group,
    'remove',
    'end a service of an account; of several with one description the oldest',
    `service remove ${SAMPLE} E911`,
  )
    .addArgument(values.usernameArgument())
    .addArgument(descriptionArgument());
  perform(remove, async ({ db, clock }, account: number, description: string) => {
    await removeService(db, operator(), { account, description }, clock());
    return {
      json: { username: account, description },
      text: `Removed ${printable(description)} from ${account}.`,
    };
  });

  const list = command(
    group,
    'list',
    'the services of an account',
    `service list ${SAMPLE}`,
  ).addArgument(values.usernameArgument());
  performAnywhere(
    list,
    ({ db }, username: number) => listServices(db, username),
    async (remote, username) => {
      const rows = await remote.list<MonthlyService>(`/accounts/${username}/services`);
      return rows.map(({ description, monthly, addedAt }) => ({ description, monthly, addedAt }));
    },
  )((services) => ({
    json: { services },
    text: table(
      ['SERVICE', '>MONTHLY', 'ADDED'],
      services.map(({ description, monthly, addedAt }) => [
        description,
        money(monthly),
        moment(addedAt),
      ]),
      'No service.',
    ),
  }));
}
