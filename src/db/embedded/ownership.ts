import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import type { Layout } from './layout.ts';
import { startOf } from './processes.ts';

/** The process that runs the database, as written in owner.json. */
export interface Owner {
  pid: number;
  /** see startOf */
  start: string;
  role: 'server' | 'command';
  /** folder of the socket; missing until the database is ready for the first time */
  socketFolder?: string;
}

/** A lock that the kernel releases when the process ends in any way. */
export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Locks a file; returns undefined where another process has the lock. Node has no function for file
 * locks, but its SQLite uses them. With them no pid must be checked for staleness.
 */
export function tryLock(path: string, kind: 'exclusive' | 'shared'): Lock | undefined {
  let file: DatabaseSync | undefined;
  try {
    file = new DatabaseSync(path, { timeout: 0 });
    file.exec(kind === 'exclusive' ? 'BEGIN EXCLUSIVE' : 'BEGIN; SELECT 1 FROM sqlite_schema');
  } catch (error) {
    file?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new EmbeddedDatabaseError(
      `cannot lock ${path} (${(error as Error).message}); ` +
        'run this as the user who owns it, on a file system that has locks',
    );
  }
  const locked = file;
  return { release: () => locked.close() };
}

/** The database's owner; undefined where owner.json is missing or its process has ended. */
export function livingOwner(layout: Layout): Owner | undefined {
  const owner = lastOwner(layout);
  return owner && startOf(owner.pid) === owner.start ? owner : undefined;
}

/** The last owner, running or not; undefined after an orderly end. */
export function lastOwner(layout: Layout): Owner | undefined {
  try {
    return JSON.parse(readFileSync(layout.ownerRecord, 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Writes owner.json. Only for the holder of the owner's lock. */
export function recordOwner(layout: Layout, role: Owner['role'], socketFolder?: string): void {
  const owner: Owner = { pid: process.pid, start: startOf(process.pid) ?? '', role };
  if (socketFolder) owner.socketFolder = socketFolder;
  const draft = `${layout.ownerRecord}.new`;
  writeFileSync(draft, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
  renameSync(draft, layout.ownerRecord);
}

/** Removes the note of who owns the data folder. */
export function forgetOwner(layout: Layout): void {
  rmSync(layout.ownerRecord, { force: true });
}
