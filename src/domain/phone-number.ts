/** How a country's numbers are dialled. */
export interface NumberingPlan {
  callingCode: string;
  /** what is dialled before a country code, up to the code */
  internationalPrefix: RegExp;
  /** Puts the country code before a number that is dialled without; another one stays as it is. */
  withCallingCode: (dialled: string) => string;
  /** shorter ones, such as 911, are known within a country or a company alone */
  leastDialled: number;
}

const LEAST_INTERNATIONAL = 8;
const TEN_DIGITS = /^([2-9][0-9]{2}[2-9][0-9]{6})$/;

/** 011 is how North America, 00 how most others dial abroad. */
export const NORTH_AMERICA: NumberingPlan = {
  callingCode: '1',
  internationalPrefix: /^(?:011|00)(?=[1-9])/,
  withCallingCode: (dialled) => dialled.replace(TEN_DIGITS, '1$1'),
  leastDialled: LEAST_INTERNATIONAL,
};

const SCHEME = /^(?:sips?|tel):/i;
/** RFC 3261, 25.1: a URI in angle brackets, behind a display name or none. */
const NAME_ADDRESS = /^(?:[^"<]*|\s*"(?:[^"\\]|\\.)*"\s*)<([^<>]*)>/s;
/** RFC 3966, 3: visual separators; people type blanks as well. */
const SEPARATORS = /[ ().-]/g;
const SERVICE_CODE = /^[*#][0-9*#]{1,7}$/;
export const NORTH_AMERICAN = /^\+1([2-9][0-9]{2}[2-9][0-9]{6})$/;

/** E.164, 6.2.1 */
const MOST_INTERNATIONAL = 15;

/**
 * The number that a text dials: a SIP or tel URI, with or without angle brackets, its user part, or
 * what a person types. All spellings of one number give the same text, by which numbers are stored
 * and compared: ten digits where it is North American, else a plus and the country code, or digits
 * as they are where they have none (911, 02055501234). A service code (*98) stays as it is.
 *
 * Sources: RFC 3261, 19.1.4 (an escaped digit is the digit; parameters are not part of a number) and
 * RFC 3966 (global and local numbers). Takes time linear in the length.
 * @returns undefined where there is no number, or one that a trunk might dial as another: letters,
 *   what is escaped twice, +0…, 011 or 00 before a 0, the country code 1 before a 0 or 1, digits of
 *   another country by `;phone-context=`
 */
export function dialledNumber(text: string, plan = NORTH_AMERICA): string | undefined {
  return readDialled(text, plan)?.called;
}

/** The same where there is a number, else the text itself, as records of calls that were made keep it. */
export function plainNumber(text: string, plan = NORTH_AMERICA): string {
  return dialledNumber(text, plan) ?? text;
}

/**
 * As `dialledNumber`, and what was dialled: digits with a plus or without, undefined where they are
 * the number. By them the number of an account that dials as another country does is told, also
 * where they are none in the country of the plan.
 * @returns undefined where the text dials nothing in any country
 */
export function readDialled(
  text: string,
  plan = NORTH_AMERICA,
): { called: string | undefined; dialled: string | undefined } | undefined {
  if (plan === NORTH_AMERICA && TEN_DIGITS.test(text)) return { called: text, dialled: undefined };
  const [, subscriber = '', parameters = ''] = /^([^;]*)(.*)$/s.exec(userPart(text) ?? '') ?? [];
  if (isForeign(parameters, plan)) return undefined;
  const dialled = unescaped(subscriber)?.replace(SEPARATORS, '') ?? '';
  if (SERVICE_CODE.test(dialled)) return { called: dialled, dialled: undefined };
  if (!/^\+?[0-9]+$/.test(dialled)) return undefined;
  const called = canonical(dialled, plan);
  return { called, dialled: called === dialled ? undefined : dialled };
}

/** A number of `dialledNumber` as any trunk dials it: also North American ones begin with a plus. */
export function internationalNumber(number: string): string {
  return NORTH_AMERICAN.test(`+1${number}`) ? `+1${number}` : number;
}

/** What is looked for in numbers when a person types a number, or a part of one. */
export function searchedNumber(text: string): string {
  return plainNumber(text).replace(/^\+/, '');
}

/** A North American number as people type it, without its country code. */
export function tenDigits(text: string): string | undefined {
  return /^(?:\+?1)?([0-9]{10})$/.exec(text.replace(SEPARATORS, ''))?.[1];
}

function userPart(text: string): string | undefined {
  const address = /[<>]/.test(text) ? NAME_ADDRESS.exec(text)?.[1] : text;
  const [user = '', ...hosts] = (address ?? '').trim().replace(SCHEME, '').split('@', 3);
  if (hosts.length > 1) return undefined;
  // A password may stand behind the user.
  return hosts.length === 1 ? user.split(':', 1)[0] : user;
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** RFC 3966, 5.1.5: the digits belong to a country, as `;phone-context=+53` says. */
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
