import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { Argument, type Command } from 'commander';
import { readPage } from '../domain/page.ts';
import { type Price, type PriceFile, readPriceFile } from '../domain/rating/price-csv.ts';
import {
  type ImportCounts,
  importPrices,
  listPriceLists,
  listPrices,
  rateOfCall,
  removePriceList,
} from '../domain/rating/price-list.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, dollars, moment, moreAt, printable, table } from './print.ts';
import { startProgress } from './progress.ts';
import * as values from './values.ts';

const MOST_FAULTS = 20;
const STANDARD_INPUT = '-';

const listArgument = () =>
  new Argument('<list>', "the list's name; `default` counts for accounts without one").argParser(
    values.listName,
  );

export function pricesCommands(group: Command): void {
  importList(group);
  list(group);
  show(group);
  rate(group);
  remove(group);
}

function importList(group: Command): void {
  const on = command(
    group,
    'import',
    'put the rates of a CSV file into a price list: all of them, or none where a line is wrong',
    'prices import wholesale rates.csv --replace --dry-run',
  )
    .addArgument(listArgument())
    .argument(
      '<file>',
      'columns prefix and rate, and name, minimum, increment; - reads standard input',
    )
    .option('--replace', 'remove the prices that the file does not have')
    .option('--dry-run', 'say what would change and change nothing');
  perform(
    on,
    async (
      service,
      name: string,
      path: string,
      options: { replace?: true; dryRun?: true; json?: true },
    ) => {
      const text =
        path === STANDARD_INPUT ? await textOf(process.stdin) : await readFile(path, 'utf8');
      const file = readPriceFile(text);
      if (file.faults.length > 0) return faulty(file);
      return importFile(service, name, file, options);
    },
  );
}

function faulty({ faults }: PriceFile): Output {
  const shown = faults.slice(0, MOST_FAULTS);
  const lines = shown.map(({ line, problem }) => `line ${line}: ${printable(problem)}`);
  const more = faults.length - shown.length;
  if (more > 0) lines.push(`and ${count(more, 'line')} more`);
  return {
    json: { imported: false, faults },
    text: `${lines.join('\n')}\nNothing was imported.`,
    failed: true,
  };
}

async function importFile(
  { db, clock }: OpenService,
  name: string,
  { prices, ignored }: PriceFile,
  { replace = false, dryRun = false, json }: { replace?: boolean; dryRun?: boolean; json?: true },
): Promise<Output> {
  const progress = startProgress('prices', prices.length, { json: json || dryRun });
  let counts: ImportCounts;
  try {
    counts = await importPrices(db, operator(), name, prices, {
      now: clock(),
      replace,
      dryRun,
      onProgress: progress.update,
    });
  } finally {
    progress.stop();
  }
  const { added, changed, unchanged, removed } = counts;
  const summary = `${added} added, ${changed} changed, ${unchanged} as before, ${removed} removed`;
  const columns = ignored.map((title) => `'${printable(title)}'`).join(', ');
  const lines = [
    dryRun ? `Would import ${name}: ${summary}.` : `Imported ${name}: ${summary}.`,
    ...(ignored.length > 0 ? [`Columns that were ignored: ${columns}`] : []),
  ];
  return { json: { imported: !dryRun, ...counts, ignored }, text: lines.join('\n') };
}

function list(group: Command): void {
  const on = command(group, 'list', 'the price lists and who has them', 'prices list');
  perform(on, async ({ db }) => {
    const lists = await listPriceLists(db);
    const text = table(
      ['NAME', '>PRICES', '>ACCOUNTS', 'CHANGED'],
      lists.map(({ name, prices, accounts, changedAt }) => [
        name,
        prices,
        accounts,
        moment(changedAt),
      ]),
    );
    return { json: { lists }, text: lists.length > 0 ? text : 'No price list.' };
  });
}

function show(group: Command): void {
  const on = command(
    group,
    'show',
    'the prices of a list by prefix',
    'prices show wholesale --prefix 44 --limit 20',
  )
    .addArgument(listArgument())
    .option('--prefix <digits>', 'only those that begin with it', values.prefix)
    .addOption(values.limitOption(50))
    .option('--after <digits>', 'start after this prefix', values.prefix);
  perform(
    on,
    async ({ db }, name: string, options: { prefix?: string; after?: string; limit: number }) => {
      const { rows: prices, next } = await readPage(
        options.limit,
        (limit) => listPrices(db, name, { ...options, limit }),
        ({ prefix }) => prefix,
      );
      const text = table(
        ['PREFIX', '>RATE', 'SECONDS', 'NAME'],
        prices.map((price) => [price.prefix, dollars(price.rate), increments(price), price.name]),
      );
      return {
        json: { prices, next },
        text: prices.length > 0 ? text + moreAt('--after', next) : 'No price.',
      };
    },
  );
}

function increments({ minimumSeconds, incrementSeconds }: Price): string {
  return minimumSeconds === null ? "account's" : `${minimumSeconds}/${incrementSeconds}`;
}

function rate(group: Command): void {
  const on = command(
    group,
    'rate',
    'what an account pays for calls to a number now, and why',
    'prices rate 2345678901 +442055501234',
  )
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<number>', 'as it is dialled').argParser(values.calledNumber));
  perform(on, async ({ db, config, clock }, username: number, number: string) => {
    const call = { called: number, isEmergency: config.emergencyNumbers.has(number) };
    const rating = await rateOfCall(db, username, call, clock());
    const {
      list: from,
      prefix,
      name,
      minimumSeconds,
      incrementSeconds,
      blocked,
      emergency,
    } = rating;
    const why = from
      ? `by ${prefix} of the list ${from}${name ? ` (${printable(name)})` : ''}`
      : emergency
        ? 'an emergency number, always allowed'
        : 'its own rate';
    const price = `${dollars(rating.rate)} a minute, ${minimumSeconds}/${incrementSeconds} seconds`;
    return {
      json: { username, number, ...rating },
      text: `${price}: ${why}${blocked ? '\nCalls to it are blocked.' : ''}`,
    };
  });
}

function remove(group: Command): void {
  const on = command(
    group,
    'remove',
    'remove a price list that no account has',
    'prices remove wholesale',
  ).addArgument(listArgument());
  perform(on, async ({ db, clock }, name: string) => {
    await removePriceList(db, operator(), name, clock());
    return { json: { list: name }, text: `Removed ${name}.` };
  });
}
