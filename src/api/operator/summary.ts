import { accountTotals } from '../../domain/account/account-counts.ts';
import { countMails } from '../../domain/account/mail-queue.ts';
import { callsByDay } from '../../domain/calls/call-hour.ts';
import { countRejected } from '../../domain/calls/rejected-search.ts';
import { dayOf } from '../../domain/day.ts';
import * as entered from '../../domain/entered-values.ts';
import { type Decimal, fromMicros, toMicros } from '../../domain/money.ts';
import { ok } from './framework/answer.ts';
import { optional, text } from './framework/field.ts';
import { Problem } from './framework/problem.ts';
import { routesOf } from './framework/route.ts';
import * as s from './framework/schemas.ts';

const route = routesOf('running');
const NOTHING = { calls: 0, answered: 0, billedSeconds: 0, amount: '0' };

/** Sums of nothing are 0. */
const sixPlaces = (amount: Decimal) => fromMicros(toMicros(amount));

const summary = route('GET /summary', 'getSummary', {
  summary: 'The state of the whole service: the figures of the dashboard',
  scope: 'accounts:read',
  query: {
    timeZone: optional(text(entered.timeZone, { description: 'In which today began; UTC' })),
  },
  answers: {
    200: s.object({
      accounts: s.object({
        open: s.whole,
        unverified: s.whole,
        signedUpToday: s.whole,
        suspended: s.whole,
      }),
      balances: s.object({ credit: s.money, debt: s.money }),
      today: s.object({
        calls: s.whole,
        answered: s.whole,
        billedSeconds: s.whole,
        amount: s.money,
      }),
      rejectedRecords: s.whole,
      mails: s.object({ waiting: s.whole, parked: s.whole }),
      asOf: s.moment,
    }),
  },
  handle: async ({ service: { db, reader, queue }, query, now, reach }) => {
    if (reach) throw new Problem(403, 'forbidden', 'The key is for some accounts only');
    const { timeZone = 'UTC' } = query;
    const day = dayOf(now, timeZone);
    const [step] = await callsByDay(reader, { from: day, to: day, timeZone });
    const { start, ...today } = step ?? { ...NOTHING, start: now };
    const { accounts: open, credit, debt, ...accounts } = await accountTotals(db, start);
    return ok({
      accounts: { open, ...accounts },
      balances: { credit: sixPlaces(credit), debt: sixPlaces(debt) },
      today: { ...today, amount: sixPlaces(today.amount) },
      rejectedRecords: await countRejected(db),
      mails: await countMails(queue),
      asOf: now,
    });
  },
});

export const summaryRoutes = [summary];
