import { type Decimal, toMicros } from '../../domain/money.ts';
import { type Html, html } from '../../html.ts';

const MICROS_PER_CENT = 10_000n;

/** Dollars with two places, all six where the reader points at them. */
export function money(amount: Decimal, options: { signed?: boolean } = {}): Html {
  const exact = dollars(amount);
  const sign = options.signed && toMicros(amount) > 0n ? '+' : '';
  return html`<data class="money" value="${amount}" title="${sign}${exact}">${sign}${twoPlaces(amount)}</data>`;
}

/** A price for a minute, with every place that says something. */
export function rate(perMinute: Decimal): Html {
  return html`<data class="money" value="${perMinute}">${trimmed(dollars(perMinute))}</data>`;
}

/** `−$1,234.57`: rounded half away from zero, as people expect of a bill. */
export function twoPlaces(amount: Decimal): string {
  const micros = toMicros(amount);
  const size = micros < 0n ? -micros : micros;
  const cents = (size + MICROS_PER_CENT / 2n) / MICROS_PER_CENT;
  const fraction = String(cents % 100n).padStart(2, '0');
  return `${micros < 0n && cents > 0n ? '−' : ''}$${grouped(cents / 100n)}.${fraction}`;
}

/** All six places: `−$1,234.567800`. */
export function dollars(amount: Decimal): string {
  const micros = toMicros(amount);
  const size = micros < 0n ? -micros : micros;
  const fraction = String(size % 1_000_000n).padStart(6, '0');
  return `${micros < 0n ? '−' : ''}$${grouped(size / 1_000_000n)}.${fraction}`;
}

/** Without the zeros at the end, but with two places at least. */
function trimmed(text: string): string {
  return text.replace(/(\.\d\d\d*?)0+$/, '$1');
}

function grouped(whole: bigint): string {
  return whole.toLocaleString('en-US');
}
