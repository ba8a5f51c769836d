import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';

/** Where everything of the embedded database lies. Paths are absolute. */
export interface Layout {
  dataDir: string;
  /** all that follows is in here; belongs to the user PostgreSQL runs as */
  home: string;
  cluster: string;
  socket: string;
  log: string;
  ownerLock: string;
  usersLock: string;
  ownerRecord: string;
}

const CLUSTER = 'data18';
const LOG_MAX_BYTES = 10_000_000;

/**
 * Looks for the embedded database of a data folder, and makes nothing.
 * @throws EmbeddedDatabaseError where there is none, naming the folder that was looked into
 */
export function requireCluster(dataDir: string): void {
  const cluster = join(resolve(dataDir), 'postgres', CLUSTER);
  try {
    statSync(cluster);
  } catch (error) {
    const isMissing = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw new EmbeddedDatabaseError(
      isMissing
        ? `there is no database at ${cluster}; set DATA_DIR to the data folder of the service ` +
            '(or DATABASE_URL), or make a new one with npm start'
        : `the database at ${cluster} cannot be reached (${(error as Error).message}); ` +
            'run this as the user of the service',
    );
  }
}

/**
 * Makes the folders that are missing, open to nobody else.
 * @throws EmbeddedDatabaseError where that is not allowed
 */
export function makeLayout(dataDir: string): Layout {
  try {
    const given = resolve(dataDir);
    mkdirSync(dirname(given), { recursive: true });
    makePrivate(given);
    // Two ways to write one folder must give one socket path and one place in /proc.
    const real = realpathSync(given);
    const home = join(real, 'postgres');
    makePrivate(home);
    return {
      dataDir: real,
      home,
      cluster: join(home, CLUSTER),
      socket: join(home, 'socket'),
      log: join(home, 'postgres.log'),
      ownerLock: join(home, 'owner.lock'),
      usersLock: join(home, 'users.lock'),
      ownerRecord: join(home, 'owner.json'),
    };
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `the data folder ${dataDir} cannot be used (${(error as Error).message}); ` +
        'set DATA_DIR to a folder that this user may write',
    );
  }
}

/** Makes a folder of mode 0700 unless it exists. */
export function makePrivate(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Opens the log to append, after setting a large one aside. @returns a file descriptor */
export function openLog(layout: Layout): number {
  const size = statSync(layout.log, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_MAX_BYTES) renameSync(layout.log, `${layout.log}.1`);
  return openSync(layout.log, 'a', 0o600);
}

/** Makes the names in a folder survive a loss of power. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
