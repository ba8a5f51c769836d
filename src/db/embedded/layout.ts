import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';

/** The absolute paths of the embedded database's files and folders. */
export interface Layout {
  dataDir: string;
  /** contains all following paths; PostgreSQL's user owns it */
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

/** Whether a data folder has an embedded database. */
export function hasCluster(dataDir: string): boolean {
  return existsSync(clusterIn(dataDir));
}

/**
 * Checks that a data folder has an embedded database. It creates nothing.
 * @throws EmbeddedDatabaseError with the folder's name if there is none
 */
export function requireCluster(dataDir: string): void {
  const cluster = clusterIn(dataDir);
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

function clusterIn(dataDir: string): string {
  return join(resolve(dataDir), 'postgres', CLUSTER);
}

/**
 * Creates the missing folders, private to their owner.
 * @throws EmbeddedDatabaseError where this is not permitted
 */
export function makeLayout(dataDir: string): Layout {
  try {
    const given = resolve(dataDir);
    mkdirSync(dirname(given), { recursive: true });
    makePrivate(given);
    // Different paths to one folder must give the same socket path and the same path in /proc.
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

/** Creates a folder of mode 0700 unless it exists. */
export function makePrivate(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Opens the log to append; a large log is renamed first. @returns a file descriptor */
export function openLog(layout: Layout): number {
  const size = statSync(layout.log, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_MAX_BYTES) renameSync(layout.log, `${layout.log}.1`);
  return openSync(layout.log, 'a', 0o600);
}

/** Syncs a folder, so its names survive a loss of power. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
