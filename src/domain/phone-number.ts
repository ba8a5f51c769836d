/** How a country's numbers are dialled. */
export interface NumberingPlan {
  callingCode: string;
  /** digits that are dialled before a country code */
  internationalPrefix: RegExp;
  /** Adds the country code if a number was dialled without it. */
  withCallingCode: (dialled: string) => string;
  /** shorter numbers, such as 911, are valid only within a country or a company */
  leastDialled: number;
}

const LEAST_INTERNATIONAL = 8;
const TEN_DIGITS = /^([2-9][0-9]{2}[2-9][0-9]{6})$/;

/** The international prefix is 011 in North America and 00 in most other countries. */
export const NORTH_AMERICA: NumberingPlan = {
  callingCode: '1',
  internationalPrefix: /^(?:011|00)(?=[1-9])/,
  withCallingCode: (dialled) => dialled.replace(TEN_DIGITS, '1$1'),
  leastDialled: LEAST_INTERNATIONAL,
};

const SCHEME = /^(?:sips?|tel):/i;
/** RFC 3261, 25.1: a URI in angle brackets, with or without a display name before it. */
const NAME_ADDRESS = /^(?:[^"<]*|\s*"(?:[^"\\]|\\.)*"\s*)<([^<>]*)>/s;
/** RFC 3966, 3: visual separators; people also type blanks. */
const SEPARATORS = /[ ().-]/g;
// The usual spellings of a North American number, which are read several times as fast as others.
const USUAL = /^(?:\+?1)?([2-9][0-9]{2}[2-9][0-9]{6})$/;
const DIGITS = /^\+?[0-9]+$/;
const SERVICE_CODE = /^[*#][0-9*#]{1,7}$/;
// The numbers of Niue and Tokelau.
const SHORT_INTERNATIONAL = /^[2-9][0-9]{6}$/;
const NORTH_AMERICAN = /^\+1([2-9][0-9]{2}[2-9][0-9]{6})$/;

// Too short to be a number of another country.
const LONGEST_HELP = 3;

/** E.164, 6.2.1 */
const MOST_INTERNATIONAL = 15;

/**
 * The number that a text dials. The text is a SIP or tel URI, with or without angle brackets, its
 * user part, or typed by a person. All spellings of a number give the same result, which is stored
 * and compared: ten digits for North America, else a plus and the country code. Digits without a
 * country code (911, 02055501234) and service codes (*98) stay unchanged.
 *
 * Sources: RFC 3261, 19.1.4 (an escaped digit is the digit; parameters are not part of a number)
 * and RFC 3966 (global and local numbers). Takes time linear in the length.
 * @returns undefined if there is no number, or if a trunk might dial another number: letters,
 *   double escapes, +0…, 011 or 00 before a 0, the country code 1 before a 0 or 1, digits of
 *   another country by `;phone-context=`, if they are more than three
 */
export function dialledNumber(text: string, plan = NORTH_AMERICA): string | undefined {
  return readDialled(text, plan)?.called;
}

/** The dialled number or, if there is none, the text itself. Call records store this. */
export function plainNumber(text: string, plan = NORTH_AMERICA): string {
  return dialledNumber(text, plan) ?? text;
}

/**
 * As `dialledNumber`, with the dialled digits, which may begin with a plus; they are undefined if
 * they are the number. An account with another country has its number computed from these digits,
 * even if they are no number under this plan.
 * @returns undefined if the text dials nothing in any country
 */
export function readDialled(
  text: string,
  plan = NORTH_AMERICA,
): { called: string | undefined; dialled: string | undefined } | undefined {
  const called = plan === NORTH_AMERICA ? USUAL.exec(text)?.[1] : undefined;
  if (called) return { called, dialled: called === text ? undefined : text };
  const dialled = DIGITS.test(text) ? text : digitsOf(text, plan);
  if (SERVICE_CODE.test(dialled)) return { called: dialled, dialled: undefined };
  if (!DIGITS.test(dialled)) return undefined;
  const number = canonical(dialled, plan);
  return { called: number, dialled: number === dialled ? undefined : dialled };
}

/**
 * A number of `dialledNumber` in the form for trunks: North American ones get a plus, too.
 * @param dialled the digits that it was read from; a short number of another country has no plus, but
 *   was dialled with one or with an international prefix
 */
export function internationalNumber(number: string, dialled = number): string {
  if (NORTH_AMERICAN.test(`+1${number}`)) return `+1${number}`;
  return dialled !== number && SHORT_INTERNATIONAL.test(number) ? `+${number}` : number;
}

/** The text to search numbers for, if a person types a number or a part of one. */
export function searchedNumber(text: string): string {
  return plainNumber(text).replace(/^\+/, '');
}

/** The ten digits of a typed North American number, without the country code. */
export function tenDigits(text: string): string | undefined {
  return /^(?:\+?1)?([0-9]{10})$/.exec(text.replace(SEPARATORS, ''))?.[1];
}

/** The digits, or service code, that a spelling stands for; another text if it is no number. */
function digitsOf(text: string, plan: NumberingPlan): string {
  const [, subscriber = '', parameters = ''] = /^([^;]*)(.*)$/s.exec(userPart(text) ?? '') ?? [];
  const digits = unescaped(subscriber)?.replace(SEPARATORS, '') ?? '';
  // A phone away from home calls for help by 112;phone-context=+49.
  return digits.length > LONGEST_HELP && isForeign(parameters, plan) ? '' : digits;
}

function userPart(text: string): string | undefined {
  const address = /[<>]/.test(text) ? NAME_ADDRESS.exec(text)?.[1] : text;
  const [user = '', ...hosts] = (address ?? '').trim().replace(SCHEME, '').split('@', 3);
  if (hosts.length > 1) return undefined;
  // A password may follow the user.
  return hosts.length === 1 ? user.split(':', 1)[0] : user;
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 3966, 5.1.5: a parameter such as `;phone-context=+53` names the country of the digits. */
function isForeign(parameters: string, { callingCode }: NumberingPlan): boolean {
  const [, code] = /;phone-context=\+([0-9]*)/i.exec(unescaped(parameters) ?? '') ?? [];
  return code !== undefined && !code.startsWith(callingCode);
}

function canonical(dialled: string, plan: NumberingPlan): string | undefined {
  if (dialled.startsWith('+0')) return undefined;
  if (dialled.length < plan.leastDialled) return dialled.replace('+', '');
  const digits = dialled.startsWith('+')
    ? dialled.slice(1)
    : plan.withCallingCode(dialled).replace(plan.internationalPrefix, '');
  if (digits.length < LEAST_INTERNATIONAL) return digits;
  if (/^(?:011|00|1[01])/.test(digits)) return undefined;
  if (digits.startsWith('0') || digits.length > MOST_INTERNATIONAL) return digits;
  return NORTH_AMERICAN.exec(`+${digits}`)?.[1] ?? `+${digits}`;
}
