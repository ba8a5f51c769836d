import type { AccountDetails } from '../../domain/account/account-directory.ts';
import type { UsageStep } from '../../domain/calls/usage.ts';
import { addDays, type Day, dayOf } from '../../domain/day.ts';
import { type Decimal, sumOf, toMicros } from '../../domain/money.ts';

const PACE_DAYS = 30;
const DAY_MS = 86_400_000;

/** What calls cost, in the months that a customer compares. */
export interface Spend {
  thisMonth: Decimal;
  /** of the last month, until the same day */
  sameDays: Decimal;
  lastMonth: Decimal;
  /** in the last 30 days */
  recent: Decimal;
}

/** @param days the calls by day since the first of the last month */
export function spendOf(days: UsageStep[], today: Day, timeZone: string): Spend {
  const dated = days.map(({ start, amount }) => ({ day: dayOf(start, timeZone), amount }));
  const month = today.slice(0, 7);
  const first = addDays(today, 1 - PACE_DAYS);
  const sum = (counts: (day: Day) => boolean) =>
    sumOf(dated.filter(({ day }) => counts(day)).map(({ amount }) => amount));
  const isLast = (day: Day) => !day.startsWith(month);
  return {
    thisMonth: sum((day) => day.startsWith(month)),
    sameDays: sum((day) => isLast(day) && day.slice(8) <= today.slice(8)),
    lastMonth: sum(isLast),
    recent: sum((day) => day >= first),
  };
}

/**
 * For how many days the balance of a prepaid account lasts, at the pace of the last 30 days and
 * with its monthly charges; undefined if nothing is spent, or if another account or an invoice
 * pays.
 */
export function daysLeft(
  account: AccountDetails,
  { recent, monthly }: { recent: Decimal; monthly: Decimal },
  now: Date,
): number | undefined {
  const { username, masterAccount, billing, cash, createdAt } = account;
  if (username !== masterAccount || billing !== 'prepaid') return undefined;
  const age = Math.ceil((now.getTime() - createdAt.getTime()) / DAY_MS);
  const paceDays = BigInt(Math.min(PACE_DAYS, Math.max(1, age)));
  const spent = toMicros(recent) * BigInt(PACE_DAYS) + toMicros(monthly) * paceDays;
  if (spent <= 0n || toMicros(cash) <= 0n) return undefined;
  return Number((toMicros(cash) * BigInt(PACE_DAYS) * paceDays) / spent);
}
