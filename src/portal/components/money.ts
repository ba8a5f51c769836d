import { type Decimal, toMicros } from '../../domain/money.ts';
import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';

/** The language of the text: a page's view. */
type Speaker = { m: Messages };

const formats = new Map<string, Intl.NumberFormat>();

/** Dollars with two decimals; the tooltip shows all six. */
export function money(speaker: Speaker, amount: Decimal, options: { signed?: boolean } = {}): Html {
  const sign = options.signed && toMicros(amount) > 0n ? '+' : '';
  return html`<data class="money" value="${amount}" title="${sign}${dollars(speaker, amount)}">${sign}${twoPlaces(speaker, amount)}</data>`;
}

/** A price per minute, without trailing zeros. */
export function rate({ m }: Speaker, perMinute: Decimal): Html {
  return html`<data class="money" value="${perMinute}">${written(m, perMinute, 2, 6)}</data>`;
}

/** `−$1,234.57`: rounded half away from zero, as on bills. */
export function twoPlaces({ m }: Speaker, amount: Decimal): string {
  return written(m, amount, 2, 2);
}

/** All six decimals: `−$1,234.567800`. */
export function dollars({ m }: Speaker, amount: Decimal): string {
  return written(m, amount, 6, 6);
}

/** @param least minimum of decimals, @param most maximum of decimals */
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
  // A decimal string is formatted digit by digit, but the types allow only numeric literals.
  return format.format(amount as `${number}`).replace('-', '−');
}
