import type { Queryable } from '../db/database.ts';
import { NORTH_AMERICA, type NumberingPlan } from './phone-number.ts';
import { InvalidValue } from './problem.ts';

/** A row of `numbering_plan`; the SQL function `dialled_number` applies it in the same way. */
export interface PlanRow {
  country: string;
  calling_code: string;
  international_prefix: string;
  national_prefix: string;
  national_rule: string;
  numbers: string;
  bare_numbers: string;
  trunk_prefix: string;
}

/** The country of a feed that has no other setting. */
export const DEFAULT_COUNTRY = 'US';

const plans = new Map<string, { row: string; plan: NumberingPlan }>();

/** @param row null for the default country */
export function planOf(row: PlanRow | null): NumberingPlan {
  if (!row || row.calling_code === NORTH_AMERICA.callingCode) return NORTH_AMERICA;
  const text = JSON.stringify(row);
  const known = plans.get(row.country);
  if (known?.row === text) return known.plan;
  const plan = compile(row);
  plans.set(row.country, { row: text, plan });
  return plan;
}

function compile(row: PlanRow): NumberingPlan {
  const { calling_code: callingCode, national_rule: rule, trunk_prefix: trunk } = row;
  const whole = (text: string) => (text === '' ? /(?!)/ : new RegExp(`^(?:${text})$`));
  const [numbers, bareNumbers] = [whole(row.numbers), whole(row.bare_numbers)];
  const nationalPrefix = new RegExp(`^(?:${row.national_prefix})`);
  const internationalPrefix = new RegExp(`^(?:${row.international_prefix})(?=[1-9])`);
  const withoutPrefix = (dialled: string) => {
    const found = nationalPrefix.exec(dialled);
    if (!found) return dialled;
    const takesRule = rule !== '' && found.slice(1).some((group) => group !== undefined);
    return dialled.replace(nationalPrefix, takesRule ? rule : '');
  };
  const withCallingCode = (dialled: string) => {
    if (internationalPrefix.test(dialled)) return dialled;
    const rest = withoutPrefix(dialled);
    if (rest !== dialled && numbers.test(rest)) return callingCode + rest;
    if (bareNumbers.test(dialled)) return callingCode + dialled;
    const follows = trunk !== '' && dialled.startsWith(trunk) ? dialled.slice(trunk.length) : '';
    const isLong = dialled.length >= NORTH_AMERICA.leastDialled;
    return isLong && /^[1-9]/.test(follows) ? callingCode + follows : dialled;
  };
  return { callingCode, internationalPrefix, withCallingCode, leastDialled: 0 };
}

/**
 * Stores a country's plan in the database, from libphonenumber, which is loaded only here.
 * @param country ISO 3166-1
 * @throws InvalidValue for a country that has no plan
 */
export async function keepPlan(tx: Queryable, country: string): Promise<void> {
  if (country === DEFAULT_COUNTRY) return;
  const row = await readPlan(country);
  const names = Object.keys(row);
  await tx.query(
    `INSERT INTO numbering_plan (${names.join(', ')})
     VALUES (${names.map((_, n) => `$${n + 1}`).join(', ')})
     ON CONFLICT (country) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    Object.values(row),
  );
}

/** Members of libphonenumber-js's metadata that its types do not declare. */
interface Found {
  callingCode(): string;
  IDDPrefix(): string | undefined;
  nationalPrefix(): string | undefined;
  nationalPrefixForParsing(): string | undefined;
  nationalPrefixTransformRule(): string | undefined;
  nationalNumberPattern(): string;
  formats(): {
    pattern(): string;
    leadingDigitsPatterns(): string[];
    usesNationalPrefix(): boolean;
  }[];
}

/** @throws InvalidValue for a country that has no plan */
export async function readPlan(country: string): Promise<PlanRow> {
  const { isSupportedCountry, Metadata } = await import('libphonenumber-js');
  if (!isSupportedCountry(country)) throw new InvalidValue({ key: 'country' });
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  const found = metadata.numberingPlan as unknown as Found;
  const prefix = found.nationalPrefixForParsing() ?? '';
  const trunk = found.nationalPrefix() ?? '';
  const numbers = found.nationalNumberPattern();
  return {
    country,
    calling_code: found.callingCode(),
    // Before fewer digits it is none: 003 is an emergency number in Uzbekistan.
    international_prefix: `(?:${found.IDDPrefix() ?? '00'})(?=[0-9]{4})`,
    national_prefix: prefix,
    national_rule: found.nationalPrefixTransformRule() ?? '',
    numbers,
    bare_numbers: prefix === '' ? numbers : bareNumbers(found),
    trunk_prefix: /^0[0-9]*$/.test(trunk) ? trunk : '',
  };
}

/** Pattern of numbers that are written without the national prefix, though others have it. */
function bareNumbers(found: Found): string {
  const formats = found.formats();
  const bare = formats
    .filter((format) => !format.usesNationalPrefix())
    .map((format) => {
      const leading = format.leadingDigitsPatterns().at(-1);
      return `${leading ? `(?=${leading})` : ''}${format.pattern()}`;
    });
  const numbers = found.nationalNumberPattern();
  if (formats.length === 0) return numbers;
  return bare.length > 0 ? `(?=(?:${numbers})$)(?:${bare.join('|')})` : '';
}
