import { PREFIX_FAULTS, type PrefixFault, type ProblemWords, wordProblem } from '../problem.ts';

/** What is wrong with a line of a price file: a key, and the values for the sentence about it. */
export type PriceFault =
  | { key: 'encoding' }
  | { key: 'longLine'; most: number }
  | { key: 'manyLines'; most: number }
  | { key: 'manyFaults'; most: number }
  | { key: 'noColumn'; column: string }
  | { key: 'severalColumns'; column: string }
  | { key: 'repeated'; prefix: string; line: number }
  | { key: 'manyDates'; prefix: string; most: number }
  | { key: 'cells'; cells: number; columns: number }
  | { key: 'halfIncrement' }
  | { key: 'name'; most: number }
  | { key: 'prefix'; cell: string; fault: PrefixFault }
  | { key: 'money'; column: 'rate' | 'connect fee' | 'minimum charge'; cell: string }
  | { key: 'seconds'; column: 'minimum' | 'increment'; cell: string; least: number; most: number }
  | { key: 'date'; cell: string }
  | { key: 'openQuote' }
  | { key: 'textAfterQuote' }
  /** @param text in English: for the command, and the API, whose files have another form */
  | { key: 'mapped'; text: string };

const WORDS: ProblemWords<PriceFault> = {
  encoding: () => 'the file must be saved as UTF-8',
  longLine: ({ most }) => `the line has more than ${most} characters`,
  manyLines: ({ most }) => `the file has more than ${most} lines`,
  manyFaults: ({ most }) => `there are more than ${most} faults, so the file is read no further`,
  noColumn: ({ column }) => `there is no column called ${column}`,
  severalColumns: ({ column }) => `there are several columns called ${column}`,
  repeated: ({ prefix, line }) => `the prefix ${prefix} is in line ${line}, too`,
  manyDates: ({ prefix, most }) => `the prefix ${prefix} is there with more than ${most} dates`,
  cells: ({ cells, columns }) =>
    `${cells} cells, where there are ${columns} columns: a decimal comma must be a point`,
  halfIncrement: () => 'minimum and increment go together',
  name: ({ most }) => `the name must be at most ${most} characters`,
  prefix: ({ cell, fault }) => `the prefix '${cell}' ${PREFIX_FAULTS[fault]}`,
  money: ({ column, cell }) =>
    `the ${column} '${cell}' must be ${column === 'rate' ? 'an amount per minute' : 'an amount'} with at most six decimals`,
  seconds: ({ column, cell, least, most }) =>
    `the ${column} '${cell}' must be ${least} to ${most} seconds`,
  date: ({ cell }) => `'${cell}' must be a date such as 2030-12-01, or 2030-12-01T00:00Z`,
  openQuote: () => 'a quote is not closed',
  textAfterQuote: () => 'there is text after a closing quote',
  mapped: ({ text }) => text,
};

/** The sentence of the command and the operators' API for a fault. */
export function priceFaultText(fault: PriceFault): string {
  return wordProblem(WORDS, fault);
}
