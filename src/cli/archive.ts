import { resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import {
  archivePages,
  monthsToArchive,
  noteArchived,
  retiredSum,
} from '../domain/calls/call-archive.ts';
import { csvCall } from '../domain/calls/call-file.ts';
import { retireMonths } from '../domain/calls/call-retention.ts';
import { Refusal } from '../domain/refusal.ts';
import { archivedCalls, monthsIn, readManifest, writeArchive } from './archive-files.ts';
import { isProved, proveMonth } from './archive-proof.ts';
import { exclusively } from './exclusively.ts';
import { command, perform, performWithout } from './operation.ts';
import { count } from './print.ts';
import { withProgress } from './progress.ts';
import * as values from './values.ts';

const folderArgument = () =>
  new Argument('<folder>', 'of the archive').argParser((text) => resolve(text));

/** `archive`: months beyond RETENTION_MONTHS, written to files and read from them. */
export function archiveCommands(group: Command): void {
  write(group);
  calls(group);
}

function write(group: Command): void {
  const on = command(
    group,
    'write',
    'write the calls of months beyond RETENTION_MONTHS to files, before they are dropped',
    'archive write /srv/archive',
  ).addArgument(folderArgument());
  perform(on, async ({ db, config, clock }, folder: string, options: { json?: true }) => {
    const written = await exclusively(db, async () => {
      await retireMonths(db, clock(), config.retentionMonths);
      const months: { month: string; calls: number }[] = [];
      for (const partition of await monthsToArchive(db)) {
        const { month } = partition;
        const { calls, paid } = await retiredSum(db, month);
        const present = await monthsIn(folder).catch((): string[] => []);
        if (!present.includes(month)) {
          const at = { month, paid, now: clock() };
          await withProgress('calls', calls, options, (update) =>
            writeArchive(folder, at, archivePages(db, partition), update),
          );
        }
        // Read again from the disk, because the database drops the calls afterwards.
        const proof = await proveMonth(db, folder, month);
        if (!isProved(proof)) {
          throw new Refusal(
            'conflict',
            `the files of ${month} do not have what the books kept; reconcile --archive ${folder} ` +
              `says what differs. Delete ${folder}/calls-${month} and write it again`,
          );
        }
        await noteArchived(db, month, { calls, sha256: proof.sha256, now: clock() });
        months.push({ month, calls });
      }
      return months;
    });
    const lines = written.map(({ month, calls }) => `${month}  ${count(calls, 'call')}`);
    const text = lines.join('\n') || 'No month is beyond the retention and not in an archive.';
    return { json: { months: written }, text };
  });
}

interface CallsOptions {
  format: 'csv' | 'ndjson';
  billed?: true;
}

function calls(group: Command): void {
  const on = command(
    group,
    'calls',
    'the calls of an account in an archived month, as a file on standard output',
    'archive calls /srv/archive 4592086960 2028-05 > calls.csv',
  )
    .addArgument(folderArgument())
    .addArgument(values.usernameArgument())
    .addArgument(new Argument('<month>', 'such as 2028-05').argParser(values.month))
    .addOption(
      new Option('--format <name>', 'csv, as downloads have it, or all members as ndjson')
        .choices(['csv', 'ndjson'])
        .default('csv'),
    )
    .option('--billed', 'only calls billed to the account: reads only the files that have them');
  performWithout(on, async (_config, folder: string, username: number, month: string) => {
    const { format, billed } = on.opts<CallsOptions>();
    const { manifest } = await readManifest(folder, month);
    if (format === 'csv') process.stdout.write(csvCall.head);
    for await (const call of archivedCalls(folder, manifest, billed ? username : undefined)) {
      const isTheirs = call.billingAccount === username || (!billed && call.account === username);
      if (!isTheirs) continue;
      const line = format === 'csv' ? csvCall.line(call) : `${JSON.stringify(call)}\n`;
      if (!process.stdout.write(line)) {
        await new Promise((resolve) => process.stdout.once('drain', resolve));
      }
    }
  });
}
