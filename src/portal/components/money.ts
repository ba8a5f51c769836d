import { type Currency, decimalsOf } from '../../currency.ts';
import { type Decimal, toMicros } from '../../domain/money.ts';
import { type Html, html } from '../../html.ts';
import type { Messages } from '../messages/index.ts';

/** The language and currency of the text: a page's view. */
type Speaker = { m: Messages; currency: Currency };

// In millionths.
const UNIT = 1_000_000n;
const WHOLE = 100_000_000_000n;
const SHORTENED = 1_000_000_000_000n;
const SHORTENED_ON_AXIS = 10_000;

const formats = new Map<string, Intl.NumberFormat>();

/** An amount with the currency's decimals; the tooltip shows all that it has. */
export function money(speaker: Speaker, amount: Decimal, options: { signed?: boolean } = {}): Html {
  const sign = options.signed && toMicros(amount) > 0n ? '+' : '';
  return html`<data class="money" value="${amount}" title="${sign}${exact(speaker, amount)}">${sign}${rounded(speaker, amount)}</data>`;
}

/**
 * An amount in the room of a figure: whole from 100,000 on, and shortened to `$123.46M` from a
 * million on. The tooltip shows all decimals.
 */
export function shortMoney(speaker: Speaker, amount: Decimal): Html {
  const size = toMicros(amount) < 0n ? -toMicros(amount) : toMicros(amount);
  const decimals = size >= WHOLE ? 0 : decimalsOf(speaker.currency);
  const text =
    size >= SHORTENED
      ? written(speaker, amount, 0, 2, 'compact')
      : written(speaker, amount, decimals, decimals);
  return html`<data class="money" value="${amount}" title="${exact(speaker, amount)}">${text}</data>`;
}

/** A price per minute, without trailing zeros. */
export function rate(speaker: Speaker, perMinute: Decimal): Html {
  return html`<data class="money" value="${perMinute}">${exact(speaker, perMinute)}</data>`;
}

/** `−$1,234.57` or `−¥1,235`: rounded half away from zero, as on bills. */
export function rounded(speaker: Speaker, amount: Decimal): string {
  const decimals = decimalsOf(speaker.currency);
  return written(speaker, amount, decimals, decimals);
}

/** All its decimals, and at least the currency's: `−$1,234.5678`, `$12.50`. */
export function exact(speaker: Speaker, amount: Decimal): string {
  return written(speaker, amount, decimalsOf(speaker.currency), 6);
}

/** The cost of a call: below one unit with all its decimals, since many calls cost less than a cent. */
export function callCost(speaker: Speaker, amount: Decimal): Html {
  if (toMicros(amount) >= UNIT) return money(speaker, amount);
  return html`<data class="money" value="${amount}">${exact(speaker, amount)}</data>`;
}

/** A value at a plot's axis: `$5`, `$0.25`, `$12K`. */
export function tick(speaker: Speaker): (value: number) => string {
  return (value) => {
    if (Math.abs(value) >= SHORTENED_ON_AXIS)
      return written(speaker, String(value), 0, 1, 'compact');
    const decimals = Number.isInteger(value) ? 0 : decimalsOf(speaker.currency);
    return written(speaker, String(value), decimals, 6);
  };
}

/** A form field's label with the currency of its value. */
export function inCurrency({ currency }: Speaker, label: string): string {
  return `${label} (${currency})`;
}

/** @param least minimum of decimals, @param most maximum of decimals */
function written(
  { m, currency }: Speaker,
  amount: Decimal,
  least: number,
  most: number,
  notation: 'standard' | 'compact' = 'standard',
): string {
  const { numbers } = m.locales;
  const key = `${numbers} ${currency} ${least} ${most} ${notation}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(numbers, {
      style: 'currency',
      currency,
      notation,
      minimumFractionDigits: least,
      maximumFractionDigits: most,
      signDisplay: 'negative',
    });
    formats.set(key, format);
  }
  // A decimal string is formatted digit by digit, but the types allow only numeric literals.
  return format.format(amount as `${number}`).replace('-', '−');
}
