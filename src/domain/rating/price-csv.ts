import { type Decimal, isDecimal } from '../money.ts';

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
  faults: { line: number; problem: string }[];
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
const NORTH_AMERICAN_PREFIX = /^1-[2-9][0-9]{2}(?:-[0-9]{1,4}){0,2}$/;
/** Most characters of a destination's name. */
export const LONGEST_PRICE_NAME = 100;
const LONGEST_COUNT_SECONDS = 3_600;

class Fault extends Error {}

/** A text is no prefix; the message says what a prefix is. */
export class InvalidPrefix extends Error {}

/**
 * Reads a price list: CSV with commas, semicolons or tabs, one price a line. A first line of titles
 * names the columns; without it they are prefix, rate, name, minimum, increment, connect fee,
 * minimum charge and valid from.
 * @returns the prices, and every fault with its line
 */
export function readPriceFile(text: string): PriceFile {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  const file: PriceFile = { prices: [], faults: [], ignored: [] };
  const lineOf = new Map<string, number>();
  let columns: (Column | undefined)[] | undefined;
  let delimiter = ',';
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    try {
      if (line.includes('\uFFFD')) throw new Fault('the file must be saved as UTF-8');
      if (!columns) {
        delimiter = delimiterOf(line);
        const titles = splitLine(line, delimiter);
        columns = columnsOf(titles, file);
        if (columns !== WITHOUT_TITLES) continue;
      }
      const price = priceOf(splitLine(line, delimiter), columns);
      const key = `${price.prefix} ${price.validFrom ?? ''}`;
      const earlier = lineOf.get(key);
      if (earlier) throw new Fault(`the prefix ${price.prefix} is in line ${earlier}, too`);
      lineOf.set(key, index + 1);
      file.prices.push(price);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      file.faults.push({ line: index + 1, problem: error.message });
      // Without known columns no other line can be read.
      if (!columns) return file;
    }
  }
  return file;
}

function delimiterOf(line: string): string {
  const counts = DELIMITERS.map((delimiter) => line.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ',';
}

function columnsOf(titles: string[], file: PriceFile): (Column | undefined)[] {
  if (/^\+?[0-9]/.test(titles[0] ?? '')) return WITHOUT_TITLES;
  const columns = titles.map((title) => TITLES[title.toLowerCase().replaceAll('_', ' ')]);
  for (const name of ['prefix', 'rate'] as const) {
    const found = columns.filter((column) => column === name).length;
    if (found !== 1) {
      throw new Fault(`there ${found ? 'are several columns' : 'is no column'} called ${name}`);
    }
  }
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
    throw new Fault('minimum and increment go together');
  }
  const name = cell('name');
  if (name.length > LONGEST_PRICE_NAME || /\p{Cc}/u.test(name)) {
    throw new Fault(`the name must be at most ${LONGEST_PRICE_NAME} characters`);
  }
  return {
    prefix: prefixOf(cell('prefix')),
    name,
    rate: moneyOf(cell('rate'), 'rate', 'an amount per minute'),
    ...{ minimumSeconds, incrementSeconds },
    connectFee: moneyOf(cell('connect fee') || '0', 'connect fee', 'an amount'),
    minimumCharge: moneyOf(cell('minimum charge') || '0', 'minimum charge', 'an amount'),
    validFrom: validFromOf(cell('valid from')),
  };
}

/** @throws Fault */
function prefixOf(cell: string): string {
  try {
    return readPrefix(cell);
  } catch (error) {
    if (!(error instanceof InvalidPrefix)) throw error;
    throw new Fault(`the prefix '${cell}' ${error.message}`);
  }
}

/**
 * A prefix in digits. A leading plus, blanks and the dashes of 1-809 are removed.
 * @throws InvalidPrefix also for digits that begin no number
 */
export function readPrefix(text: string): string {
  const plain = text.replace(/^\+/, '').replaceAll(' ', '');
  const digits = NORTH_AMERICAN_PREFIX.test(plain) ? plain.replaceAll('-', '') : plain;
  if (/^[0-9]+[-–][0-9]+$/.test(digits)) {
    throw new InvalidPrefix('must be one prefix, not a range: give each prefix of it by itself');
  }
  if (/^(?:00|011)[0-9]/.test(digits)) {
    throw new InvalidPrefix('must begin with the country code, without 00 or 011');
  }
  if (!/^[0-9]{1,15}$/.test(digits)) {
    throw new InvalidPrefix('must be 1 to 15 digits, the country code first');
  }
  return digits;
}

function moneyOf(cell: string, name: string, unit: string): Decimal {
  // Zeros beyond the sixth place are dropped: they add no precision.
  const rate = cell.replace(/(\.[0-9]{6})0+$/, '$1').replace(/^\./, '0.');
  if (!isDecimal(rate) || !/^[0-9]{1,6}(\.|$)/.test(rate)) {
    throw new Fault(`the ${name} '${cell}' must be ${unit} with at most six decimals`);
  }
  return rate;
}

/** A day or a moment, with or without a zone. */
function validFromOf(cell: string): string | null {
  if (cell === '') return null;
  const [, day = '', time = '', zone = ''] =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(
      cell,
    ) ?? [];
  const parsed = new Date(`${day}T${time || '00:00'}Z`);
  // JavaScript reads 30 February as a day in March.
  if (Number.isNaN(parsed.getTime()) || !parsed.toISOString().startsWith(day)) {
    throw new Fault(`'${cell}' must be a date such as 2030-12-01, or 2030-12-01T00:00Z`);
  }
  return `${day}T${time || '00:00'}${zone}`;
}

function seconds(cell: string, name: string, least: number): number | null {
  if (cell === '') return null;
  const value = /^[0-9]{1,4}$/.test(cell) ? Number(cell) : Number.NaN;
  if (!(value >= least && value <= LONGEST_COUNT_SECONDS)) {
    throw new Fault(`the ${name} '${cell}' must be ${least} to ${LONGEST_COUNT_SECONDS} seconds`);
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
    if (!quoted && cell.trimStart().startsWith('"')) throw new Fault('a quote is not closed');
    cells.push(cell.trim());
    if (end < 0 || end >= rest.length) return cells;
    if (rest[end] !== delimiter) throw new Fault('there is text after a closing quote');
    rest = rest.slice(end + 1);
  }
}
