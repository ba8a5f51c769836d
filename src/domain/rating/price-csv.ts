import { hasPlainYear } from '../day.ts';
import { type Decimal, isDecimal } from '../money.ts';
import { Slice } from '../slice.ts';
import { InvalidPrefix, readPrefix } from './prefix.ts';
import type { PriceFault } from './price-fault.ts';

/** The price of calls to numbers that begin with a prefix. */
export interface Price {
  /** digits, the country code first */
  prefix: string;
  /** the destination's name, for people */
  name: string;
  /** money per minute */
  rate: Decimal;
  /** both null: the account's own values count */
  minimumSeconds: number | null;
  incrementSeconds: number | null;
  /** money for each answered call */
  connectFee: Decimal;
  /** the least that an answered call costs */
  minimumCharge: Decimal;
  /** the beginning of its validity as written, perhaps without a zone; null: not given */
  validFrom: string | null;
}

export interface PriceFile {
  prices: Price[];
  /** what is wrong, by line; the first line is 1 */
  faults: { line: number; fault: PriceFault }[];
  /** titles of unknown columns */
  ignored: string[];
}

type Column =
  | 'prefix'
  | 'rate'
  | 'name'
  | 'minimum'
  | 'increment'
  | 'connect fee'
  | 'minimum charge'
  | 'valid from';

const TITLES: Record<string, Column> = {
  prefix: 'prefix',
  code: 'prefix',
  'dial code': 'prefix',
  rate: 'rate',
  price: 'rate',
  name: 'name',
  destination: 'name',
  description: 'name',
  minimum: 'minimum',
  increment: 'increment',
  'connect fee': 'connect fee',
  'connection fee': 'connect fee',
  'setup fee': 'connect fee',
  'minimum charge': 'minimum charge',
  'valid from': 'valid from',
  'effective date': 'valid from',
  'effective from': 'valid from',
};
const WITHOUT_TITLES: Column[] = [
  'prefix',
  'rate',
  'name',
  'minimum',
  'increment',
  'connect fee',
  'minimum charge',
  'valid from',
];
const DELIMITERS = [',', ';', '\t'];
/** Most characters of a destination's name. */
export const LONGEST_PRICE_NAME = 100;
const LONGEST_COUNT_SECONDS = 3_600;
const DAY_MS = 86_400_000;
// Each price of a prefix is compared with all others of it.
const MOST_DATES = 1_000;
const LONGEST_LINE = 64 * 1024;
const MOST_LINES = 1_000_000;
// A file with so many is no price list.
const MOST_FAULTS = 10_000;

class Faulty extends Error {
  readonly fault: PriceFault;

  constructor(fault: PriceFault) {
    super(fault.key);
    this.fault = fault;
  }
}

/**
 * Reads a price list: CSV with commas, semicolons or tabs, one price a line. A first line of titles
 * names the columns; without it they are prefix, rate, name, minimum, increment, connect fee,
 * minimum charge and valid from.
 * @returns the prices, and every fault with its line
 */
export function readPriceFile(text: string): Promise<PriceFile> {
  return readRows(priceLines(text, /\r\n|\n|\r/g));
}

/** A line of a price file, or what is wrong with it. */
export type PriceLine = string | PriceFault[];

/**
 * The lines of a price file, each when it is asked for: a file may have many millions.
 * @param end a global expression
 */
export function* priceLines(file: string, end: RegExp): Generator<PriceLine> {
  const text = file.replace(/^\uFEFF/, '');
  const line = (from: number, to: number): PriceLine =>
    to - from > LONGEST_LINE ? [{ key: 'longLine', most: LONGEST_LINE }] : text.slice(from, to);
  let from = 0;
  for (const { 0: found, index } of text.matchAll(end)) {
    yield line(from, index);
    from = index + found.length;
  }
  yield line(from, text.length);
}

/** As `readPriceFile`, for rows with commas and without titles. */
export function readPriceRows(lines: Iterable<PriceLine>): Promise<PriceFile> {
  return readRows(lines, WITHOUT_TITLES);
}

async function readRows(lines: Iterable<PriceLine>, given?: Column[]): Promise<PriceFile> {
  const file: PriceFile = { prices: [], faults: [], ignored: [] };
  const lineOf = new Map<string, number>();
  const datesOf = new Map<string, number>();
  const slice = new Slice();
  let columns: (Column | undefined)[] | undefined = given;
  let delimiter = ',';
  let number = 0;
  for (const line of lines) {
    number++;
    if (slice.isOver) await slice.next();
    const end = endOf(file, number);
    if (end) {
      file.faults.push({ line: number, fault: end });
      return file;
    }
    if (typeof line !== 'string') {
      for (const fault of line) file.faults.push({ line: number, fault });
      continue;
    }
    if (line.trim() === '') continue;
    try {
      // UTF-16 without its mark has a NUL in each letter.
      if (/[\uFFFD\0]/.test(line)) throw new Faulty({ key: 'encoding' });
      if (!columns) {
        delimiter = delimiterOf(line);
        const titles = splitLine(line, delimiter);
        columns = columnsOf(titles, file);
        if (columns !== WITHOUT_TITLES) continue;
      }
      const cells = splitLine(line, delimiter);
      // A decimal comma would make two cells of a rate.
      if (cells.slice(columns.length).some((cell) => cell !== '')) {
        throw new Faulty({ key: 'cells', cells: cells.length, columns: columns.length });
      }
      const price = priceOf(cells, columns);
      const key = `${price.prefix} ${price.validFrom ?? ''}`;
      const earlier = lineOf.get(key);
      if (earlier) throw new Faulty({ key: 'repeated', prefix: price.prefix, line: earlier });
      const dates = (datesOf.get(price.prefix) ?? 0) + 1;
      if (dates > MOST_DATES) {
        throw new Faulty({ key: 'manyDates', prefix: price.prefix, most: MOST_DATES });
      }
      datesOf.set(price.prefix, dates);
      lineOf.set(key, number);
      file.prices.push(price);
    } catch (error) {
      if (!(error instanceof Faulty)) throw error;
      file.faults.push({ line: number, fault: error.fault });
      // Without known columns no other line can be read.
      if (!columns) return file;
    }
  }
  return file;
}

/** Why a file is read no further. */
function endOf({ faults }: PriceFile, line: number): PriceFault | undefined {
  if (line > MOST_LINES) return { key: 'manyLines', most: MOST_LINES };
  return faults.length > MOST_FAULTS ? { key: 'manyFaults', most: MOST_FAULTS } : undefined;
}

function delimiterOf(line: string): string {
  const counts = DELIMITERS.map((delimiter) => line.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function columnsOf(titles: string[], file: PriceFile): (Column | undefined)[] {
  if (/^\+?[0-9]/.test(titles[0] ?? '')) return WITHOUT_TITLES;
  const columns = titles.map((title) => TITLES[title.toLowerCase().replaceAll('_', ' ')]);
  for (const column of ['prefix', 'rate'] as const) {
    if (!columns.includes(column)) throw new Faulty({ key: 'noColumn', column });
  }
  // Of several columns of names the first counts.
  const double = columns.find((one, n) => one && one !== 'name' && columns.indexOf(one) !== n);
  if (double) throw new Faulty({ key: 'severalColumns', column: double });
  file.ignored = titles.filter((_, index) => !columns[index]);
  return columns;
}

function priceOf(cells: string[], columns: (Column | undefined)[]): Price {
  const cell = (column: Column) => cells[columns.indexOf(column)] ?? '';
  const [minimumSeconds, incrementSeconds] = [
    seconds(cell('minimum'), 'minimum', 0),
    seconds(cell('increment'), 'increment', 1),
  ];
  if ((minimumSeconds === null) !== (incrementSeconds === null)) {
    throw new Faulty({ key: 'halfIncrement' });
  }
  const name = cell('name');
  if (name.length > LONGEST_PRICE_NAME || /\p{Cc}/u.test(name)) {
    throw new Faulty({ key: 'name', most: LONGEST_PRICE_NAME });
  }
  return {
    prefix: prefixOf(cell('prefix')),
    name,
    rate: moneyOf(cell('rate'), 'rate'),
    ...{ minimumSeconds, incrementSeconds },
    connectFee: moneyOf(cell('connect fee') || '0', 'connect fee'),
    minimumCharge: moneyOf(cell('minimum charge') || '0', 'minimum charge'),
    validFrom: validFromOf(cell('valid from')),
  };
}

/** @throws Faulty */
function prefixOf(cell: string): string {
  try {
    return readPrefix(cell);
  } catch (error) {
    if (!(error instanceof InvalidPrefix)) throw error;
    throw new Faulty({ key: 'prefix', cell, fault: error.fault });
  }
}

function moneyOf(cell: string, column: 'rate' | 'connect fee' | 'minimum charge'): Decimal {
  // Zeros beyond the sixth place are dropped: they add no precision.
  const rate = cell.replace(/(\.[0-9]{6})0+$/, '$1').replace(/^\./, '0.');
  if (!isDecimal(rate) || !/^[0-9]{1,6}(\.|$)/.test(rate)) {
    throw new Faulty({ key: 'money', column, cell });
  }
  return rate;
}

/** A day or a moment, with or without a zone. */
function validFromOf(cell: string): string | null {
  if (cell === '') return null;
  const [, day = '', time = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-](?:0\d|1[0-5]):?[0-5]\d)?)?$/.exec(
      cell,
    ) ?? [];
  const parsed = new Date(`${day}T${time || '00:00'}Z`);
  // JavaScript reads 30 February as a day in March.
  const isThere = !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(day);
  // In any time zone, it must be a time that PostgreSQL can read.
  if (!isThere || ![-1, 1].every((days) => hasPlainYear(new Date(+parsed + days * DAY_MS)))) {
    throw new Faulty({ key: 'date', cell });
  }
  return `${day}T${time || '00:00'}${zone}`;
}

function seconds(cell: string, column: 'minimum' | 'increment', least: number): number | null {
  if (cell === '') return null;
  const value = /^[0-9]{1,4}$/.test(cell) ? Number(cell) : Number.NaN;
  if (!(value >= least && value <= LONGEST_COUNT_SECONDS)) {
    throw new Faulty({ key: 'seconds', column, cell, least, most: LONGEST_COUNT_SECONDS });
  }
  return value;
}

/** The cells of one line (quotes as in RFC 4180), without surrounding blanks. */
function splitLine(line: string, delimiter: string): string[] {
  if (!line.includes('"')) return line.split(delimiter).map((cell) => cell.trim());
  const cells: string[] = [];
  let rest = line;
  for (;;) {
    const quoted = /^\s*"((?:[^"]|"")*)"\s*/.exec(rest);
    const end = quoted ? quoted[0].length : rest.indexOf(delimiter);
    const cell = quoted
      ? (quoted[1] ?? '').replaceAll('""', '"')
      : rest.slice(0, end < 0 ? undefined : end);
    if (!quoted && cell.trimStart().startsWith('"')) throw new Faulty({ key: 'openQuote' });
    cells.push(cell.trim());
    if (end < 0 || end >= rest.length) return cells;
    if (rest[end] !== delimiter) throw new Faulty({ key: 'textAfterQuote' });
    rest = rest.slice(end + 1);
  }
}
