import { Argument, type Command } from 'commander';
import { blockPrefixes, listBlocked, unblockPrefixes } from '../domain/rating/blocked-prefix.ts';
import { command, operator, perform, performAnywhere } from './operation.ts';
import { count, moment, table } from './print.ts';
import * as values from './values.ts';

const prefixesArgument = () =>
  new Argument('<prefix...>', 'first digits of numbers, the country code first').argParser(
    values.several(values.prefix),
  );

/**
 * `blocked`: prefixes that `authorize` refuses, for one payer and those billed to it or for all.
 */
export function blockedCommands(group: Command): void {
  add(group);
  remove(group);
  list(group);
}

function add(group: Command): void {
  const on = command(
    group,
    'add',
    'refuse calls to numbers with these prefixes when a switch asks',
    "blocked add 53 1900 --reason 'toll fraud'",
  )
    .addArgument(prefixesArgument())
    .option(
      '--account <username>',
      'only for this account, and those billed to it',
      values.username,
    )
    .option('--reason <text>', 'why', values.words, '');
  perform(
    on,
    async (
      { db, config, clock },
      prefixes: string[],
      { account = null, reason }: { account?: number | null; reason: string },
    ) => {
      const { emergencyNumbers } = config;
      const block = { prefixes, account, reason, emergencyNumbers };
      const added = await blockPrefixes(db, operator(), block, clock());
      const allowed = [...emergencyNumbers].filter((number) =>
        prefixes.some((prefix) => number.startsWith(prefix)),
      );
      const already = new Set(prefixes).size - added.length;
      return {
        json: { account, added, allowed },
        text:
          `Blocked for ${account ?? 'everyone'}: ${added.join(', ') || 'none'}` +
          (already > 0 ? `; ${count(already, 'prefix', 'prefixes')} blocked before` : '') +
          (allowed.length > 0 ? `\nEmergency calls stay allowed: ${allowed.join(', ')}` : ''),
      };
    },
  );
}

function remove(group: Command): void {
  const on = command(
    group,
    'remove',
    'let calls to these prefixes through again',
    'blocked remove 53 --account 2345678901',
  )
    .addArgument(prefixesArgument())
    .option('--account <username>', 'what is blocked for this account', values.username);
  performAnywhere(
    on,
    ({ db, clock }, prefixes: string[], { account = null }: { account?: number | null }) =>
      unblockPrefixes(db, operator(), { prefixes, account }, clock()),
    async (remote, prefixes, { account }) => {
      const only = account ? `?account=${account}` : '';
      for (const prefix of prefixes)
        await remote.change<void>('DELETE', `/blocked-prefixes/${prefix}${only}`);
    },
  )((_, prefixes, { account = null }) => ({
    json: { account, unblocked: prefixes },
    text: `Unblocked for ${account ?? 'everyone'}: ${prefixes.join(', ')}`,
  }));
}

function list(group: Command): void {
  const on = command(group, 'list', 'the prefixes that are blocked', 'blocked list').option(
    '--account <username>',
    'only what is blocked for this account',
    values.username,
  );
  performAnywhere(
    on,
    ({ db }, { account }: { account?: number }) => listBlocked(db, account),
    (remote, { account }) =>
      remote.list(`/blocked-prefixes${account === undefined ? '' : `?account=${account}`}`),
  )((blocked) => ({
    json: { blocked },
    text: table(
      ['PREFIX', 'FOR', 'SINCE', 'REASON'],
      blocked.map((row) => [
        row.prefix,
        row.account ?? 'everyone',
        moment(row.createdAt),
        row.reason || '-',
      ]),
      'No prefix is blocked.',
    ),
  }));
}
