import assert from 'node:assert/strict';
import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import { unprivileged } from '../../support/private-postgres.ts';

const DEPLOY = new URL('../../../deploy/', import.meta.url);

export type Change = [pattern: RegExp, put: string];

/** A shipped file with the changes of a test, each of which must apply. @param file in deploy/ */
export function shipped(file: string, changes: Change[] = []): string {
  return changes.reduce(
    (text, [pattern, put]) => {
      assert.match(text, pattern, file);
      return text.replace(pattern, put);
    },
    readFileSync(new URL(file, DEPLOY), 'utf8'),
  );
}

/** Writes a file that only the user postgres may read. */
export function writeFor(path: string, text: string, mode = 0o600): string {
  writeFileSync(path, text, { mode });
  const { uid = 0, gid = 0 } = unprivileged();
  chownSync(path, uid, gid);
  return path;
}
