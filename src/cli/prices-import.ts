import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Argument, type Command, Option } from 'commander';
import { previewRerating } from '../domain/calls/rerating.ts';
import { FileFault } from '../domain/moving/file-rows.ts';
import { SHIPPED, shippedMapping } from '../domain/moving/mapping.ts';
import { type MappedPrices, readMappedPrices } from '../domain/moving/price-rows.ts';
import { type Price, type PriceFile, readPriceFile } from '../domain/rating/price-csv.ts';
import { priceFaultText } from '../domain/rating/price-fault.ts';
import { importPrices } from '../domain/rating/price-import.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, printable } from './print.ts';
import { withProgress } from './progress.ts';
import * as values from './values.ts';

const DAY_MS = 86_400_000;

const MOST_FAULTS = 20;

const STANDARD_INPUT = '-';

/** The name of a price list. */
export const listArgument = () =>
  new Argument('<list>', "the list's name; `default` counts for accounts without one").argParser(
    values.listName,
  );

/** `prices import`. */
export function importList(group: Command): void {
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
      values.several((text) => text),
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
      : await readPriceFile(bytes.toString('utf8'));
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
  const quiet = { json: json || dryRun };
  const counts = await withProgress('prices', prices.length, quiet, (onProgress) =>
    importPrices(db, operator(), name, prices, {
      now,
      ...{ from, backdate, timeZone, replace, dryRun, onProgress },
    }),
  );
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
