import type { Command } from 'commander';
import {
  countCalls,
  previewRerating,
  type ReratingOptions,
  type ReratingResult,
  rerateCalls,
} from '../domain/calls/rerating.ts';
import type { ReratingRange } from '../domain/calls/rerating-page.ts';
import { sumOf } from '../domain/money.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, performAnywhere } from './operation.ts';
import { count, money, table } from './print.ts';
import { withProgress } from './progress.ts';
import * as values from './values.ts';

const MOST_ROWS = 50;

interface RerateOptions extends ReratingRange {
  reason?: string;
  dryRun?: true;
  json?: true;
}

/** `calls rerate` */
export function rerate(group: Command): void {
  const on = command(
    group,
    'rerate',
    'price the calls of a range again, at the rates in force now',
    "calls rerate --from 2030-12-01 --to 2031-01-01 --reason 'New rates were late' --dry-run",
  )
    .requiredOption(
      '--from <time>',
      'first moment: a day (UTC), or a time with its zone',
      values.from,
    )
    .requiredOption('--to <time>', 'the moment after the last, in the same form', values.from)
    .option('--account <username>', 'only calls made by it or billed to it', values.username)
    .option('--price-list <name>', 'only calls of accounts that have this list', values.listName)
    .option('--reason <text>', 'why; the ledger keeps it', values.words)
    .option('--dry-run', 'say what would change and change nothing')
    .hook('preAction', (on) => {
      const { from, to, reason, dryRun } = on.opts<RerateOptions>();
      if (from >= to) on.error('--to must be later than --from');
      if (!reason && !dryRun) on.error('say why with --reason, or add --dry-run');
    });
  const local = async ({ db, clock }: OpenService, options: RerateOptions) => {
    const { from, to, account, priceList, reason = '', dryRun } = options;
    const range = { from, to, account, priceList };
    const narrow = account !== undefined || priceList !== undefined;
    const total = narrow ? 0 : await countCalls(db, range);
    return withProgress('calls', total, options, (update) => {
      // The two later steps are short.
      const onProgress: ReratingOptions['onProgress'] = (step, done) => {
        if (step === 'rating') update(done);
      };
      return dryRun
        ? previewRerating(db, range, onProgress)
        : rerateCalls(db, operator(), { ...range, reason }, { now: clock(), onProgress });
    });
  };
  performAnywhere(on, local, (remote, { from, to, account, priceList, reason, dryRun = false }) => {
    const why = reason ?? 'Only to see what would change';
    const body = { from, to, account, priceList, reason: why, dryRun };
    return remote.work<ReratingResult>('/reratings', body);
  })((result, { dryRun = false }) => outputOf(result, dryRun));
}

function outputOf({ calls, changed, adjustments }: ReratingResult, dryRun: boolean): Output {
  const total = sumOf(adjustments.map(({ amount }) => amount));
  const rows = adjustments.slice(0, MOST_ROWS);
  const more = adjustments.length - rows.length;
  const lines = [
    `${count(calls, 'call')} looked at, ${changed} ${dryRun ? 'would change' : 'changed'}.`,
    ...(rows.length > 0
      ? [
          table(
            ['ACCOUNT', '>ADJUSTMENT'],
            rows.map((row) => [row.account, money(row.amount)]),
          ),
        ]
      : []),
    ...(more > 0 ? [`and ${count(more, 'account')} more`] : []),
    `${dryRun ? 'Would post' : 'Posted'} ${count(adjustments.length, 'adjustment')}: ${money(total)}`,
  ];
  return { json: { dryRun, calls, changed, total, adjustments }, text: lines.join('\n') };
}
