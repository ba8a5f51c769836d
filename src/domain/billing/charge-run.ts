import type { Database, Queryable } from '../../db/database.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import type { Queue } from '../../db/queue.ts';
import { type ChargeSummary, notifyAccount } from '../mail/message.ts';
import { type Decimal, sumOf } from '../money.ts';
import {
  type ChargeLine,
  LOCAL_DAY,
  type Month,
  type MonthlyCharge,
  postNextMonth,
} from './monthly-charge.ts';

export interface ChargeRun {
  /** number of billing accounts with a month due */
  accounts: number;
  charges: number;
  /** sum of the charges */
  amount: Decimal;
  failures: { account: number; error: Error }[];
}

export interface ChargeOptions {
  now: Date;
  /** whether parts of a month are settled with the charge of the next month */
  prorate: boolean;
  /** only this billing account */
  account?: number | undefined;
}

const PAGE = 500;
const AT_ONCE = 4;

/**
 * Posts every month that is due, each account and month in its own transaction. No month is posted
 * twice, not even by concurrent runs, so a run can be killed at any time and started again. If one
 * account fails, the run continues with the others.
 * @param options.onProgress gets the run so far after each account
 * @throws StoreUnavailable
 */
export async function postMonthlyCharges(
  db: Database,
  queue: Queue,
  options: ChargeOptions & { onProgress?: (run: ChargeRun) => void },
): Promise<ChargeRun> {
  const run: ChargeRun = { accounts: 0, charges: 0, amount: '0.000000', failures: [] };
  const accounts = dueAccounts(db, options);
  const work = async () => {
    for await (const account of accounts) {
      try {
        await postDueMonths(db, queue, account, {
          ...options,
          onCharge: (charge) => tally(run, charge),
        });
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error;
        run.failures.push({ account, error: error as Error });
      }
      run.accounts++;
      options.onProgress?.(run);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return run;
}

/**
 * Shows what a run would post, account by account. Each is charged in a transaction that is rolled
 * back.
 * @param options.month only this month; a future month is priced by the present items
 */
export async function* previewMonthlyCharges(
  db: Database,
  options: ChargeOptions & { month?: Month | undefined },
): AsyncGenerator<MonthlyCharge> {
  const { month } = options;
  const now = month ? latest(options.now, everywhereIn(month)) : options.now;
  for await (const account of dueAccounts(db, { ...options, now })) {
    const charges = await previewAccount(db, account, { ...options, now });
    yield* charges.filter((charge) => month === undefined || charge.month === month);
  }
}

/** The billing accounts that have a month due, the longest overdue first. */
async function* dueAccounts(
  db: Queryable,
  { now, account }: Pick<ChargeOptions, 'now' | 'account'>,
): AsyncGenerator<number> {
  let last = { month: '-infinity', username: 0 };
  for (;;) {
    const page = await db.query<{ month: string; username: number }>(
      // The first time zone begins a day 14 hours before UTC does. This bound can use the index.
      `SELECT next_charge::text AS month, username FROM account
       WHERE next_charge <= ($1::timestamptz AT TIME ZONE 'UTC' + interval '14 hours')::date
         AND next_charge <= ${LOCAL_DAY}
         AND (next_charge, username) > ($2::date, $3)
         AND ($4::bigint IS NULL OR username = $4)
       ORDER BY next_charge, username LIMIT $5`,
      [now, last.month, last.username, account ?? null, PAGE],
    );
    for (const { username } of page) yield username;
    const end = page.at(-1);
    if (!end || page.length < PAGE) return;
    last = end;
  }
}

async function postDueMonths(
  db: Database,
  queue: Queue,
  account: number,
  { now, prorate, onCharge }: ChargeOptions & { onCharge: (charge: MonthlyCharge) => void },
): Promise<void> {
  for (;;) {
    const result = await db.transaction(async (tx) => {
      const next = await postNextMonth(tx, account, now, prorate);
      if (next?.charge && !next.account.closed) await queueNotice(tx, queue, next.charge);
      return next;
    });
    if (!result) return;
    if (result.charge) onCharge(result.charge);
  }
}

class RolledBack extends Error {}

async function previewAccount(
  db: Database,
  account: number,
  { now, prorate }: ChargeOptions,
): Promise<MonthlyCharge[]> {
  let charges: MonthlyCharge[] = [];
  const preview = db.transaction(async (tx) => {
    charges = [];
    for (;;) {
      const next = await postNextMonth(tx, account, now, prorate);
      if (!next) throw new RolledBack();
      if (next.charge) charges.push(next.charge);
    }
  });
  await preview.catch((error) => {
    if (!(error instanceof RolledBack)) throw error;
  });
  return charges;
}

function queueNotice(tx: Queryable, queue: Queue, charge: MonthlyCharge): Promise<void> {
  const { account: username, month, amount, cash, lines } = charge;
  const message = { kind: 'monthly charge', username, month, amount, cash } as const;
  return notifyAccount(tx, queue, username, { ...message, lines: summary(lines) });
}

/** Sums the services of each name, and all numbers. */
function summary(lines: ChargeLine[]): ChargeSummary[] {
  const groups = new Map<string, ChargeSummary>();
  for (const { item, name, month, amount } of lines) {
    const service = item === 'service' ? name : undefined;
    const key = JSON.stringify([month, service]);
    const { count = 0, amount: sum = '0' } = groups.get(key) ?? {};
    groups.set(key, { service, month, count: count + 1, amount: sumOf([sum, amount]) });
  }
  return [...groups.values()];
}

function tally(run: ChargeRun, charge: MonthlyCharge): void {
  run.charges++;
  run.amount = sumOf([run.amount, charge.amount]);
}

/** A time at which the first day of the month has begun in every time zone. */
function everywhereIn(month: Month): Date {
  return new Date(`${month}-01T12:10:00Z`);
}

function latest(one: Date, other: Date): Date {
  return one > other ? one : other;
}
