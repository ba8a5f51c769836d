import type { Queryable } from '../../db/database.ts';
import { csvCell } from '../calls/call-file.ts';
import { type FileHead, type OpenFile, readFileRows } from './file-rows.ts';
import { type ImportRun, reportOf } from './import-run.ts';

/**
 * The failed rows of an import as they came, each with why, to be mended and imported. They may hold
 * secrets, as the file did.
 */
export async function* failedRows(
  db: Queryable,
  run: ImportRun,
  open: OpenFile,
): AsyncGenerator<string> {
  // Both are in the order of the file.
  const failures = failuresOf(db, run.id);
  let failure = (await failures.next()).value;
  if (!failure) return;
  const heads: FileHead[] = [];
  let isBegun = false;
  for await (const { line, raw } of readFileRows(open, run.options.encoding, (head) =>
    heads.push(head),
  )) {
    if (line !== failure.line) continue;
    const { reason } = failure;
    failure = (await failures.next()).value;
    const delimiter = heads[0]?.delimiter;
    if (delimiter === undefined) {
      const member = JSON.stringify(reason);
      yield `${/\}\s*$/.test(raw) ? raw.replace(/\}\s*$/, `,"import_error":${member}}`) : raw}\n`;
    } else {
      if (!isBegun) yield `${heads[0]?.raw}${delimiter}import_error\n`;
      isBegun = true;
      yield `${raw}${delimiter}${csvCell(reason)}\n`;
    }
    if (!failure) return;
  }
}

/** The lines of failed rows, and why each failed. */
async function* failuresOf(
  db: Queryable,
  id: string,
): AsyncGenerator<{ line: number; reason: string }, undefined> {
  for await (const rows of reportOf(db, id, 'failed')) {
    for (const { line, errors } of rows) {
      const texts = errors.map(({ column, detail }) => (column ? `${column}: ${detail}` : detail));
      yield { line, reason: texts.join('; ') };
    }
  }
  return undefined;
}
