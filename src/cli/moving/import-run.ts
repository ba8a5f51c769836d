import { createReadStream, createWriteStream } from 'node:fs';
import { appendFile, open as openFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { reconcile } from '../../domain/books/proof.ts';
import { failedRows } from '../../domain/moving/failed-rows.ts';
import type { OpenFile } from '../../domain/moving/file-rows.ts';
import type { ImportOptions } from '../../domain/moving/import-kind.ts';
import {
  type ImportCounts,
  type ImportRun,
  reportLines,
  reportOf,
} from '../../domain/moving/import-run.ts';
import { importFile } from '../../domain/moving/importing.ts';
import { Refusal } from '../../domain/refusal.ts';
import type { OpenService } from '../../open-service.ts';
import { type Output, operator } from '../operation.ts';
import { printable, table } from '../print.ts';
import { startProgress } from '../progress.ts';

const SECRET_FILE = 0o600;
const MOST_SHOWN = 20;

export interface ImportCommandOptions {
  mapping: string;
  mode: ImportOptions['mode'];
  dryRun?: true;
  allOrNothing?: true;
  encoding: ImportOptions['encoding'];
  usernames?: string;
  passwords: ImportOptions['passwords'];
  include?: true;
  acceptWeakSip?: true;
  accept?: string[];
  roundRates?: true;
  currency?: Record<string, string>;
  firstCharge?: string;
  report?: string;
  failedOnly?: true;
  credentials?: string;
  json?: true;
}

export const fileOpener =
  (file: string): OpenFile =>
  () =>
    createReadStream(file) as AsyncIterable<Buffer>;

/** Makes the files that an import writes, before it begins. @throws the error of one that cannot be written */
export async function makeFiles({
  report,
  credentials,
}: Pick<ImportCommandOptions, 'report' | 'credentials'>): Promise<void> {
  for (const path of [report, credentials]) {
    if (path !== undefined) await (await openFile(path, 'a', SECRET_FILE)).close();
  }
}

/**
 * Does an import, from the start or from where it was interrupted, with progress, and writes its
 * report.
 */
export async function runImport(
  service: OpenService,
  run: ImportRun,
  open: OpenFile,
  options: Pick<ImportCommandOptions, 'report' | 'failedOnly' | 'credentials' | 'json'>,
): Promise<Output> {
  const { db, keyring, queue, clock, config } = service;
  const progress = importProgress(options);
  const { credentials } = options;
  // Added to a file that is there: it may have the credentials of an earlier run.
  const write = (path: string) => (rows: object[]) =>
    appendFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''), {
      mode: SECRET_FILE,
      flush: true,
    });
  let result: { run: ImportRun; counts: ImportCounts };
  try {
    const actor = operator();
    const { defaultRate: rate, sipRealm, currency } = config;
    const tools = { db, keyring, queue, actor, now: clock(), rate, sipRealm, currency };
    const secrets = credentials === undefined ? {} : { onCredentials: write(credentials) };
    result = await importFile({ tools, onProgress: progress.update, ...secrets }, run.id, open);
  } catch (error) {
    if (!options.json && !(error instanceof Refusal)) {
      console.error(`Go on with: npx account-api import resume ${run.id}`);
    }
    throw error;
  } finally {
    progress.stop();
  }
  if (options.report)
    await writeReports(service, result.run, open, { ...options, report: options.report });
  return outputOf(service, result, options.report);
}

/** With --json, a line of JSON a second on standard error, for programs. */
function importProgress({ json }: { json?: true }) {
  let bar: ReturnType<typeof startProgress> | undefined;
  const began = performance.now();
  let saidAt = began;
  return {
    update: (done: number, total: number, failed: number) => {
      if (!json) {
        bar ??= startProgress('rows', total, {});
        bar.update(done);
        return;
      }
      if (performance.now() - saidAt < 1_000) return;
      saidAt = performance.now();
      const perSecond = Math.round((1_000 * done) / (saidAt - began));
      console.error(JSON.stringify({ done, total, failed, perSecond }));
    },
    stop: () => bar?.stop(),
  };
}

/** The report, and the failed rows as they came, with why, to be mended and imported. */
async function writeReports(
  { db }: OpenService,
  run: ImportRun,
  open: OpenFile,
  { report, failedOnly }: { report: string; failedOnly?: true },
): Promise<void> {
  const lines = reportLines(db, run.id, failedOnly ? 'failed' : undefined);
  await pipeline(lines, createWriteStream(report, { mode: SECRET_FILE }));
  const rows = failedRows(db, run, open);
  const first = await rows.next();
  if (first.done) return;
  const all = async function* () {
    yield first.value;
    yield* rows;
  };
  // The rows may have passwords.
  const path = report.replace(/\.\w+$/, '').concat('.failed.csv');
  await pipeline(all, createWriteStream(path, { mode: SECRET_FILE }));
}

async function outputOf(
  { db }: OpenService,
  { run, counts }: { run: ImportRun; counts: ImportCounts },
  report: string | undefined,
): Promise<Output> {
  const { options, sums, remarks, kind } = run;
  const books =
    kind === 'balances' && !options.dryRun && counts.created > 0 ? await reconcile(db) : undefined;
  const isBalanced = books === undefined || books.imbalances.length === 0;
  const failures = await firstFailures(db, run.id);
  const lines = [
    ...remarks.map(printable),
    ...failures.map(({ line, errors }) => printable(`line ${line}: ${errors.join('; ')}`)),
    ...(counts.failed > failures.length ? [`… and ${counts.failed - failures.length} more`] : []),
    ...sumLines(sums),
    `${options.dryRun ? 'Would be: ' : ''}${countText(counts)}`,
    ...(books ? [isBalanced ? 'The books balance.' : 'The books do not balance: reconcile'] : []),
    `Import ${run.id}${report ? `, report in ${report}` : ''}`,
  ];
  return {
    json: {
      id: run.id,
      kind,
      dryRun: options.dryRun,
      ...counts,
      sums,
      remarks,
      failures,
      ...(books ? { balanced: isBalanced } : {}),
    },
    text: lines.join('\n'),
    failed: counts.failed > 0 || !isBalanced,
  };
}

async function firstFailures(db: OpenService['db'], id: string) {
  for await (const rows of reportOf(db, id, 'failed')) {
    return rows.slice(0, MOST_SHOWN).map(({ line, key, errors }) => ({
      line,
      key,
      errors: errors.map(({ column, detail }) => (column ? `${column}: ${detail}` : detail)),
    }));
  }
  return [];
}

const countText = ({ created, updated, unchanged, skipped, failed }: ImportCounts) =>
  `${created} created, ${updated} updated, ${unchanged} unchanged, ${skipped} skipped, ${failed} failed`;

function sumLines(sums: ImportRun['sums']): string[] {
  const rows = Object.entries(sums).sort();
  if (rows.length === 0) return [];
  const text = table(
    ['BALANCES', '>COUNT', '>SUM'],
    rows.map(([name, { count: rows, sum }]) => [name, rows, sum]),
  );
  return [text, 'Compare these with the screens of the old system before you post them.'];
}
