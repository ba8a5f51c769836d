import { type Decimal, toMicros } from '../money.ts';

/** What an account pays for calls to a number. */
export interface CallPrice {
  /** dollars per minute */
  rate: Decimal;
  minimumSeconds: number;
  incrementSeconds: number;
  /** dollars for each answered call */
  connectFee: Decimal;
  /** what an answered call costs at least, in dollars */
  minimumCharge: Decimal;
}

/**
 * How long a call may go on, and what it costs until then.
 * @param spendable what may be spent, in dollars; null: any amount
 * @param heldMicros of that, what is held for other calls, in millionths
 * @param elapsed seconds since the call was allowed first, which its record will tell, too
 * @param holdSeconds the most that is granted
 * @returns undefined where the balance does not reach for the minimum, or for another second
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

/** Whether calls cost nothing, however long they are. */
export function isFree({ rate, connectFee, minimumCharge }: CallPrice): boolean {
  return [rate, connectFee, minimumCharge].every((dollars) => toMicros(dollars) === 0n);
}

/** What a call of some seconds is billed, in millionths of a dollar. */
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
