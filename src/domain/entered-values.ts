import ipaddr from 'ipaddr.js';
import { isAccountName, USERNAME_REQUIREMENT } from './account-name.ts';
import { RESERVED } from './billing/recurring-charge.ts';
import { isEmailAddress } from './email-address.ts';
import { type Decimal, isDecimal, isRate, toMicros } from './money.ts';
import { dialledNumber, tenDigits } from './phone-number.ts';
import { InvalidPrefix, readPrefix } from './rating/price-csv.ts';

const LONGEST_TEXT = 200;
const LONGEST_MINIMUM_SECONDS = 3_600;
export const TIME_ZONE_REQUIREMENT = 'Must be a time zone such as UTC or Europe/Berlin.';

/** What someone typed is no such value; the message says what it must be. */
export class InvalidValue extends Error {}

export function username(text: string): number {
  if (!/^[1-9][0-9]{9}$/.test(text)) throw new InvalidValue(`${USERNAME_REQUIREMENT}.`);
  return Number(text);
}

export function wholeNumber(text: string, least: number, most: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidValue(`Must be a whole number from ${least} to ${most}.`);
  }
  return value;
}

/** One of a few words. */
export function oneOf<Word extends string>(text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (!found) throw new InvalidValue(`Must be ${words.join(' or ')}.`);
  return found;
}

/** Reads a value that may be taken away: null for `none`. */
export function orNone<Value>(read: (text: string) => Value): (text: string) => Value | null {
  return (text) => (text === 'none' ? null : read(text));
}

/** A record's number in a list. */
export const recordId = (text: string) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER);

/** Dollars above zero. */
export function amount(text: string): Decimal {
  if (!isDecimal(text) || toMicros(text) <= 0n) {
    throw new InvalidValue(
      'Must be dollars above 0 with at most six decimals, such as 25 or 0.017500.',
    );
  }
  return text;
}

/** Dollars a month, possibly none. */
export function monthlyAmount(text: string): Decimal {
  if (!isDecimal(text) || text.startsWith('-')) {
    throw new InvalidValue(
      'Must be dollars a month, 0 or more, with at most six decimals, such as 1.50.',
    );
  }
  return text;
}

/** Dollars, 0 or more. */
export function dollarsOrMore(text: string): Decimal {
  if (!isDecimal(text) || text.startsWith('-')) {
    throw new InvalidValue('Must be dollars, 0 or more, with at most six decimals, such as 500.');
  }
  return text;
}

/** A price list's name; `none` means that there is none. */
export function listName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text) || text === 'none') {
    throw new InvalidValue(
      'Must be 1 to 63 letters, digits, dots, dashes or underscores, the first a letter or digit.',
    );
  }
  return text;
}

/** First digits of numbers, the country code first. */
export function prefix(text: string): string {
  try {
    return readPrefix(text);
  } catch (error) {
    if (!(error instanceof InvalidPrefix)) throw error;
    throw new InvalidValue(`${error.message.replace(/^m/, 'M')}.`);
  }
}

export function rate(text: string): Decimal {
  if (!isRate(text)) {
    throw new InvalidValue('Must be dollars per minute, at most 999999.999999, such as 0.025.');
  }
  return text;
}

/** `minimum/increment` in seconds. */
export function increment(text: string): { minimumSeconds: number; incrementSeconds: number } {
  const [, first, second] = /^([0-9]{1,4})\/([0-9]{1,4})$/.exec(text) ?? [];
  const [minimumSeconds, incrementSeconds] = [Number(first), Number(second)];
  if (
    !(minimumSeconds <= LONGEST_MINIMUM_SECONDS) ||
    !(incrementSeconds >= 1 && incrementSeconds <= LONGEST_MINIMUM_SECONDS)
  ) {
    throw new InvalidValue(
      'Must be minimum/increment in seconds, such as 6/6: a minimum from 0, an increment from 1, ' +
        `both up to ${LONGEST_MINIMUM_SECONDS}.`,
    );
  }
  return { minimumSeconds, incrementSeconds };
}

/** Ten digits, or none where nothing is to be shown. */
export function callerId(text: string): string {
  if (text === '' || text === 'none') return '';
  const number = tenDigits(text);
  if (number === undefined) {
    throw new InvalidValue("Must be a 10-digit number, or '' or none to clear it.");
  }
  return number;
}

/** A number that an account can have, as `dialledNumber` writes it. */
export function assignableNumber(text: string): string {
  const number = dialledNumber(text);
  if (number === undefined || !/^\+?[0-9]{2,15}$/.test(number)) {
    throw new InvalidValue(
      'Must be digits: ten of them, or a + or 011 and the country code first.',
    );
  }
  return number;
}

/** A number as it is dialled. */
export function calledNumber(text: string): string {
  const number = dialledNumber(text);
  if (number === undefined) {
    throw new InvalidValue('Must be a number as it is dialled, such as +442055501234.');
  }
  return number;
}

export function onOff(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new InvalidValue('Must be on or off.');
  return text === 'on';
}

export function accountName(text: string): string {
  if (!isAccountName(text)) {
    throw new InvalidValue('Must be 1 to 100 characters.');
  }
  return text;
}

export function email(text: string): string {
  if (!isEmailAddress(text)) {
    throw new InvalidValue('Must be an e-mail address such as user@example.com.');
  }
  return text;
}

export function timeZone(text: string): string {
  try {
    if (!/^[A-Za-z]/.test(text)) throw new RangeError();
    const known = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
    // An alias such as Asia/Kolkata stays as it is; otherwise the case is put right.
    return known.toLowerCase() === text.toLowerCase() ? known : text;
  } catch {
    throw new InvalidValue(TIME_ZONE_REQUIREMENT);
  }
}

/** A calendar month. */
export function month(text: string): string {
  if (!/^20[0-9]{2}-(0[1-9]|1[0-2])$/.test(text)) {
    throw new InvalidValue('Must be a month such as 2030-12.');
  }
  return text;
}

/** Words that people read: reasons, references, searches. */
export function words(text: string): string {
  if (text.trim() === '' || text.length > LONGEST_TEXT || /\p{Cc}/u.test(text)) {
    throw new InvalidValue(`Must be 1 to ${LONGEST_TEXT} characters in one line.`);
  }
  return text.trim().toWellFormed();
}

export function serviceDescription(text: string): string {
  const description = words(text);
  if (RESERVED.has(description)) {
    throw new InvalidValue(`Must not be ${[...RESERVED].join(' or ')}, which mrc uses.`);
  }
  return description;
}

export function promotionCode(text: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) {
    throw new InvalidValue('Must be 1 to 64 letters, digits, dots, dashes or underscores.');
  }
  return text;
}

/** The end of a day in UTC, or a moment with its zone; not past. */
export function until(text: string): Date {
  const end = dayOrMoment(text, 'T23:59:59.999Z');
  if (!end) {
    throw new InvalidValue(
      'Must be a day such as 2030-12-31 (its end in UTC) or a time such as 2030-12-31T18:00:00Z.',
    );
  }
  if (end.getTime() <= Date.now()) throw new InvalidValue('Must not be past.');
  return end;
}

/** The start of a day in UTC, or a moment with its zone. */
export function from(text: string): Date {
  const start = dayOrMoment(text, 'T00:00:00Z');
  if (!start) {
    throw new InvalidValue(
      'Must be a day such as 2030-12-31 (its start in UTC) or a time such as 2030-12-31T18:00:00Z.',
    );
  }
  return start;
}

/** @param time of day, where a day is given alone */
function dayOrMoment(text: string, time: string): Date | undefined {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)$/.test(text);
  const moment = new Date(isDay ? `${text}${time}` : text);
  // Days that no month has are read as days of the next one, or not at all.
  const day = new Date(`${text.slice(0, 10)}T00:00Z`);
  const exists = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10));
  return (isDay || isMoment) && exists && !Number.isNaN(moment.getTime()) ? moment : undefined;
}

export function feedName(text: string): string {
  if (!/^[a-z0-9][a-z0-9._-]{0,62}$/.test(text)) {
    throw new InvalidValue(
      'Must be 1 to 63 lower-case letters, digits, dots, dashes or underscores, ' +
        'the first a letter or digit.',
    );
  }
  return text;
}

/** An address or a CIDR. */
export function network(text: string): string {
  const [address = ''] = text.split('/');
  const isWhole = address.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isWhole || !(ipaddr.isValidCIDR(text) || ipaddr.isValid(text))) {
    throw new InvalidValue('Must be an address or a CIDR such as 192.0.2.0/24 or 2001:db8::/32.');
  }
  return text;
}
