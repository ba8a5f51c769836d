import { type Decimal, toMicros } from '../../domain/money.ts';
import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';

/** Whoever says it, in a language: a page's view. */
type Speaker = { m: Messages };

const formats = new Map<string, Intl.NumberFormat>();

/** Dollars with two places, all six where the reader points at them. */
export function money(speaker: Speaker, amount: Decimal, options: { signed?: boolean } = {}): Html {
  const sign = options.signed && toMicros(amount) > 0n ? '+' : '';
  return html`<data class="money" value="${amount}" title="${sign}${dollars(speaker, amount)}">${sign}${twoPlaces(speaker, amount)}</data>`;
}

/** A price for a minute, with every place that says something. */
export function rate({ m }: Speaker, perMinute: Decimal): Html {
  return html`<data class="money" value="${perMinute}">${written(m, perMinute, 2, 6)}</data>`;
}

/** `−$1,234.57`: rounded half away from zero, as people expect of a bill. */
export function twoPlaces({ m }: Speaker, amount: Decimal): string {
  return written(m, amount, 2, 2);
}

/** All six places: `−$1,234.567800`. */
export function dollars({ m }: Speaker, amount: Decimal): string {
  return written(m, amount, 6, 6);
}

/** @param least places, @param most of them */
function written({ locales }: Messages, amount: Decimal, least: number, most: number): string {
  const key = `${locales.numbers} ${least} ${most}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locales.numbers, {
      style: 'currency',
      currency: 'USD',
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      signDisplay: 'negative',
    });
    formats.set(key, format);
  }
  // A decimal string is formatted digit by digit, which the types say of numeric literals alone.
  return format.format(amount as `${number}`).replace('-', '−');
}
