import type { Currency } from '../currency.ts';
import type { Decimal } from '../domain/money.ts';

/** An exact amount with the currency's decimals or more: `$25.50`, `-$0.0175`, `¥25`. */
export function money(amount: Decimal, currency: Currency, locale: string): string {
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    maximumFractionDigits: 6,
  });
  // A decimal string is formatted digit by digit, but the types allow only numeric literals.
  return format.format(amount as `${number}`);
}

/** @param month such as `2026-12` */
export function monthName(month: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  }).format(new Date(`${month}-01T00:00Z`));
}

/** A moment in a time zone, with the zone. */
export function dayTime(at: Date, timeZone: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, {
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short',
  }).format(at);
}
