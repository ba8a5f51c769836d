import { createHash } from 'node:crypto';
import type { Database } from '../../db/database.ts';
import { violatedConstraint } from '../../db/errors.ts';
import { Refusal } from '../refusal.ts';
import type { Keyring } from '../sealing/keyring.ts';
import type { SealedColumn } from '../sealing/re-seal.ts';
import type { OpenFile } from './file-rows.ts';

export const MOST_PARTS = 1_000;

export const SEALED_IMPORT_PARTS: SealedColumn = {
  table: 'import_part',
  id: 'id',
  column: 'sealed',
  version: '1',
  context: sealContext,
  name: (id) => `part ${id} of an import`,
  // Each has some megabytes.
  page: 4,
};

/**
 * Keeps a part of an import's file, sealed, because files of other systems have secrets. The same
 * part may be sent again, until the import starts.
 * @returns SHA-256 of the part
 * @throws Refusal 'not found'; 'conflict' once the import has started, or if another request sends
 *   the part with other bytes at the same time
 */
export async function putPart(
  db: Database,
  keyring: Keyring,
  run: string,
  { part, bytes }: { part: number; bytes: Buffer },
): Promise<string> {
  const digest = createHash('sha256').update(bytes).digest('hex');
  const writing = db.transaction(async (tx) => {
    const [open] = await tx.query<{ isOpen: boolean }>(
      `SELECT status = 'open' AND digest IS NULL AS "isOpen" FROM import_run WHERE id = $1 FOR SHARE`,
      [run],
    );
    if (!open) throw new Refusal('not found', `there is no import ${run}`);
    if (!open.isOpen) throw new Refusal('conflict', `the import ${run} has started`);
    await tx.query('DELETE FROM import_part WHERE run = $1 AND part = $2', [run, part]);
    const [next] = await tx.query<{ id: number }>(
      `SELECT nextval(pg_get_serial_sequence('import_part', 'id')) AS id`,
    );
    const id = next?.id ?? 0;
    const sealed = await keyring.seal(tx, bytes.toString('base64'), sealContext(id));
    await tx.query(
      `INSERT INTO import_part (id, run, part, digest, sealed) OVERRIDING SYSTEM VALUE
       VALUES ($1, $2, $3, $4, $5)`,
      [id, run, part, digest, sealed],
    );
  });
  try {
    await writing;
  } catch (error) {
    if (violatedConstraint(error) !== 'import_part_run_part_key') throw error;
    // Another request has sent the part meanwhile.
    const [other] = await db.query<{ digest: string }>(
      'SELECT digest FROM import_part WHERE run = $1 AND part = $2',
      [run, part],
    );
    if (other?.digest !== digest) throw new Refusal('conflict', `part ${part} came twice at once`);
  }
  return digest;
}

/** Makes sure that the parts are 1 to n. @throws Refusal 'conflict' */
export async function requireParts(db: Database, run: string): Promise<void> {
  const [found] = await db.query<{ parts: number; last: number | null }>(
    'SELECT count(*)::int AS parts, max(part) AS last FROM import_part WHERE run = $1',
    [run],
  );
  if (found && found.parts > 0 && found.parts === found.last) return;
  const has = found?.parts ? `it has ${found.parts} of ${found.last} parts` : 'it has no part yet';
  throw new Refusal('conflict', `${has}; send them first`);
}

/** The file of an import, from its parts. */
export function openParts(db: Database, keyring: Keyring, run: string): OpenFile {
  return async function* () {
    for (let after = 0; ; ) {
      const [part] = await db.query<{ id: number; part: number; sealed: Buffer }>(
        `SELECT id, part, sealed FROM import_part WHERE run = $1 AND part > $2
         ORDER BY part LIMIT 1`,
        [run, after],
      );
      if (!part) return;
      after = part.part;
      const text = await keyring.open(db, part.sealed, sealContext(part.id));
      yield Buffer.from(text, 'base64');
    }
  };
}

/** Deletes the parts of an import without failed rows to mend. */
export async function deleteParts(db: Database, run: string): Promise<void> {
  await db.query('DELETE FROM import_part WHERE run = $1', [run]);
}

function sealContext(id: number): string {
  return `part ${id} of an import`;
}
