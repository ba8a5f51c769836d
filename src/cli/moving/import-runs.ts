import { Argument, type Command, Option } from 'commander';
import { countImported } from '../../domain/access/imported-password.ts';
import { discardRun, findRun, listRuns, withCounts } from '../../domain/moving/import-run.ts';
import { sendInvitations } from '../../domain/moving/invitation.ts';
import {
  MAPPED_KINDS,
  type MappedKindName,
  SHIPPED,
  shippedMapping,
} from '../../domain/moving/mapping.ts';
import { readPage } from '../../domain/page.ts';
import { Refusal } from '../../domain/refusal.ts';
import { command, operator, perform } from '../operation.ts';
import { count, fields, moment, table } from '../print.ts';
import { withProgress } from '../progress.ts';
import * as values from '../values.ts';
import { fileOpener, type ImportCommandOptions, makeFiles, runImport } from './import-run.ts';

/** Commands over imports that were begun: status, resume, discard, invite, query, legacy. */
export function importRunCommands(group: Command): void {
  status(group);
  resume(group);
  discard(group);
  invite(group);
  query(group);
  legacy(group);
}

const MOST_RUNS = 10_000;

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
    const shown = await withCounts(db, runs);
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
      'There is no import.',
    );
    return { json: id ? json[0] : json, text };
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
    await makeFiles(options);
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
    'mail the owners of imported accounts a link to verify the address and choose a password',
    'import invite --per-minute 60',
  )
    .argument('[id]', 'of `import status`; left out, all imports of accounts')
    .addOption(
      new Option('--per-minute <n>', 'how many mails')
        .argParser((text: string) => values.wholeNumber(text, 1, 60_000))
        .default(60),
    );
  type Options = { perMinute: number; json?: true };
  perform(on, async (service, id: string | undefined, options: Options) => {
    const { db, keyring, queue, clock } = service;
    const runs = id ? [await findRun(db, id)] : await listRuns(db, { limit: MOST_RUNS });
    const wanted = runs.filter((run) => run.kind === 'accounts' && !run.options.dryRun);
    const ids = wanted.map((run) => run.id);
    if (id && ids.length === 0) {
      const what = runs[0]?.options.dryRun ? 'a dry run' : 'no import of accounts';
      throw new Refusal(
        'conflict',
        `${id} is ${what}; leave the id out for all imports of accounts`,
      );
    }
    const counted = await withCounts(db, wanted);
    const created = counted.reduce((sum, { counts }) => sum + counts.created, 0);
    const { perMinute } = options;
    const tools = { keyring, queue, clock };
    const invited = await withProgress('mails', created, options, (onProgress) =>
      sendInvitations(db, tools, ids, { perMinute, onProgress }),
    );
    return { json: { invited }, text: `${count(invited, 'mail')} on the way.` };
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
    .addArgument(new Argument('<kind>', 'what is moved').choices(MAPPED_KINDS));
  on.action((mapping: string, kind: MappedKindName) => {
    const found = shippedMapping(mapping).kinds[kind];
    if (!found) throw new Refusal('not found', `${mapping} has no ${kind}`);
    const { query, note } = found;
    process.stdout.write(
      on.opts().json ? `${JSON.stringify({ query, note: note ?? null })}\n` : `${query};\n`,
    );
    // Beside the SQL, which a pipe takes.
    if (note !== undefined && !on.opts().json) console.error(note);
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
