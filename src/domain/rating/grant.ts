import { type Decimal, toMicros } from '../money.ts';

/** What an account pays for calls to a number. */
export interface CallPrice {
  /** dollars per minute */
  rate: Decimal;
  minimumSeconds: number;
  incrementSeconds: number;
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
  const rateMicros = toMicros(price.rate);
  const wanted = billedSeconds(price, elapsed + holdSeconds);
  if (rateMicros === 0n || spendable === null) {
    return { maxSeconds: holdSeconds, amountMicros: cost(rateMicros, wanted) };
  }
  const available = toMicros(spendable) - heldMicros;
  const affordable = available > 0n ? Number((available * 60n) / rateMicros) : 0;
  if (wanted <= affordable) {
    return { maxSeconds: holdSeconds, amountMicros: cost(rateMicros, wanted) };
  }
  const whole = Math.floor(affordable / increment) * increment;
  if (affordable < minimum || whole <= elapsed) return undefined;
  return {
    maxSeconds: Math.min(holdSeconds, whole - elapsed),
    amountMicros: cost(rateMicros, Math.max(minimum, whole)),
  };
}

/** What a call of some seconds is billed, in millionths of a dollar. */
export function billedMicros(price: CallPrice, seconds: number): bigint {
  return cost(toMicros(price.rate), billedSeconds(price, seconds));
}

function billedSeconds({ minimumSeconds, incrementSeconds }: CallPrice, seconds: number): number {
  return Math.max(minimumSeconds, Math.ceil(seconds / incrementSeconds) * incrementSeconds);
}

/** Rounded half up, as calls are billed. */
function cost(rateMicros: bigint, seconds: number): bigint {
  return (rateMicros * BigInt(seconds) + 30n) / 60n;
}
