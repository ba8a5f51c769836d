import { Argument, type Command } from 'commander';
import {
  type AssignedNumber,
  listNumbers,
  ownerOfNumber,
} from '../domain/account/account-directory.ts';
import { addNumber, removeNumber } from '../domain/billing/recurring-charge.ts';
import type { Decimal } from '../domain/money.ts';
import { Refusal } from '../domain/refusal.ts';
import { command, operator, perform, performAnywhere } from './operation.ts';
import { moment, money, table } from './print.ts';
import * as values from './values.ts';

const SAMPLE = '2345678901';

const numberArgument = () =>
  new Argument('<number>', 'ten digits, or digits with or without a leading +').argParser(
    values.assignableNumber,
  );

/** `number`: phone numbers of accounts. The refusal of a number that is taken names its owner. */
export function numberCommands(group: Command): void {
  const add = command(
    group,
    'add',
    'assign a phone number to an account',
    `number add ${SAMPLE} 8008786160 --monthly 2`,
  )
    .addArgument(values.usernameArgument())
    .addArgument(numberArgument())
    .requiredOption('--monthly <amount>', 'amount a month', values.monthlyAmount);
  perform(
    add,
    async ({ db, clock }, account: number, number: string, { monthly }: { monthly: Decimal }) => {
      try {
        await addNumber(db, operator(), { account, number, monthly }, clock());
      } catch (error) {
        if (!(error instanceof Refusal) || error.code !== 'conflict') throw error;
        const owner = await ownerOfNumber(db, number);
        throw owner ? new Refusal('conflict', `${error.message} by ${owner}`) : error;
      }
      return {
        json: { username: account, number, monthly },
        text: `Added ${number} to ${account}: ${money(monthly)} a month`,
      };
    },
  );

  const remove = command(
    group,
    'remove',
    'take a phone number from an account',
    `number remove ${SAMPLE} 8008786160`,
  )
    .addArgument(values.usernameArgument())
    .addArgument(numberArgument());
  perform(remove, async ({ db, clock }, account: number, number: string) => {
    await removeNumber(db, operator(), { account, number }, clock());
    return { json: { username: account, number }, text: `Removed ${number} from ${account}.` };
  });

  const list = command(
    group,
    'list',
    'the phone numbers of an account',
    `number list ${SAMPLE}`,
  ).addArgument(values.usernameArgument());
  performAnywhere(
    list,
    ({ db }, username: number) => listNumbers(db, username),
    async (remote, username) => {
      const rows = await remote.list<AssignedNumber>(`/numbers?account=${username}`);
      return rows.map(({ number, monthly, addedAt }) => ({ number, monthly, addedAt }));
    },
  )((numbers) => ({
    json: { numbers },
    text: table(
      ['NUMBER', '>MONTHLY', 'ADDED'],
      numbers.map(({ number, monthly, addedAt }) => [number, money(monthly), moment(addedAt)]),
      'No number.',
    ),
  }));
}
