/** Dollars as a decimal string with at most six places, such as `-12.5` or `0.017500`. */
export type Decimal = string;

const PLACES = 6;
const DECIMAL = /^(-?)([0-9]{1,12})(?:\.([0-9]{1,6}))?$/;

export function isDecimal(value: unknown): value is Decimal {
  return typeof value === 'string' && DECIMAL.test(value);
}

/** The amount in millionths of a dollar. @throws RangeError where the text is no decimal */
export function toMicros(decimal: Decimal): bigint {
  const parts = DECIMAL.exec(decimal);
  if (!parts) throw new RangeError(`not a decimal with at most six places: ${decimal}`);
  const [, sign, whole = '', fraction = ''] = parts;
  const micros = BigInt(whole + fraction.padEnd(PLACES, '0'));
  return sign ? -micros : micros;
}

/** Millionths of a dollar as a decimal string with all six places. */
export function fromMicros(micros: bigint): Decimal {
  const sign = micros < 0n ? '-' : '';
  const digits = (micros < 0n ? -micros : micros).toString().padStart(PLACES + 1, '0');
  return `${sign}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}

/** The same amount with the other sign. */
export function negated(decimal: Decimal): Decimal {
  return fromMicros(-toMicros(decimal));
}
