import type { Queryable } from '../db/database.ts';

/** A calendar day such as `2026-11-24`. */
export type Day = string;

/** Whole days, both included, in a time zone. */
export interface DayRange {
  from: Day;
  to: Day;
  timeZone: string;
}

/**
 * SQL: the times at which the days of a range begin, and the time at which the last day ends.
 * @param from SQL of the first day, `to` of the last, `zone` of the time zone
 */
export const dayEdges = (from: string, to: string, zone: string) =>
  `SELECT array_agg(day AT TIME ZONE ${zone} ORDER BY day) AS edges
  FROM generate_series(${from}::timestamp, ${to}::timestamp + interval '1 day', interval '1 day') day`;

/** The calendar day of a time in a time zone. */
export function dayOf(at: Date, timeZone: string): Day {
  // Swedish dates have the form of ISO 8601.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(at);
}

/** Whether the calendar has a day, which a text of its form may not be: `2030-02-31`. */
export function isCalendarDay(text: string): boolean {
  // JavaScript reads 31 February as a day of the next month, or not at all.
  const at = new Date(`${text}T00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/**
 * Whether a time is of the years 1 to 9999. RFC 3339 has no others, and PostgreSQL and JavaScript
 * write them differently.
 */
export function hasPlainYear(at: Date): boolean {
  const year = at.getUTCFullYear();
  return year >= 1 && year <= 9999;
}

/** @param days may be negative */
export function addDays(day: Day, days: number): Day {
  return new Date(Date.parse(`${day}T00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

/** The moments at the beginning and after the end of days. */
export async function momentsOf(
  db: Queryable,
  { from, to, timeZone }: DayRange,
): Promise<{ from: Date; to: Date }> {
  const [moments] = await db.query<{ from: Date; to: Date }>(
    `SELECT $1::timestamp AT TIME ZONE $3 AS "from",
       ($2::timestamp + interval '1 day') AT TIME ZONE $3 AS "to"`,
    [from, to, timeZone],
  );
  if (!moments) throw new Error('a SELECT of values gave no row');
  return moments;
}
