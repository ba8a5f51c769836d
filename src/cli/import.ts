import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Transform } from 'node:stream';
import { Argument, type Command, Option } from 'commander';
import { audit } from '../domain/audit.ts';
import { FEED_FORMATS, type Feed, type FeedFormat, listFeeds } from '../domain/calls/feed.ts';
import type { RejectedRecord } from '../domain/calls/rejected-record.ts';
import { Refusal } from '../domain/refusal.ts';
import { type ImportCounts, type ImportSource, importCalls } from '../ingest/import.ts';
import type { OpenService } from '../open-service.ts';
import { command, type Output, operator, perform } from './operation.ts';
import { count, printable } from './print.ts';
import { startProgress } from './progress.ts';
import * as values from './values.ts';

const MOST_SHOWN = 20;
const STANDARD_INPUT = '-';
/** The names of the files to import from a folder. */
const NAMES: Record<FeedFormat, RegExp> = {
  freeswitch: /\.cdr\.json(\.gz)?$/,
  kamailio: /\.(json|ndjson|jsonl)(\.gz)?$/,
  opensips: /\.(json|ndjson|jsonl)(\.gz)?$/,
  asterisk: /\.csv(\.gz)?$/,
  generic: /\.(json|ndjson|jsonl|csv)(\.gz)?$/,
};

interface ImportCommandOptions {
  feed?: string;
  format?: FeedFormat;
  json?: true;
}

interface File {
  name: string;
  bytes: number;
}

/** `calls import` */
export function importCommand(group: Command): void {
  const on = command(
    group,
    'import',
    'take in call records from files; what is there already stays as it is',
    'calls import --feed switch-1 /var/log/freeswitch/json_cdr',
  )
    .addArgument(
      new Argument(
        '<file...>',
        'files, plain or gzip; folders, whose records are taken; - for standard input',
      ),
    )
    .option('--feed <name>', 'the switch that they are of', values.feedName)
    .addOption(
      new Option('--format <format>', "their format, where it is not the feed's").choices(
        FEED_FORMATS,
      ),
    )
    .hook('preAction', (on) => {
      const { feed, format } = on.opts<ImportCommandOptions>();
      if (!feed && !format) on.error('say of what switch they are with --feed, or add --format');
    });
  perform(on, async (service, paths: string[], options: ImportCommandOptions) => {
    const feed = await feedOf(service, options);
    const files = await filesOf(paths, feed.format);
    return importFiles(service, feed, files, options);
  });
}

async function feedOf({ db }: OpenService, options: ImportCommandOptions): Promise<Feed> {
  const { feed: name = 'import', format } = options;
  const found = (await listFeeds(db)).find((feed) => feed.name === name);
  if (found) return { ...found, format: format ?? found.format };
  if (options.feed || !format) throw new Refusal('not found', `there is no feed ${name}`);
  return { name, format, networks: [], debits: 'service', timeZone: 'UTC' };
}

/**
 * Named files are taken as they are. From folders and their subfolders, only files with matching
 * names are taken.
 */
async function filesOf(paths: string[], format: FeedFormat): Promise<File[]> {
  const files: File[] = [];
  for (const path of paths) {
    if (path === STANDARD_INPUT) {
      files.push({ name: path, bytes: 0 });
      continue;
    }
    const found = await stat(path);
    if (!found.isDirectory()) {
      files.push({ name: path, bytes: found.size });
      continue;
    }
    const names = (await readdir(path, { recursive: true })).sort();
    for (const name of names.filter((name) => NAMES[format].test(name))) {
      const inside = await stat(join(path, name));
      if (inside.isFile()) files.push({ name: join(path, name), bytes: inside.size });
    }
  }
  return files;
}

async function importFiles(
  { db, clock, config }: OpenService,
  feed: Feed,
  files: File[],
  options: ImportCommandOptions,
): Promise<Output> {
  const now = clock();
  const detail = { feed: feed.name, format: feed.format, files: files.length };
  await audit(db, operator(), { action: 'import started', detail }, now);
  const total = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes, 0) / 1_024);
  const progress = startProgress('KiB', total, options);
  let bytes = 0;
  const sources = files.map(({ name }): ImportSource => {
    const open = () => {
      const meter = new Transform({
        transform: (chunk: Buffer, _encoding, done) => {
          bytes += chunk.length;
          progress.update(Math.floor(bytes / 1_024));
          done(null, chunk);
        },
      });
      const source = name === STANDARD_INPUT ? process.stdin : createReadStream(name);
      // A failure also ends the reader of the meter.
      pipeline(source, meter, () => undefined);
      return meter;
    };
    return { name: name === STANDARD_INPUT ? 'standard input' : name, open };
  });
  const shown: RejectedRecord[] = [];
  let counts: ImportCounts;
  try {
    counts = await importCalls(db, feed, sources, {
      now,
      retentionMonths: config.retentionMonths,
      emergencyNumbers: config.emergencyNumbers,
      onRejected: (rejected) => shown.push(...rejected.slice(0, MOST_SHOWN - shown.length)),
    });
  } finally {
    progress.stop();
  }
  await audit(db, operator(), { action: 'import finished', detail: counts }, clock());
  return outputOf(counts, shown);
}

function outputOf(counts: ImportCounts, shown: RejectedRecord[]): Output {
  const { files, stored, duplicates, unbilled, rejected, leftOut, failures } = counts;
  const more = rejected - shown.length;
  const lines = [
    ...shown.map(({ reason, detail }) => printable(`${reason}: ${detail}`)),
    ...(more > 0 ? [`and ${count(more, 'record')} more`] : []),
    ...failures.map(({ name, problem }) =>
      printable(`${name} was not read to its end: ${problem}`),
    ),
    `Read ${count(files, 'file')}: ${count(stored, 'call')} stored, ${duplicates} there already, ` +
      `${count(unbilled, 'leg')} of calls that other records bill, ${rejected} rejected.`,
    ...(leftOut > 0
      ? [
          `${count(leftOut, 'damaged record')} of them not kept: mend the files and import them again.`,
        ]
      : []),
    ...(rejected > 0 ? ['See what was rejected: npx account-api calls rejected --raw'] : []),
  ];
  return {
    json: { ...counts, refusals: shown.map(({ reason, detail }) => ({ reason, detail })) },
    text: lines.join('\n'),
    failed: rejected > 0 || failures.length > 0,
  };
}
