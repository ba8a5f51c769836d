import { once } from 'node:events';
import { createReadStream, createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { Argument, type Command, Option } from 'commander';
import { countImported } from '../domain/access/imported-password.ts';
import { reconcile } from '../domain/books/proof.ts';
import { failedRows } from '../domain/moving/failed-rows.ts';
import { ENCODINGS, type OpenFile, plainTitle } from '../domain/moving/file-rows.ts';
import { type ImportOptions, MODES } from '../domain/moving/import-kind.ts';
import {
  countsOf,
  createRun,
  discardRun,
  findRun,
  type ImportCounts,
  type ImportRun,
  listRuns,
  reportLines,
  reportOf,
} from '../domain/moving/import-run.ts';
import { importFile } from '../domain/moving/importing.ts';
import { sendInvitations } from '../domain/moving/invitation.ts';
import {
  IMPORT_KINDS,
  type ImportKindName,
  MappingFault,
  readMapping,
  SHIPPED,
  shippedMapping,
} from '../domain/moving/mapping.ts';
import { readPage } from '../domain/page.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, fields, moment, printable, table } from './print.ts';
import { startProgress } from './progress.ts';
import * as values from './values.ts';

const STANDARD_INPUT = '-';
const MOST_STANDARD_INPUT_BYTES = 256 * 1024 * 1024;
const SECRET_FILE = 0o600;
const MOST_SHOWN = 20;

interface ImportCommandOptions {
  mapping: string;
  mode: ImportOptions['mode'];
  dryRun?: true;
  allOrNothing?: true;
  encoding: ImportOptions['encoding'];
  usernames?: string;
  passwords: ImportOptions['passwords'];
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

/** `import`: moving in from another system. */
export function importCommands(group: Command): void {
  for (const kind of IMPORT_KINDS) importOf(group, kind);
  status(group);
  resume(group);
  discard(group);
  invite(group);
  query(group);
  legacy(group);
}

const DESCRIPTIONS: Record<ImportKindName, string> = {
  accounts: 'take over accounts from a file of another system',
  sip: 'take over SIP secrets, and the SIP users that phones have',
  numbers: 'take over phone numbers of accounts',
  services: 'take over monthly services of accounts',
  balances: 'post opening balances, one entry of the ledger each',
};

function importOf(group: Command, kind: ImportKindName): void {
  const on = command(
    group,
    kind,
    DESCRIPTIONS[kind],
    `import ${kind} ${kind}.csv --mapping astpp --dry-run`,
  )
    .addArgument(new Argument('<file>', 'CSV or NDJSON, plain or gzip; - for standard input'))
    .option('--mapping <name>', `${SHIPPED.join(', ')}, or a file of your own`, 'neutral')
    .addOption(
      new Option(
        '--mode <mode>',
        'what is done with a row that exists and differs: create refuses it, upsert changes settings, never money or credentials',
      )
        .choices(MODES)
        .default('create'),
    )
    .option('--dry-run', 'only tell what would be')
    .option('--all-or-nothing', 'write nothing if a row is faulty')
    .addOption(
      new Option('--encoding <name>', 'of a text file').choices(ENCODINGS).default('utf-8'),
    )
    .option(
      '--accept <column>',
      'give a column of money up; may be repeated',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option(
      '--currency <code=rate>',
      'the value of one unit, such as EUR=1.08; may be repeated',
      currencies,
    )
    .option('--report <file>', 'a line for each row as NDJSON; failed rows as they came beside it')
    .option('--failed-only', 'only failed rows in the report');
  if (kind === 'accounts') {
    on.option(
      '--usernames <how>',
      'keep (ten digits needed), generate, or column:NAME; ten digits are kept and others generated where it is left out',
    )
      .addOption(
        new Option(
          '--passwords <how>',
          'none: owners choose by a mailed link; take: passwords or hashes of the file',
        )
          .choices(['none', 'take'])
          .default('none'),
      )
      .option('--round-rates', 'round rates with more than six decimals')
      .option(
        '--credentials <file>',
        'write username, password, API key and SIP secret of new accounts there (mode 0600)',
      );
  }
  if (kind === 'sip') on.option('--accept-weak-sip', 'take SIP secrets that are weak or shared');
  if (kind === 'numbers' || kind === 'services') {
    on.option('--first-charge <month>', 'the first month that is charged here', values.month);
  }
  perform(on, async (service, file: string, options: ImportCommandOptions) => {
    const { db, clock } = service;
    const isStandardInput = file === STANDARD_INPUT;
    const open = isStandardInput ? await standardInput() : fileOpener(file);
    const run = await createRun(
      db,
      operator(),
      {
        kind,
        options: importOptions(options),
        file: isStandardInput ? null : resolve(file),
        createdBy: null,
      },
      clock(),
    );
    return runImport(service, run, open, options);
  });
}

function importOptions(given: ImportCommandOptions): ImportOptions {
  const { mapping, usernames } = given;
  const isShipped = (SHIPPED as readonly string[]).includes(mapping);
  const ownMapping = isShipped ? undefined : readFileSync(mapping, 'utf8');
  try {
    const { name } = ownMapping === undefined ? shippedMapping(mapping) : readMapping(ownMapping);
    const column = usernames?.startsWith('column:') ? plainTitle(usernames.slice(7)) : undefined;
    if (usernames && !column && usernames !== 'keep' && usernames !== 'generate') {
      throw new MappingFault('--usernames must be keep, generate or column:NAME');
    }
    return {
      mapping: name,
      ownMapping,
      mode: given.mode,
      dryRun: given.dryRun ?? false,
      allOrNothing: given.allOrNothing ?? false,
      encoding: given.encoding,
      usernames: column ? undefined : (usernames as ImportOptions['usernames']),
      usernameColumn: column,
      passwords: given.passwords ?? 'none',
      acceptWeakSip: given.acceptWeakSip ?? false,
      accept: given.accept ?? [],
      roundRates: given.roundRates ?? false,
      currencies: given.currency ?? {},
      firstCharge: given.firstCharge,
    };
  } catch (error) {
    if (!(error instanceof MappingFault)) throw error;
    throw new Refusal('malformed', error.message);
  }
}

function currencies(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, code = '', rate = ''] = /^([A-Za-z]{3})=(\d{1,6}(?:\.\d{1,6})?)$/.exec(text) ?? [];
  if (code === '') throw new Refusal('malformed', '--currency must be such as EUR=1.08');
  return { ...before, [code.toUpperCase()]: rate };
}

const fileOpener =
  (file: string): OpenFile =>
  () =>
    createReadStream(file) as AsyncIterable<Buffer>;

/** Standard input is read once and kept in memory: a file of it would have secrets. */
async function standardInput(): Promise<OpenFile> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_STANDARD_INPUT_BYTES) {
      throw new Refusal('too large', 'standard input is over 256 MiB: give a file');
    }
    chunks.push(chunk as Buffer);
  }
  return async function* () {
    yield* chunks;
  };
}

async function runImport(
  service: OpenService,
  run: ImportRun,
  open: OpenFile,
  options: Pick<ImportCommandOptions, 'report' | 'failedOnly' | 'credentials' | 'json'>,
): Promise<Output> {
  const { db, keyring, queue, clock, config } = service;
  const progress = importProgress(options);
  const credentials = options.credentials ? credentialFile(options.credentials) : undefined;
  let result: { run: ImportRun; counts: ImportCounts };
  try {
    const actor = operator();
    const { defaultRate: rate, sipRealm, currency } = config;
    const tools = { db, keyring, queue, actor, now: clock(), rate, sipRealm, currency };
    const { write } = credentials ?? {};
    result = await importFile(
      { tools, onProgress: progress.update, ...(write ? { onCredentials: write } : {}) },
      run.id,
      open,
    );
  } catch (error) {
    if (!options.json && !(error instanceof Refusal)) {
      console.error(`Go on with: account-api import resume ${run.id}`);
    }
    throw error;
  } finally {
    progress.stop();
    await credentials?.close();
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

function credentialFile(path: string) {
  // A file that is there is not overwritten: it may have the credentials of an earlier run.
  const stream = createWriteStream(path, { flags: 'a', mode: SECRET_FILE });
  return {
    write: async (rows: object[]) => {
      const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      await new Promise<void>((done, fail) =>
        stream.write(text, (error) => (error ? fail(error) : done())),
      );
    },
    close: async () => {
      stream.end();
      await finished(stream);
    },
  };
}

/** The report, and the failed rows as they came, with why, to be mended and imported. */
async function writeReports(
  { db }: OpenService,
  run: ImportRun,
  open: OpenFile,
  { report, failedOnly }: { report: string; failedOnly?: true },
): Promise<void> {
  const stream = createWriteStream(report, { mode: SECRET_FILE });
  for await (const text of reportLines(db, run.id, failedOnly ? 'failed' : undefined)) {
    if (!stream.write(text)) await once(stream, 'drain');
  }
  stream.end();
  await finished(stream);
  let failed: WriteStream | undefined;
  for await (const text of failedRows(db, run, open)) {
    // The rows may have passwords.
    failed ??= createWriteStream(report.replace(/\.\w+$/, '').concat('.failed.csv'), {
      mode: SECRET_FILE,
    });
    if (!failed.write(text)) await once(failed, 'drain');
  }
  failed?.end();
  if (failed) await finished(failed);
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

const runArgument = () => new Argument('<id>', 'of `import status`');

function status(group: Command): void {
  const on = command(group, 'status', 'imports and how far they are, newest first', 'import status')
    .argument('[id]', 'only this one')
    .addOption(values.limitOption(20));
  perform(on, async ({ db }, id: string | undefined, { limit }: { limit: number }) => {
    const runs = id
      ? [await findRun(db, id)]
      : (
          await readPage(
            limit,
            (most) => listRuns(db, { limit: most }),
            (run) => run.id,
          )
        ).rows;
    const shown = await Promise.all(
      runs.map(async (run) => ({ ...run, counts: await countsOf(db, run.id) })),
    );
    const json = shown.map(({ options, ...run }) => ({
      ...run,
      mapping: options.mapping,
      dryRun: options.dryRun,
    }));
    const text = table(
      [
        'ID',
        'KIND',
        'MAPPING',
        'STATUS',
        'BEGAN',
        '>ROWS',
        '>CREATED',
        '>UPDATED',
        '>UNCHANGED',
        '>SKIPPED',
        '>FAILED',
      ],
      shown.map(({ id: name, kind, options, status: state, createdAt, rows, counts }) => [
        name,
        kind,
        options.mapping + (options.dryRun ? ' (dry run)' : ''),
        state,
        moment(createdAt),
        rows ?? '-',
        counts.created,
        counts.updated,
        counts.unchanged,
        counts.skipped,
        counts.failed,
      ]),
    );
    return { json: id ? json[0] : json, text: shown.length > 0 ? text : 'There is no import.' };
  });
}

function resume(group: Command): void {
  const on = command(
    group,
    'resume',
    'go on with an import that was interrupted',
    'import resume imp_4f6b0c2d8e1a35779b',
  )
    .addArgument(runArgument())
    .option('--file <file>', 'the same file, where it lies elsewhere now')
    .option('--report <file>', 'a line for each row as NDJSON; failed rows as they came beside it')
    .option('--failed-only', 'only failed rows in the report')
    .option('--credentials <file>', 'as for `import accounts`; lines are added');
  perform(on, async (service, id: string, options: ImportCommandOptions & { file?: string }) => {
    const run = await findRun(service.db, id);
    const file = options.file ?? run.file;
    if (file === null) throw new Refusal('malformed', 'it had no file: give one with --file');
    return runImport(service, run, fileOpener(file), options);
  });
}

function discard(group: Command): void {
  const on = command(
    group,
    'discard',
    'end an import that will not go on; what was written stays',
    'import discard imp_4f6b0c2d8e1a35779b',
  ).addArgument(runArgument());
  perform(on, async ({ db, clock }, id: string) => {
    await discardRun(db, operator(), id, clock());
    return { json: { id }, text: `Discarded ${id}.` };
  });
}

function invite(group: Command): void {
  const on = command(
    group,
    'invite',
    'mail the accounts of an import a link to verify the address and choose a password',
    'import invite imp_4f6b0c2d8e1a35779b --per-minute 60',
  )
    .addArgument(runArgument())
    .addOption(
      new Option('--per-minute <n>', 'how many mails')
        .argParser((text: string) => values.wholeNumber(text, 1, 60_000))
        .default(60),
    );
  perform(on, async (service, id: string, options: { perMinute: number; json?: true }) => {
    const { db, keyring, queue, clock } = service;
    const { created } = await countsOf(db, (await findRun(db, id)).id);
    const progress = startProgress('mails', created, options);
    try {
      const { perMinute } = options;
      const invited = await sendInvitations(db, { keyring, queue, clock }, id, {
        perMinute,
        onProgress: progress.update,
      });
      return { json: { invited }, text: `${count(invited, 'mail')} on the way.` };
    } finally {
      progress.stop();
    }
  });
}

function query(group: Command): void {
  const on = command(
    group,
    'query',
    "the SQL that makes the file, for the other system's own client",
    'import query astpp accounts',
  )
    .addArgument(new Argument('<mapping>', 'a mapping').choices(SHIPPED.slice(1)))
    .addArgument(new Argument('<kind>', 'what is moved').choices(IMPORT_KINDS));
  on.action((mapping: string, kind: ImportKindName) => {
    const found = shippedMapping(mapping).kinds[kind];
    if (!found) throw new Refusal('not found', `${mapping} has no ${kind}`);
    process.stdout.write(
      on.opts().json ? `${JSON.stringify({ query: found.query })}\n` : `${found.query};\n`,
    );
  });
}

function legacy(group: Command): void {
  const on = command(
    group,
    'legacy',
    'how many password hashes of the old system were not used yet, by scheme',
    'import legacy',
  );
  perform(on, async ({ db }) => {
    const counts = await countImported(db);
    const rows = Object.entries(counts);
    const text = rows.length > 0 ? fields(rows) : 'None is left.';
    return { json: counts, text };
  });
}
