import { constants, existsSync, readFileSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { ENCODINGS, type OpenFile, plainTitle } from '../../domain/moving/file-rows.ts';
import { type ImportOptions, MODES } from '../../domain/moving/import-kind.ts';
import { createRun } from '../../domain/moving/import-run.ts';
import {
  IMPORT_KINDS,
  type ImportKindName,
  MappingFault,
  readMapping,
  SHIPPED,
  shippedMapping,
} from '../../domain/moving/mapping.ts';
import { Refusal } from '../../domain/refusal.ts';
import { command, operator, perform } from '../operation.ts';
import * as values from '../values.ts';
import { fileOpener, type ImportCommandOptions, makeFiles, runImport } from './import-run.ts';
import { importRunCommands } from './import-runs.ts';

const STANDARD_INPUT = '-';
const MOST_STANDARD_INPUT_BYTES = 256 * 1024 * 1024;

/** `import`: moving in from another system. */
export function importCommands(group: Command): void {
  for (const kind of IMPORT_KINDS) importOf(group, kind);
  importRunCommands(group);
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
      values.several((text) => text),
    )
    .option(
      '--currency <code=rate>',
      'the value of one unit, such as EUR=1.08; may be repeated',
      currencies,
    )
    .option('--report <file>', 'a line for each row as NDJSON; failed rows as they came beside it')
    .option('--failed-only', 'only failed rows in the report');
  if (kind === 'accounts') {
    on.option('--include', 'take accounts that are closed there, as closed')
      .option(
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
    const open = isStandardInput ? await standardInput() : await readableFile(file);
    await makeFiles(options);
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
  if (!isShipped && !existsSync(mapping)) {
    throw new Refusal(
      'not found',
      `the mapping ${mapping} is neither a file nor one of ${SHIPPED.join(', ')}`,
    );
  }
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
      include: given.include ?? false,
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

/** An import of a file that cannot be read is not begun: it could never be resumed. */
async function readableFile(path: string): Promise<OpenFile> {
  await access(path, constants.R_OK);
  if ((await stat(path)).isDirectory()) {
    throw new Refusal('field invalid', `${path} is a folder, not a file`);
  }
  return fileOpener(path);
}

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
