import ipaddr from 'ipaddr.js';
import { SCOPES, type Scope } from './access/operator-scope.ts';
import { isAccountName, isSipUser, isUsername } from './account-name.ts';
import { RESERVED } from './billing/recurring-charge.ts';
import { isReservedReference } from './books/ledger.ts';
import { hasPlainYear, isCalendarDay } from './day.ts';
import { isEmailAddress } from './email-address.ts';
import { isDecimal, isRate, toMicros } from './money.ts';
import { dialledNumber, tenDigits } from './phone-number.ts';
import { InvalidValue, type PlainProblem } from './problem.ts';
import { InvalidPrefix, readPrefix } from './rating/prefix.ts';
import { SUBSCRIPTIONS } from './webhook/endpoint.ts';

const LONGEST_TEXT = 200;
const LONGEST_MINIMUM_SECONDS = 3_600;

export { InvalidValue };

/** Reads a text that may be entered as it is. @param key names what the text must be */
const accepted =
  (key: PlainProblem, isValid: (text: string) => boolean) =>
  (text: string): string => {
    if (!isValid(text)) throw new InvalidValue({ key });
    return text;
  };

/** Ten digits, the first from 1 to 9; the account need not exist. @throws InvalidValue */
export function username(text: string): number {
  if (!isUsername(text)) throw new InvalidValue({ key: 'username' });
  return Number(text);
}

/** A whole number within bounds, both included. */
export function wholeNumber(text: string, least: number, most: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw new InvalidValue({ key: 'wholeNumber', least, most });
  }
  return value;
}

/** One of a few words. */
export function oneOf<Word extends string>(text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (!found) throw new InvalidValue({ key: 'oneOf', words });
  return found;
}

/** Reads a value that may be removed: null for `none`. */
export function orNone<Value>(read: (text: string) => Value): (text: string) => Value | null {
  return (text) => (text === 'none' ? null : read(text));
}

/** A record's id. */
export const recordId = (text: string) => wholeNumber(text, 1, Number.MAX_SAFE_INTEGER);

/** An amount above zero. */
export const amount = accepted('amount', (text) => isDecimal(text) && toMicros(text) > 0n);

const isZeroOrMore = (text: string) => isDecimal(text) && !text.startsWith('-');

/** An amount a month, 0 or more. */
export const monthlyAmount = accepted('monthlyAmount', isZeroOrMore);

/** An amount, 0 or more. */
export const moneyOrMore = accepted('moneyOrMore', isZeroOrMore);

/** A price list's name; `none` means that there is none. */
export const listName = accepted(
  'listName',
  (text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(text) && text !== 'none',
);

/** First digits of numbers, the country code first. */
export function prefix(text: string): string {
  try {
    return readPrefix(text);
  } catch (error) {
    if (!(error instanceof InvalidPrefix)) throw error;
    throw new InvalidValue({ key: 'prefix', fault: error.fault });
  }
}

export const rate = accepted('rate', isRate);

/** `minimum/increment` in seconds. */
export function increment(text: string): { minimumSeconds: number; incrementSeconds: number } {
  const [, first, second] = /^([0-9]{1,4})\/([0-9]{1,4})$/.exec(text) ?? [];
  const [minimumSeconds, incrementSeconds] = [Number(first), Number(second)];
  if (
    !(minimumSeconds <= LONGEST_MINIMUM_SECONDS) ||
    !(incrementSeconds >= 1 && incrementSeconds <= LONGEST_MINIMUM_SECONDS)
  ) {
    throw new InvalidValue({ key: 'increment', most: LONGEST_MINIMUM_SECONDS });
  }
  return { minimumSeconds, incrementSeconds };
}

/** Ten digits, or `none` if no caller ID is to be shown. */
export function callerId(text: string): string {
  if (text === '' || text === 'none') return '';
  const number = tenDigits(text);
  if (number === undefined) throw new InvalidValue({ key: 'callerId' });
  return number;
}

/** A number that an account can have, as `dialledNumber` writes it. */
export function assignableNumber(text: string): string {
  const number = dialledNumber(text);
  if (number === undefined || !/^\+?[0-9]{2,15}$/.test(number)) {
    throw new InvalidValue({ key: 'assignableNumber' });
  }
  return number;
}

/** A number as it is dialled. */
export function calledNumber(text: string): string {
  const number = dialledNumber(text);
  if (number === undefined) throw new InvalidValue({ key: 'calledNumber' });
  return number;
}

/** `on` or `off`. */
export function onOff(text: string): boolean {
  if (text !== 'on' && text !== 'off') throw new InvalidValue({ key: 'onOff' });
  return text === 'on';
}

export const accountName = accepted('accountName', isAccountName);

export const email = accepted('email', isEmailAddress);

// To look a time zone up takes a millisecond, and an import asks for each account.
const timeZones = new Map<string, string>();
const MOST_TIME_ZONES = 1_000;

/** A time zone of the IANA database, in its usual letter case. */
export function timeZone(text: string): string {
  const known = timeZones.get(text) ?? findTimeZone(text);
  if (timeZones.size < MOST_TIME_ZONES) timeZones.set(text, known);
  return known;
}

function findTimeZone(text: string): string {
  try {
    if (!/^[A-Za-z]/.test(text)) throw new RangeError();
    const known = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
    // An alias such as Asia/Kolkata stays as it is; for all others the letter case is corrected.
    return known.toLowerCase() === text.toLowerCase() ? known : text;
  } catch {
    throw new InvalidValue({ key: 'timeZone' });
  }
}

/** A country code of ISO 3166-1. Whether it has a numbering plan is checked later. */
export function country(text: string): string {
  if (!/^[A-Za-z]{2}$/.test(text)) throw new InvalidValue({ key: 'country' });
  return text.toUpperCase();
}

/** A calendar month. */
export const month = accepted('month', (text) => /^20[0-9]{2}-(0[1-9]|1[0-2])$/.test(text));

/** Text for people: reasons, references, searches. */
export function words(text: string): string {
  if (text.trim() === '' || text.length > LONGEST_TEXT || /\p{Cc}/u.test(text)) {
    throw new InvalidValue({ key: 'words', most: LONGEST_TEXT });
  }
  return text.trim().toWellFormed();
}

/** A reference of a ledger entry. The service's own references are refused. */
export function reference(text: string): string {
  const given = words(text);
  if (isReservedReference(given)) throw new InvalidValue({ key: 'reservedReference' });
  return given;
}

/** The name that another system has for an account. */
export const externalId = accepted(
  'externalId',
  (text) => /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(text) && text !== 'none',
);

/** The user of an account's phones. */
export const sipUser = accepted('sipUser', isSipUser);

/** What stands between commas or blanks. */
const listed = (text: string) => text.split(/[\s,]+/).filter(Boolean);

/** One or more of some words, each once. */
function someOf<Word extends string>(
  key: 'scopes' | 'subscriptions',
  words: readonly Word[],
  text: string,
): Word[] {
  const given = [...new Set(listed(text))] as Word[];
  const unknown = given.find((word) => !words.includes(word));
  if (unknown !== undefined || given.length === 0) {
    throw new InvalidValue({ key, unknown: unknown ?? '', words });
  }
  return given;
}

/** Scopes of an operator key, separated by commas or blanks. */
export const scopes = (text: string): Scope[] => someOf('scopes', SCOPES, text);

/** What a webhook endpoint subscribes to, separated by commas or blanks. */
export const subscriptions = (text: string) => someOf('subscriptions', SUBSCRIPTIONS, text);

/** A service's description, which must not be the name of a sum in `mrc`. */
export function serviceDescription(text: string): string {
  const description = words(text);
  if (RESERVED.has(description)) {
    throw new InvalidValue({ key: 'reserved', words: [...RESERVED] });
  }
  return description;
}

/** 1 to 64 letters, digits, dots, dashes or underscores. */
export const promotionCode = accepted('promotionCode', (text) =>
  /^[A-Za-z0-9._-]{1,64}$/.test(text),
);

/** The end of a day in UTC, or a time with its zone; not in the past. */
export function until(text: string): Date {
  const end = dayOrMoment(text, 'T23:59:59.999Z');
  if (!end) throw new InvalidValue({ key: 'until' });
  if (end.getTime() <= Date.now()) throw new InvalidValue({ key: 'past' });
  return end;
}

/** The start of a day in UTC, or a time with its zone. */
export function from(text: string): Date {
  const start = dayOrMoment(text, 'T00:00:00Z');
  if (!start) throw new InvalidValue({ key: 'from' });
  return start;
}

/** @param time time of day for a text that is only a day */
function dayOrMoment(text: string, time: string): Date | undefined {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
  const isMoment = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)$/.test(text);
  const moment = new Date(isDay ? `${text}${time}` : text);
  const exists = isCalendarDay(text.slice(0, 10));
  return (isDay || isMoment) && exists && hasPlainYear(moment) ? moment : undefined;
}

/** A feed's name, which is the user of its credentials. */
export const feedName = accepted('feedName', (text) => /^[a-z0-9][a-z0-9._-]{0,62}$/.test(text));

/** An address or a CIDR. */
export function network(text: string): string {
  const [address = ''] = text.split('/');
  const isWhole = address.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isWhole || !(ipaddr.isValidCIDR(text) || ipaddr.isValid(text))) {
    throw new InvalidValue({ key: 'network' });
  }
  return text;
}

/** Addresses or CIDRs, separated by blanks or commas. */
export const networks = (text: string) => listed(text).map(network);
