/**
 * Money, in the installation's currency, as a decimal string with at most six places, such as
 * `-12.5` or `0.017500`.
 */
export type Decimal = string;

const PLACES = 6;
// The ranges of the columns of amounts, numeric(18, 6), and of rates, numeric(12, 6).
export const AMOUNT = /^-?[0-9]{1,12}(\.[0-9]{1,6})?$/;
const RATE = /^[0-9]{1,6}(\.[0-9]{1,6})?$/;
const SUM = /^(-?)([0-9]{1,32})(?:\.([0-9]{1,6}))?$/;

/** Whether a value from outside is an amount: at most 999999999999.999999, of any sign. */
export function isDecimal(value: unknown): value is Decimal {
  return typeof value === 'string' && AMOUNT.test(value);
}

/** Whether a value from outside is a rate: money per minute from 0 to 999999.999999. */
export function isRate(value: unknown): value is Decimal {
  return typeof value === 'string' && RATE.test(value);
}

/**
 * An amount, or a sum of amounts of any size, in millionths.
 * @throws RangeError if the text is not a decimal
 */
export function toMicros(decimal: Decimal): bigint {
  const parts = SUM.exec(decimal);
  if (!parts) throw new RangeError(`not a decimal with at most six places: ${decimal}`);
  const [, sign, whole = '', fraction = ''] = parts;
  const micros = BigInt(whole + fraction.padEnd(PLACES, '0'));
  return sign ? -micros : micros;
}

/** Millionths of money as a decimal string with all six places. */
export function fromMicros(micros: bigint): Decimal {
  const sign = micros < 0n ? '-' : '';
  const digits = (micros < 0n ? -micros : micros).toString().padStart(PLACES + 1, '0');
  return `${sign}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}

/** The sum of amounts, with all six places. */
export function sumOf(amounts: Decimal[]): Decimal {
  return fromMicros(amounts.reduce((sum, amount) => sum + toMicros(amount), 0n));
}

/** The same amount with the other sign. */
export function negated(decimal: Decimal): Decimal {
  return fromMicros(-toMicros(decimal));
}
