import { billingAccountOf } from '../../domain/account/account-search.ts';
import { type UsageUnit, usageBy } from '../../domain/calls/usage.ts';
import { addDays, dayOf, isCalendarDay } from '../../domain/day.ts';
import * as entered from '../../domain/entered-values.ts';
import { ok } from './framework/answer.ts';
import { choice, optional, pattern, text } from './framework/field.ts';
import { username } from './framework/fields.ts';
import { invalidValue, Problem } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('money');
const DEFAULT_DAYS = 30;
const MOST_DAYS: Record<UsageUnit, number> = { hour: 31, day: 366, month: 3_660 };
const UNITS = Object.keys(MOST_DAYS) as UsageUnit[];

const day = (description: string) =>
  optional(pattern('^[0-9]{4}-[0-9]{2}-[0-9]{2}$', { description, example: '2030-12-31' }));

const usage = route('GET /accounts/{username}/usage', 'getUsage', {
  summary: 'Calls and their price by hour, day or month',
  description:
    'Of a billing account, with the accounts that it pays for; of another one, its own. Every step ' +
    `of the range has a row. At most ${UNITS.map((unit) => `${MOST_DAYS[unit]} days by ${unit}`).join(', ')}.`,
  scope: 'balances:read',
  params: { username: username('Its username') },
  query: {
    unit: optional(choice(UNITS, { description: 'day where it is left out' })),
    from: day(`First day; ${DEFAULT_DAYS} days up to the last one where it is left out`),
    to: day('Last day; today where it is left out'),
    timeZone: optional(text(entered.timeZone, { description: 'In which days begin; UTC' })),
  },
  answers: {
    200: s.object({
      account: s.username,
      unit: s.name,
      timeZone: s.name,
      steps: s.listOf(
        s.object({
          start: s.moment,
          calls: s.whole,
          answered: s.whole,
          billedSeconds: s.whole,
          amount: s.money,
        }),
      ),
    }),
  },
  handle: async ({ service, params, query, now }) => {
    const { unit = 'day', timeZone = 'UTC' } = query;
    const to = query.to ?? dayOf(now, timeZone);
    requireDay('/to', to);
    const from = query.from ?? addDays(to, 1 - DEFAULT_DAYS);
    requireDay('/from', from);
    if (to < from) throw invalidValue('/to', 'Must be from, or later');
    if (addDays(from, MOST_DAYS[unit]) <= to) {
      throw invalidValue('/from', `Must be less than ${MOST_DAYS[unit]} days before to`);
    }
    const account = params.username;
    const found = await billingAccountOf(service.db, account);
    if (!found) throw new Problem(404, 'not_found', `There is no account ${account}`);
    const isBillingAccount = found.billingAccount === account;
    const scope = {
      billingAccount: found.billingAccount,
      ...(isBillingAccount ? {} : { account }),
    };
    const steps = await usageBy(service.db, unit, scope, { from, to, timeZone });
    return ok({ account: String(account), unit, timeZone, steps });
  },
});

/** @throws Problem 422 for a day that the calendar does not have */
function requireDay(pointer: string, day: string): void {
  if (isCalendarDay(day) && day >= '1900') return;
  throw invalidValue(pointer, 'Must be a day such as 2030-12-31');
}

export const usageRoutes = [usage];
