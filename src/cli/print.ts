import { type Currency, decimalsOf } from '../currency.ts';
import type { Decimal } from '../domain/money.ts';

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const UNPRINTABLE_IN_JSON = /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Foreign text, made safe for a terminal: control characters are escaped as in JavaScript. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    const code = character.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}

/** One JSON document that is also safe on a terminal. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  return text.replace(UNPRINTABLE_IN_JSON, (character) => {
    const units = Array.from({ length: character.length }, (_, index) =>
      character.charCodeAt(index).toString(16).padStart(4, '0'),
    );
    return units.map((unit) => `\\u${unit}`).join('');
  });
}

/**
 * A table with aligned columns; a title that starts with '>' aligns its column to the right.
 * @param none the text instead of a table without rows
 */
export function table(titles: string[], rows: (string | number)[][], none?: string): string {
  if (none !== undefined && rows.length === 0) return none;
  const right = titles.map((title) => title.startsWith('>'));
  const header = titles.map((title) => title.replace(/^>/, ''));
  const cells = [header, ...rows.map((row) => row.map((cell) => printable(String(cell))))];
  const widths = titles.map((_, column) =>
    Math.max(...cells.map((row) => lengthOf(row[column] ?? ''))),
  );
  const lines = cells.map((row) =>
    row.map((cell, column) => pad(cell, widths[column] ?? 0, right[column])).join('  '),
  );
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** Names and values below each other. */
export function fields(pairs: [string, string | number][]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}`.trimEnd())
    .join('\n');
}

let currency: Currency = 'USD';

/** Sets the currency of every amount that this process prints. */
export function printAmountsIn(code: Currency): void {
  currency = code;
}

/** The currency's decimals or more, without trailing zeros: `25.4825 EUR`, `5.00 EUR`, `5 JPY`. */
export function money(amount: Decimal): string {
  const [whole = '0', fraction = ''] = amount.split('.');
  const decimals = fraction.replace(/0+$/, '').padEnd(decimalsOf(currency), '0');
  return `${whole}${decimals && '.'}${decimals} ${currency}`;
}

/** UTC to the second. */
export function moment(at: Date | null, missing = '-'): string {
  return at ? `${at.toISOString().slice(0, 19)}Z` : missing;
}

/** With its noun: `1 call`, `0 calls`. @param plural for nouns that do not only get an s */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

function pad(cell: string, width: number, right: boolean | undefined): string {
  const blank = ' '.repeat(width - lengthOf(cell));
  return right ? blank + cell : cell + blank;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** The line below a list that has a next page. @param option the option that requests that page */
export function moreAt(option: '--after' | '--before', next: string | number | null): string {
  return next === null ? '' : `\nMore: add ${option} ${next}`;
}
