import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import type { Queryable } from '../db/database.ts';
import { audit } from '../domain/audit.ts';
import { bookTotals } from '../domain/books/proof.ts';
import { EXPORT_KIND_NAMES, type ExportKindName } from '../domain/moving/export-kinds.ts';
import { type ExportEnd, exportLines } from '../domain/moving/exporting.ts';
import { Refusal } from '../domain/refusal.ts';
import { command, operator, perform } from './operation.ts';
import { table } from './print.ts';

const MANIFEST = 'manifest.json';

interface ExportedFile extends ExportEnd {
  file: string;
  sha256: string;
}

interface Manifest {
  version: 1;
  at: string;
  /** sums of the same moment as all files */
  cash: string;
  ledger: string;
  files: Partial<Record<ExportKindName, ExportedFile>>;
}

/** `export`: moving out. */
export function exportCommands(group: Command): void {
  const on = command(
    group,
    'all',
    'write all that is kept, without secrets, as NDJSON files of one moment',
    'export all --to ./export-2030-12-31',
  )
    .requiredOption('--to <folder>', 'a folder that is not there, or empty of such files')
    .option(
      '--since <file>',
      'manifest.json of an earlier export: only what is new, where that can be told',
    )
    .option('--gzip', 'pack the files');
  perform(on, async ({ db, clock }, options: { to: string; since?: string; gzip?: true }) => {
    const { to, since, gzip } = options;
    const before = since ? (JSON.parse(readFileSync(since, 'utf8')) as Manifest) : undefined;
    if (existsSync(join(to, MANIFEST)))
      throw new Refusal('conflict', `${to} has an export already`);
    mkdirSync(to, { recursive: true });
    const now = clock();
    await audit(db, operator(), { action: 'export started', detail: { since: before?.at } }, now);
    const manifest = await db.transaction(async (tx) => {
      const files: Manifest['files'] = {};
      for (const kind of EXPORT_KIND_NAMES) {
        const after = before?.files[kind]?.cursor ?? undefined;
        files[kind] = await writeKind(tx, kind, { to, after, isPacked: gzip ?? false });
      }
      const { cash, ledger } = await bookTotals(tx);
      return { version: 1, at: now.toISOString(), cash, ledger, files } as const;
    }, 'REPEATABLE READ');
    // Written last: without it the folder is not whole.
    writeFileSync(join(to, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
    const rows = Object.entries(manifest.files).map(([kind, { rows }]) => [kind, rows]);
    return { json: manifest, text: table(['FILE', '>ROWS'], rows as [string, number][]) };
  });
}

async function writeKind(
  tx: Queryable,
  kind: ExportKindName,
  { to, after, isPacked }: { to: string; after: string | undefined; isPacked: boolean },
): Promise<ExportedFile> {
  const file = `${kind}.ndjson${isPacked ? '.gz' : ''}`;
  const hash = createHash('sha256');
  const out = createWriteStream(join(to, file), { mode: 0o600, flags: 'w' });
  const packer = isPacked ? createGzip() : undefined;
  packer?.pipe(out);
  (packer ?? out).on('data', () => undefined);
  const target = packer ?? out;
  let end: ExportEnd | undefined;
  for await (const text of exportLines(tx, kind, after, (last) => (end = last))) {
    hash.update(text);
    if (!target.write(text)) await once(target, 'drain');
  }
  target.end();
  await finished(out);
  if (!end) throw new Error(`the export of ${kind} has no end`);
  return { ...end, file, sha256: hash.digest('hex') };
}
