import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, findBinaries } from './binaries.ts';
import { DATABASE, ensureCluster, SUPERUSER } from './cluster.ts';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import { canPass, chooseIdentity, give, type Identity } from './identity.ts';
import { type Layout, makeLayout, makePrivate } from './layout.ts';
import {
  forgetOwner,
  type Lock,
  lastOwner,
  livingOwner,
  type Owner,
  recordOwner,
  tryLock,
} from './ownership.ts';
import { endLeftover, PORT, type Postmaster, startPostmaster } from './postmaster.ts';

export { EmbeddedDatabaseError } from './embedded-database-error.ts';
export { hasCluster, requireCluster } from './layout.ts';
export { requireNoCluster, restoreCluster } from './restore.ts';
export { readTar, type TarEntry, TarError, tarFile } from './tar.ts';

export interface EmbeddedDatabase {
  connection: { host: string; port: number; user: string; database: string };
  /**
   * Stops PostgreSQL if this process runs it. A command first waits for other commands that use it;
   * a server does not.
   */
  stop: () => Promise<void>;
}

export interface EmbeddedOptions {
  dataDir: string;
  /**
   * a server does not share the data folder; a command uses a database that another process runs
   */
  role: Owner['role'];
  /** how long to wait for another process to start or stop the database */
  waitMs?: number;
  /** is called each time PostgreSQL ends by itself, before its restart */
  onError?: (error: Error) => void;
}

const WAIT_MS = 30_000;
const POLL_MS = 20;
const LONGEST_PAUSE_MS = 5_000;
const SHORTEST_PAUSE_MS = 100;
// A socket's path may have at most 107 bytes (unix(7)).
const LONGEST_SOCKET_PATH_BYTES = 100;
const SOCKET_FOLDER_PREFIX = 'account-api-socket-';

/**
 * Opens a data folder's PostgreSQL: starts it as a child process, or uses the running one.
 * @throws EmbeddedDatabaseError where a running server has the folder, or PostgreSQL cannot run
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const layout = makeLayout(options.dataDir);
  const { role, waitMs = WAIT_MS } = options;
  for (const deadline = Date.now() + waitMs; ; await sleep(POLL_MS)) {
    const lock = tryLock(layout.ownerLock, 'exclusive');
    if (lock) return own(layout, lock, options);
    const owner = livingOwner(layout);
    if (role === 'server' && owner?.role === 'server') {
      throw new EmbeddedDatabaseError(
        `process ${owner.pid} serves the data folder ${layout.dataDir} already; ` +
          'stop it first, or set another DATA_DIR (several servers can share a DATABASE_URL)',
      );
    }
    const shared = role === 'command' ? share(layout) : undefined;
    if (shared) return shared;
    if (Date.now() > deadline) {
      throw new EmbeddedDatabaseError(
        `process ${owner?.pid ?? '(unknown)'} has had the database of ${layout.dataDir} for ` +
          `${Math.round(waitMs / 1_000)} s; try again when it is done, or stop it`,
      );
    }
  }
}

/** The database that another process runs; undefined while there is none. */
function share(layout: Layout): EmbeddedDatabase | undefined {
  const lock = tryLock(layout.usersLock, 'shared');
  if (!lock) return undefined;
  // Read under the lock: the owner removes its record before it stops the database.
  const folder = livingOwner(layout)?.socketFolder;
  if (folder !== undefined) {
    return { connection: connectionTo(folder), stop: async () => lock.release() };
  }
  lock.release();
  return undefined;
}

async function own(
  layout: Layout,
  lock: Lock,
  { role, onError }: EmbeddedOptions,
): Promise<EmbeddedDatabase> {
  try {
    const killed = lastOwner(layout);
    recordOwner(layout, role);
    const binaries = findBinaries();
    const identity = chooseIdentity(layout, binaries);
    give(layout.home, identity);
    await endLeftoverOf(layout);
    removeSocketFolder(layout, killed?.socketFolder);
    await ensureCluster(layout, binaries, identity);
    const socketFolder = makeSocketFolder(layout, identity);
    const supervisor = await supervise({ layout, binaries, identity, socketFolder, onError });
    recordOwner(layout, role, socketFolder);
    const stop = async () => {
      const users = role === 'command' ? await untilUnused(layout) : undefined;
      forgetOwner(layout);
      await supervisor.stop();
      removeSocketFolder(layout, socketFolder);
      users?.release();
      lock.release();
    };
    return { connection: connectionTo(socketFolder), stop };
  } catch (error) {
    forgetOwner(layout);
    lock.release();
    throw error;
  }
}

async function endLeftoverOf(layout: Layout): Promise<void> {
  if (statSync(layout.cluster, { throwIfNoEntry: false })) await endLeftover(layout);
}

async function untilUnused(layout: Layout): Promise<Lock> {
  for (;;) {
    const lock = tryLock(layout.usersLock, 'exclusive');
    if (lock) return lock;
    await sleep(POLL_MS);
  }
}

interface Supervised {
  layout: Layout;
  binaries: Binaries;
  identity: Identity;
  socketFolder: string;
  onError: ((error: Error) => void) | undefined;
}

/** Keeps PostgreSQL running: if it ends by itself, it is restarted after a growing pause. */
async function supervise(supervised: Supervised): Promise<{ stop: () => Promise<void> }> {
  const { layout, binaries, identity, socketFolder, onError } = supervised;
  const start = () => startPostmaster(layout, binaries, identity, socketFolder);
  let stopping = false;
  let current: Postmaster | undefined = await start();
  const watch = async () => {
    for (let pauseMs = SHORTEST_PAUSE_MS; ; ) {
      const began = Date.now();
      const why = await current?.ended;
      current = undefined;
      if (stopping) return;
      onError?.(
        new EmbeddedDatabaseError(`PostgreSQL ended by itself (${why}); starting it again`),
      );
      if (Date.now() - began > LONGEST_PAUSE_MS) pauseMs = SHORTEST_PAUSE_MS;
      while (!stopping && !current) {
        await sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
        try {
          await endLeftover(layout);
          if (!stopping) current = await start();
        } catch (error) {
          onError?.(error as Error);
        }
      }
      if (stopping) return;
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      stopping = true;
      await current?.stop();
      await watching;
      // A start may have been in progress at the time of the stop.
      await current?.stop();
    },
  };
}

function connectionTo(socketFolder: string): EmbeddedDatabase['connection'] {
  return { host: socketFolder, port: PORT, user: SUPERUSER, database: DATABASE };
}

/** Removes a socket folder outside of the data folder. */
function removeSocketFolder(layout: Layout, folder: string | undefined): void {
  if (folder === undefined || folder === layout.socket) return;
  // The name comes from a file, so any other folder is left alone.
  if (!basename(folder).startsWith(SOCKET_FOLDER_PREFIX)) return;
  rmSync(folder, { recursive: true, force: true });
}

/** Uses the data folder if its path is short enough for a socket, else a private folder. */
function makeSocketFolder(layout: Layout, identity: Identity): string {
  const fits = Buffer.byteLength(`${layout.socket}/.s.PGSQL.${PORT}`) <= LONGEST_SOCKET_PATH_BYTES;
  const folder = fits ? layout.socket : mkdtempSync(join(tmpdir(), SOCKET_FOLDER_PREFIX));
  if (fits) makePrivate(folder);
  give(folder, identity);
  if (!canPass(identity, folder)) {
    throw new EmbeddedDatabaseError(
      `PostgreSQL cannot reach its socket folder ${folder}; set DATA_DIR to a shorter path`,
    );
  }
  return folder;
}
