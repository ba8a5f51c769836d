import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Argument, type Command, Option } from 'commander';
import { explainDialled } from '../domain/calls/call-explanation.ts';
import { previewRerating } from '../domain/calls/rerating.ts';
import { FileFault } from '../domain/moving/file-rows.ts';
import { SHIPPED, shippedMapping } from '../domain/moving/mapping.ts';
import { type MappedPrices, readMappedPrices } from '../domain/moving/price-rows.ts';
import { readPage } from '../domain/page.ts';
import { type Price, type PriceFile, readPriceFile } from '../domain/rating/price-csv.ts';
import { diffPrices, type PriceAt } from '../domain/rating/price-diff.ts';
import { priceFaultText } from '../domain/rating/price-fault.ts';
import { type ImportCounts, importPrices } from '../domain/rating/price-import.ts';
import {
  type ListedPrice,
  listPriceLists,
  listPrices,
  removePriceList,
  requireList,
} from '../domain/rating/price-list.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, moment, money, moreAt, printable, table } from './print.ts';
import { startProgress } from './progress.ts';
import * as values from './values.ts';

const DAY_MS = 86_400_000;
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
  diff(group);
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
      'columns prefix and rate, and name, minimum, increment, connect fee, minimum charge, valid from; - reads standard input',
    )
    .addOption(
      new Option(
        '--mapping <name>',
        'the file is of another system, read as `import query` says',
      ).choices(SHIPPED.slice(1).filter((name) => shippedMapping(name).kinds.prices)),
    )
    .option(
      '--accept <column>',
      'with --mapping: give a column of money up; may be repeated',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--round-rates', 'with --mapping: round rates with more than six decimals')
    .option('--from <moment>', 'count for calls that start from then on', values.from)
    .option('--replace', 'the prices that the file does not have end then, or at once')
    .option('--backdate', 'let a date be past, so that `calls rerate` changes stored calls')
    .option('--time-zone <name>', 'of dates in the file without a zone', values.timeZone)
    .option('--dry-run', 'say what would change and change nothing');
  perform(on, async (service, name: string, path: string, options: ImportFileOptions) => {
    const bytes = path === STANDARD_INPUT ? await buffer(process.stdin) : await readFile(path);
    const file = options.mapping
      ? await mappedFile(bytes, options, service.config.currency)
      : readPriceFile(bytes.toString('utf8'));
    if (file.faults.length > 0) return faulty(file);
    return importFile(service, name, file, options);
  });
}

/** The prices of another system's file. */
async function mappedFile(
  bytes: Buffer,
  { mapping = '', accept = [], roundRates }: ImportFileOptions,
  currency: string,
): Promise<MappedPrices> {
  const open = async function* () {
    yield bytes;
  };
  const options = { accept, roundRates: roundRates === true, encoding: 'utf-8', currency } as const;
  try {
    return await readMappedPrices(open, shippedMapping(mapping), options);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new Refusal('malformed', `the file cannot be imported: ${error.message}`);
  }
}

function faulty(file: PriceFile): Output {
  const faults = file.faults.map(({ line, fault }) => ({ line, problem: priceFaultText(fault) }));
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
  { prices, ignored, skipped = 0, givenUp = [] }: PriceFile & Partial<MappedPrices>,
  options: ImportFileOptions,
): Promise<Output> {
  const { replace = false, dryRun = false, json, from, backdate, timeZone } = options;
  const now = clock();
  const progress = startProgress('prices', prices.length, { json: json || dryRun });
  let counts: ImportCounts;
  try {
    counts = await importPrices(db, operator(), name, prices, {
      now,
      ...{ from, backdate, timeZone, replace, dryRun },
      onProgress: progress.update,
    });
  } finally {
    progress.stop();
  }
  const { added, changed, unchanged, removed } = counts;
  const summary = `${added} added, ${changed} changed, ${unchanged} as before, ${removed} removed`;
  const columns = ignored.map((title) => `'${printable(title)}'`).join(', ');
  const past = backdate && !dryRun ? await repriced(db, name, prices, from, now) : undefined;
  const lines = [
    dryRun ? `Would import ${name}: ${summary}.` : `Imported ${name}: ${summary}.`,
    ...(ignored.length > 0 ? [`Columns that were ignored: ${columns}`] : []),
    ...(skipped > 0 ? [`Skipped: ${count(skipped, 'row')}.`] : []),
    ...(givenUp.length > 0
      ? [`Taken without ${options.accept?.join(', ')}: ${givenUp.join(', ')}`]
      : []),
    ...(counts.raisedSoon > 0
      ? [`Rises within fewer than 7 days, the usual notice: ${count(counts.raisedSoon, 'price')}.`]
      : []),
    ...(past ? [past.text] : []),
  ];
  const told = {
    imported: !dryRun,
    ...counts,
    ignored,
    ...(options.mapping ? { skipped, givenUp } : {}),
    repriced: past?.changed ?? null,
  };
  return { json: told, text: lines.join('\n') };
}

interface ImportFileOptions {
  mapping?: string;
  accept?: string[];
  roundRates?: true;
  from?: Date;
  backdate?: true;
  timeZone?: string;
  replace?: true;
  dryRun?: true;
  json?: true;
}

/**
 * Counts the stored calls whose cost would change under prices that are valid from a past moment.
 */
async function repriced(
  db: OpenService['db'],
  priceList: string,
  prices: Price[],
  from: Date | undefined,
  now: Date,
): Promise<{ changed: number; text: string } | undefined> {
  // A date without a zone counts from a day earlier: the preview changes nothing.
  const dates = prices.flatMap(({ validFrom }) =>
    validFrom === null ? [] : [Date.parse(`${validFrom.slice(0, 10)}T00:00Z`) - DAY_MS],
  );
  const start = new Date(Math.min(from?.getTime() ?? now.getTime(), ...dates));
  if (start >= now) return undefined;
  const { calls, changed } = await previewRerating(db, { from: start, to: now, priceList });
  const again = `npx account-api calls rerate --from ${start.toISOString()} --to ${now.toISOString()} --price-list ${priceList}`;
  return {
    changed,
    text: `Of ${count(calls, 'stored call')} ${changed} would cost something else: ${again}`,
  };
}

function list(group: Command): void {
  const on = command(group, 'list', 'the price lists and who has them', 'prices list');
  perform(on, async ({ db }) => {
    const lists = await listPriceLists(db);
    const text = table(
      ['NAME', '>PRICES', '>LATER', '>ACCOUNTS', 'CHANGED'],
      lists.map(({ name, prices, scheduled, accounts, changedAt }) => [
        name,
        prices,
        scheduled,
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
    .option('--after <digits>', 'start after this prefix', values.prefix)
    .option('--at <moment>', 'those that count then; left out, now', values.from);
  perform(
    on,
    async (
      { db, clock },
      name: string,
      options: { prefix?: string; after?: string; limit: number; at?: Date },
    ) => {
      const { at = clock() } = options;
      const { rows: prices, next } = await readPage(
        options.limit,
        (limit) => listPrices(db, name, { ...options, at, limit }),
        ({ prefix }) => prefix,
      );
      return {
        json: { prices, next },
        text: prices.length > 0 ? priceTable(prices) + moreAt('--after', next) : 'No price.',
      };
    },
  );
}

/** Fees and dates get a column only if one of the prices has them. */
function priceTable(prices: ListedPrice[]): string {
  const optional: [string, (price: ListedPrice) => string | undefined][] = [
    ['>FEE', ({ connectFee }) => (Number(connectFee) > 0 ? money(connectFee) : undefined)],
    [
      '>LEAST',
      ({ minimumCharge }) => (Number(minimumCharge) > 0 ? money(minimumCharge) : undefined),
    ],
    ['FROM', ({ validFrom }) => (validFrom ? moment(validFrom) : undefined)],
    ['UNTIL', ({ validUntil }) => (validUntil ? moment(validUntil) : undefined)],
  ];
  const shown = optional.filter(([, cell]) => prices.some((price) => cell(price) !== undefined));
  return table(
    ['PREFIX', '>RATE', 'SECONDS', ...shown.map(([title]) => title), 'NAME'],
    prices.map((price) => [
      price.prefix,
      money(price.rate),
      increments(price),
      ...shown.map(([, cell]) => cell(price) ?? '-'),
      price.name,
    ]),
  );
}

function increments({
  minimumSeconds,
  incrementSeconds,
}: Pick<Price, 'minimumSeconds' | 'incrementSeconds'>): string {
  return minimumSeconds === null ? "account's" : `${minimumSeconds}/${incrementSeconds}`;
}

function rate(group: Command): void {
  const on = command(
    group,
    'rate',
    'what an account pays for calls to a number, and by which price; `calls explain` tells each step',
    'prices rate 2345678901 +442055501234 --at 2030-12-01',
  )
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<number>', 'as it is dialled'))
    .option('--at <moment>', 'when the call starts; left out, now', values.from);
  perform(
    on,
    async ({ db, config, clock }, username: number, number: string, { at }: { at?: Date }) => {
      const explained = await explainDialled(db, {
        typed: number,
        account: username,
        feed: undefined,
        startsAt: at ?? clock(),
        seconds: 60,
        emergencyNumbers: config.emergencyNumbers,
      });
      const { list, price, emergency, blocked, connectFee, minimumCharge } = explained;
      const { rate: perMinute, minimumSeconds, incrementSeconds } = explained;
      const own = emergency ? 'an emergency number, always allowed' : 'its own rate';
      const name = price?.name ? ` (${printable(price.name)})` : '';
      const why = price ? `by ${price.prefix} of the list ${list}${name}` : own;
      const fees = [
        ...(Number(connectFee) > 0 ? [`${money(connectFee)} for each call`] : []),
        ...(Number(minimumCharge) > 0 ? [`at least ${money(minimumCharge)}`] : []),
      ];
      const terms = [
        `${money(perMinute)} a minute`,
        `${minimumSeconds}/${incrementSeconds} seconds`,
      ];
      const isBlocked = blocked.length > 0 && !emergency;
      return {
        json: {
          username,
          number: explained.number,
          list: price ? list : null,
          prefix: price?.prefix ?? null,
          name: price?.name ?? null,
          ...{ rate: perMinute, minimumSeconds, incrementSeconds, connectFee, minimumCharge },
          ...{ blocked: isBlocked, emergency },
        },
        text: `${[...terms, ...fees].join(', ')}: ${why}${isBlocked ? '\nCalls to it are blocked.' : ''}`,
      };
    },
  );
}

function diff(group: Command): void {
  const on = command(
    group,
    'diff',
    'what of a list is other at one moment than at another',
    'prices diff wholesale --at 2030-11-01 --at 2030-12-01',
  )
    .addArgument(listArgument())
    .requiredOption(
      '--at <moment>',
      'given twice: before and after',
      (text: string, before: Date[] = []) => [...before, values.from(text)],
    )
    .addOption(values.limitOption(50))
    .option('--after <digits>', 'start after this prefix', values.prefix, '')
    .hook('preAction', (on) => {
      if (on.opts<{ at: Date[] }>().at.length !== 2) on.error('give --at twice: before and after');
    });
  perform(
    on,
    async ({ db }, name: string, options: { at: Date[]; limit: number; after: string }) => {
      const { at, after } = options;
      await requireList(db, name);
      const moments = [at[0], at[1]] as [Date, Date];
      const { rows: differences, next } = await readPage(
        options.limit,
        (limit) => diffPrices(db, name, moments, { after, limit }),
        ({ prefix }) => prefix,
      );
      const text = table(
        ['PREFIX', 'BEFORE', 'AFTER', 'NAME'],
        differences.map((row) => [row.prefix, atText(row.before), atText(row.after), row.name]),
      );
      return {
        json: { differences, next },
        text: differences.length > 0 ? text + moreAt('--after', next) : 'Nothing is other.',
      };
    },
  );
}

function atText(terms: PriceAt | null): string {
  if (!terms) return '-';
  const fees = [
    ...(Number(terms.connectFee) > 0 ? [`fee ${money(terms.connectFee)}`] : []),
    ...(Number(terms.minimumCharge) > 0 ? [`least ${money(terms.minimumCharge)}`] : []),
  ];
  return [money(terms.rate), increments(terms), ...fees].join(', ');
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
