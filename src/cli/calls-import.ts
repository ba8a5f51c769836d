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
/** How the names of files end that are imported from a folder, also with `.gz`. */
const ENDINGS: Record<FeedFormat, string[]> = {
  freeswitch: ['.cdr.json'],
  kamailio: ['.json', '.ndjson', '.jsonl'],
  opensips: ['.json', '.ndjson', '.jsonl'],
  asterisk: ['.csv'],
  generic: ['.json', '.ndjson', '.jsonl', '.csv'],
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

interface Found {
  files: File[];
  /** folders without a file of the format */
  empty: string[];
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
    const found = await filesOf(paths, feed.format);
    return importFiles(service, feed, found, options);
  });
}

async function feedOf({ db }: OpenService, options: ImportCommandOptions): Promise<Feed> {
  const { feed: name = 'import', format } = options;
  const found = (await listFeeds(db)).find((feed) => feed.name === name);
  if (found) return { ...found, format: format ?? found.format };
  if (options.feed || !format) {
    throw new Refusal(
      'not found',
      `there is no feed ${name}; feed list shows those that there are`,
    );
  }
  return { name, format, networks: [], debits: 'service', timeZone: 'UTC' };
}

/**
 * Named files are taken as they are. From folders and their subfolders, only files with matching
 * names are taken.
 */
async function filesOf(paths: string[], format: FeedFormat): Promise<Found> {
  const files: File[] = [];
  const empty: string[] = [];
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
    const before = files.length;
    for (const name of (await readdir(path, { recursive: true })).sort()) {
      if (!ENDINGS[format].some((ending) => name.replace(/\.gz$/, '').endsWith(ending))) continue;
      const inside = await stat(join(path, name));
      if (inside.isFile()) files.push({ name: join(path, name), bytes: inside.size });
    }
    if (files.length === before) empty.push(path);
  }
  return { files, empty };
}

async function importFiles(
  { db, clock, config }: OpenService,
  feed: Feed,
  { files, empty }: Found,
  options: ImportCommandOptions,
): Promise<Output> {
  const now = clock();
  const detail = { feed: feed.name, format: feed.format, files: files.length };
  await audit(db, operator(), { action: 'calls import started', detail }, now);
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
  await audit(db, operator(), { action: 'calls import finished', detail: counts }, clock());
  const endings = ENDINGS[feed.format].join(', ');
  const unread = empty.map((path) =>
    printable(`${path} has no file whose name ends with ${endings}`),
  );
  return outputOf(counts, shown, unread);
}

/** @param unread a line for each folder of which nothing was read */
function outputOf(counts: ImportCounts, shown: RejectedRecord[], unread: string[]): Output {
  const { files, stored, duplicates, unbilled, rejected, leftOut, failures } = counts;
  const more = rejected - shown.length;
  const lines = [
    ...unread,
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
