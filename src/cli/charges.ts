import type { Command } from 'commander';
import { audit } from '../domain/audit.ts';
import {
  type ChargeOptions,
  type ChargeRun,
  postMonthlyCharges,
  previewMonthlyCharges,
} from '../domain/billing/charge-run.ts';
import type { MonthlyCharge } from '../domain/billing/monthly-charge.ts';
import { fromMicros, toMicros } from '../domain/money.ts';
import type { OpenService } from '../open-service.ts';
import { explain } from './explain.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, money, table } from './print.ts';
import * as values from './values.ts';

const PROGRESS_EVERY = 1_000;

interface PostOptions {
  dryRun?: true;
  account?: number;
  month?: string;
  limit: number;
  json?: true;
}

/** `charges`: posts the monthly charges that are due, or only shows them with `--dry-run`. */
export function chargesCommands(group: Command): void {
  const on = command(
    group,
    'post',
    'post the monthly charges that are due; the service does so by itself every hour',
    'charges post --dry-run --month 2030-12',
  )
    .option('--dry-run', 'show what would be posted and change nothing')
    .option('--account <username>', 'only this billing account', values.username)
    .option(
      '--month <month>',
      'with --dry-run: only this month, also before it began, by what is there now',
      values.month,
    )
    .addOption(values.limitOption(50))
    .hook('preAction', (on) => {
      const { dryRun, month } = on.opts<PostOptions>();
      if (month && !dryRun) on.error('--month goes with --dry-run: months are posted in turn');
    });
  perform(on, (service, options: PostOptions) =>
    options.dryRun ? preview(service, options) : post(service, options),
  );
}

async function post(service: OpenService, options: PostOptions): Promise<Output> {
  const { db, queue, clock } = service;
  const run = await postMonthlyCharges(db, queue, {
    ...chargeOptions(service, options),
    onProgress: ({ accounts, charges }) => {
      if (options.json || accounts % PROGRESS_EVERY !== 0) return;
      console.log(`${count(accounts, 'account')}, ${count(charges, 'charge')} posted`);
    },
  });
  const { accounts, charges, amount } = run;
  if (charges > 0) {
    await audit(
      db,
      operator(),
      { action: 'charges posted', account: options.account, detail: { charges, amount } },
      clock(),
    );
  }
  const failures = run.failures.map(({ account, error }) => ({ account, error: explain(error) }));
  return {
    json: { accounts, charges, amount, failures },
    text: [...failures.map(({ account, error }) => `${account}: ${error}`), summary(run)].join(
      '\n',
    ),
    failed: failures.length > 0,
  };
}

function summary({ charges, amount, failures }: ChargeRun): string {
  if (charges === 0 && failures.length === 0) return 'No monthly charge is due.';
  const failed = failures.length > 0 ? `; ${count(failures.length, 'account')} failed` : '';
  return `Posted ${count(charges, 'monthly charge')}, together ${money(amount)}${failed}.`;
}

/** Shows the charges up to the requested number, and the sum of all. */
async function preview(service: OpenService, options: PostOptions): Promise<Output> {
  const charges: MonthlyCharge[] = [];
  let number = 0;
  let micros = 0n;
  const { month } = options;
  for await (const charge of previewMonthlyCharges(service.db, {
    ...chargeOptions(service, options),
    month,
  })) {
    if (charges.length < options.limit) charges.push(charge);
    number++;
    micros += toMicros(charge.amount);
  }
  const amount = fromMicros(micros);
  const hidden = number - charges.length;
  const rest = hidden > 0 ? `\n… and ${hidden} more; see them with --limit or --account.` : '';
  const text = `${charges.map(chargeText).join('\n\n')}${rest}
${count(number, 'monthly charge')}, together ${money(amount)}; nothing was posted.`;
  return {
    json: { charges, count: number, amount },
    text: number > 0 ? text : 'No monthly charge would be posted.',
  };
}

function chargeOptions({ config, clock }: OpenService, { account }: PostOptions): ChargeOptions {
  return { now: clock(), prorate: config.prorateCharges, account };
}

function chargeText({ account, month, amount, cash, lines }: MonthlyCharge): string {
  const rows = lines.map((line) => [
    line.owner,
    line.name,
    line.month,
    line.days,
    money(line.amount),
  ]);
  return `${account}  ${month}  ${money(amount)}  balance then ${money(cash)}
${table(['ACCOUNT', 'SERVICE OR NUMBER', 'MONTH', '>DAYS', '>AMOUNT'], rows)}`;
}
