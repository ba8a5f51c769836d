import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Command } from 'commander';
import type { Queryable } from '../../db/database.ts';
import { audit } from '../../domain/audit.ts';
import { bookTotals } from '../../domain/books/proof.ts';
import { EXPORT_KIND_NAMES, type ExportKindName } from '../../domain/moving/export-kinds.ts';
import { type ExportEnd, exportLines } from '../../domain/moving/exporting.ts';
import { Refusal } from '../../domain/refusal.ts';
import { command, operator, perform } from '../operation.ts';
import { table } from '../print.ts';

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
    const before = since ? manifestIn(since) : undefined;
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

/** @throws Refusal if the file is no manifest */
function manifestIn(path: string): Manifest {
  const text = readFileSync(path, 'utf8');
  let manifest: Partial<Manifest> | null = null;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (manifest?.files) return manifest as Manifest;
  throw new Refusal('malformed', `${path} is no manifest.json of an earlier export`);
}

async function writeKind(
  tx: Queryable,
  kind: ExportKindName,
  { to, after, isPacked }: { to: string; after: string | undefined; isPacked: boolean },
): Promise<ExportedFile> {
  const file = `${kind}.ndjson${isPacked ? '.gz' : ''}`;
  const hash = createHash('sha256');
  let end: ExportEnd | undefined;
  const lines = async function* () {
    for await (const text of exportLines(tx, kind, after, (last) => (end = last))) {
      hash.update(text);
      yield text;
    }
  };
  const out = createWriteStream(join(to, file), { mode: 0o600 });
  await (isPacked ? pipeline(lines, createGzip(), out) : pipeline(lines, out));
  if (!end) throw new Error(`the export of ${kind} has no end`);
  return { ...end, file, sha256: hash.digest('hex') };
}
