import type { FastifyRequest } from 'fastify';
import { isUsername } from '../../domain/account-name.ts';
import type { CallFilter } from '../../domain/calls/call-list.ts';
import { OUTCOME_CHOICES, type OutcomeChoice } from '../../domain/calls/call-outcome.ts';
import type { UsageUnit } from '../../domain/calls/usage.ts';
import { addDays, type Day, type DayRange, dayOf, isCalendarDay } from '../../domain/day.ts';
import { queryText } from '../input.ts';
import { type Subject, scopeOf } from './subject.ts';

const DEFAULT_DAYS = 7;
const LONGEST_SEARCH = 100;
// With more steps the bars would be too thin to distinguish.
export const MOST_DAYS: Record<UsageUnit, number> = { hour: 7, day: 92, month: 3_660 };
const UNITS = ['hour', 'day', 'month'] as const;

/** The calls that a page asks for. */
export interface CallQuery extends CallFilter {
  /**
   * unit of the plots: the requested one, or a larger one if the range would have too many steps
   */
  unit: UsageUnit;
  /** the list continues after this page */
  after: string;
  days: number;
}

/**
 * Reads the range of calls from the query; a wrong or missing day means the last week. An account
 * that pays may choose one of its sub-accounts; other accounts see their own calls.
 */
export function callQuery(request: FastifyRequest, subject: Subject, now: Date): CallQuery {
  const { timeZone } = subject;
  const range = dayRange(request, timeZone, now);
  const days = Math.round((Date.parse(range.to) - Date.parse(range.from)) / 86_400_000) + 1;
  const asked = queryText(request, 'by');
  const least = UNITS.find((unit) => unit === asked) ?? 'day';
  const fitting = UNITS.slice(UNITS.indexOf(least)).find((unit) => days <= MOST_DAYS[unit]);
  const search = queryText(request, 'search').slice(0, LONGEST_SEARCH).trim();
  const scope = scopeOf(subject);
  const chosen = queryText(request, 'account');
  if (scope.account === undefined && isUsername(chosen)) scope.account = Number(chosen);
  return {
    scope,
    range,
    search,
    outcome: queryOutcome(request),
    unit: fitting ?? 'month',
    days,
    after: queryText(request, 'after'),
  };
}

/** The outcome of the query; undefined: any. */
export function queryOutcome(request: FastifyRequest): OutcomeChoice | undefined {
  return OUTCOME_CHOICES.find((known) => known === queryText(request, 'outcome'));
}

/** The days of the query, in a time zone; a wrong or missing day means the last week. */
export function dayRange(request: FastifyRequest, timeZone: string, now: Date): DayRange {
  const today = dayOf(now, timeZone);
  const to = calendarDay(queryText(request, 'to')) ?? today;
  const from = calendarDay(queryText(request, 'from')) ?? addDays(to, 1 - DEFAULT_DAYS);
  return from <= to ? { from, to, timeZone } : { from: to, to: from, timeZone };
}

/** The same calls as the query of an address. @param other members that differ or are added */
export function callAddress(
  path: string,
  { scope, range, search, outcome, unit }: CallQuery,
  other: Record<string, string> = {},
): string {
  const query = new URLSearchParams({ from: range.from, to: range.to });
  if (search) query.set('search', search);
  if (outcome) query.set('outcome', outcome);
  if (scope.account) query.set('account', String(scope.account));
  if (unit !== 'day') query.set('by', unit);
  for (const [name, value] of Object.entries(other)) query.set(name, value);
  return `${path}?${query}`;
}

/** Ranges that are often asked for, by their names in the messages. */
export function rangePresets(timeZone: string, now: Date): Record<RangePreset, DayRange> {
  const today = dayOf(now, timeZone);
  const month = `${today.slice(0, 7)}-01`;
  const lastOfLastMonth = addDays(month, -1);
  const range = (from: Day, to: Day) => ({ from, to, timeZone });
  return {
    today: range(today, today),
    yesterday: range(addDays(today, -1), addDays(today, -1)),
    week: range(addDays(today, 1 - DEFAULT_DAYS), today),
    days30: range(addDays(today, -29), today),
    month: range(month, today),
    lastMonth: range(`${lastOfLastMonth.slice(0, 7)}-01`, lastOfLastMonth),
  };
}

export type RangePreset = 'today' | 'yesterday' | 'week' | 'days30' | 'month' | 'lastMonth';

/** A day such as `2030-12-31`; undefined if the text is none. */
export function calendarDay(text: string): Day | undefined {
  const isDay = /^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$/.test(text) && isCalendarDay(text);
  return isDay ? text : undefined;
}
