import { type Decimal, toMicros } from '../money.ts';

/** What an account pays for calls to a number. */
export interface CallPrice {
  /** money per minute */
  rate: Decimal;
  minimumSeconds: number;
  incrementSeconds: number;
  /** money for each answered call */
  connectFee: Decimal;
  /** the least that an answered call costs */
  minimumCharge: Decimal;
}

/**
 * How long a call may last, and what it costs until then.
 * @param spendable what may be spent; null: any amount
 * @param heldMicros the part of it that other calls hold, in millionths
 * @param elapsed seconds since the call was first allowed; its record will contain them too
 * @param holdSeconds the most seconds to grant
 * @returns undefined if the balance is too low for the minimum, or for one more second
 */
export function grant(
  price: CallPrice & { spendable: Decimal | null },
  heldMicros: bigint,
  elapsed: number,
  holdSeconds: number,
): { maxSeconds: number; amountMicros: bigint } | undefined {
  const { minimumSeconds: minimum, incrementSeconds: increment, spendable } = price;
  const wanted = billedSeconds(price, elapsed + holdSeconds);
  const whole = { maxSeconds: holdSeconds, amountMicros: cost(price, wanted) };
  if (isFree(price) || spendable === null) return whole;
  const available = toMicros(spendable) - heldMicros;
  if (available < toMicros(price.minimumCharge)) return undefined;
  const left = available - toMicros(price.connectFee);
  const rateMicros = toMicros(price.rate);
  if (rateMicros === 0n) return left >= 0n ? whole : undefined;
  const affordable = left > 0n ? Number((left * 60n) / rateMicros) : 0;
  if (wanted <= affordable) return whole;
  const seconds = Math.floor(affordable / increment) * increment;
  if (affordable < minimum || seconds <= elapsed) return undefined;
  return {
    maxSeconds: Math.min(holdSeconds, seconds - elapsed),
    amountMicros: cost(price, Math.max(minimum, seconds)),
  };
}

/** Whether calls of any length cost nothing. */
export function isFree({ rate, connectFee, minimumCharge }: CallPrice): boolean {
  return [rate, connectFee, minimumCharge].every((amount) => toMicros(amount) === 0n);
}

/** The cost of a call of some seconds, in millionths. */
export function billedMicros(price: CallPrice, seconds: number): bigint {
  return cost(price, billedSeconds(price, seconds));
}

function billedSeconds({ minimumSeconds, incrementSeconds }: CallPrice, seconds: number): number {
  return Math.max(minimumSeconds, Math.ceil(seconds / incrementSeconds) * incrementSeconds);
}

/** Rounded half up, as answered calls are billed. */
function cost({ rate, connectFee, minimumCharge }: CallPrice, seconds: number): bigint {
  const micros = toMicros(connectFee) + (toMicros(rate) * BigInt(seconds) + 30n) / 60n;
  const least = toMicros(minimumCharge);
  return micros > least ? micros : least;
}
