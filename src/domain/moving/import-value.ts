import { readSetting } from '../account/account-setting.ts';
import { hasPlainYear, isCalendarDay } from '../day.ts';
import * as entered from '../entered-values.ts';
import { type Decimal, fromMicros, toMicros } from '../money.ts';

/** A value of a row is not valid. */
export class MemberFault extends Error {}

/** How the texts of a file become values. */
export interface ReadingOptions {
  /** what one unit of another currency is worth in the installation's, by code */
  currencies: Record<string, Decimal>;
  /** rates with more than six places are rounded */
  roundRates: boolean;
}

/** Reads the text of a member, which is not empty. @throws InvalidValue, MemberFault */
export type ReadMember = (text: string, options: ReadingOptions) => unknown;

const YES = new Set(['true', 't', '1', 'yes', 'y', 'on']);
const NO = new Set(['false', 'f', '0', 'no', 'n', 'off']);

function yesNo(text: string): boolean {
  const word = text.toLowerCase();
  if (YES.has(word)) return true;
  if (NO.has(word)) return false;
  throw new MemberFault('Must be true or false');
}

/** A time as databases write it; without a zone it is UTC. */
export function moment(text: string): Date {
  const form =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/;
  const [, day = '', time = '00:00', zone = 'Z'] = form.exec(text) ?? [];
  const at = new Date(`${day}T${time}${/^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone}`);
  if (!isCalendarDay(day) || !hasPlainYear(at)) {
    throw new MemberFault('Must be a time such as 2030-12-31 18:00:00');
  }
  return at;
}

/** Whether an address was verified: yes, no, or since when. */
export const verified = (text: string): boolean | Date =>
  /^\d{4}-/.test(text) ? moment(text) : yesNo(text);

/** A decimal with zeros beyond the sixth place dropped, because they add nothing. */
function decimal(text: string): Decimal {
  const plain = text
    .replace(/(\.\d{6})0+$/, '$1')
    .replace(/^(-?)\./, '$10.')
    .replace(/\.$/, '');
  if (/^-?\d+\.\d{7,}$/.test(plain)) throw new MemberFault('Must have at most six decimals');
  return plain;
}

/** An amount of any sign. */
export const money: ReadMember = (text) => {
  const value = decimal(text);
  const read = entered.moneyOrMore(value.replace(/^-/, ''));
  return value.startsWith('-') ? `-${read}` : read;
};

/** An amount, 0 or more. */
export const moneyOrMore: ReadMember = (text) => entered.moneyOrMore(decimal(text));

/** An amount per minute; rounded half up to six places where the options want it. */
export const rate: ReadMember = (text, { roundRates }) => {
  const [, whole = '', kept = '', next = '0'] = /^(\d+)\.(\d{6})(\d)\d*$/.exec(text) ?? [];
  if (!roundRates || whole === '') return entered.rate(decimal(text));
  return entered.rate(fromMicros(BigInt(whole + kept) + (next >= '5' ? 1n : 0n)));
};

/** Whole seconds of an interval of billing. */
export const seconds =
  (least: number): ReadMember =>
  (text) =>
    entered.wholeNumber(text, least, 3_600);

/** A setting of accounts, read as the command reads it. */
export const setting =
  (name: Parameters<typeof readSetting>[0]): ReadMember =>
  (text) =>
    (readSetting(name, text) as Record<string, unknown>)[name];

/** A switch of accounts, in any of the usual words. */
export const onOff: ReadMember = yesNo;

/** Converts an amount at a rate; half a millionth is rounded away from zero. */
export function converted(amount: Decimal, rateOfUnit: Decimal): Decimal {
  const product = toMicros(amount) * toMicros(rateOfUnit);
  const half = product < 0n ? -500_000n : 500_000n;
  return fromMicros((product + half) / 1_000_000n);
}
