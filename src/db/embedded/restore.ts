import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join, normalize } from 'node:path';
import { findBinaries } from './binaries.ts';
import { makeDraft } from './cluster.ts';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import { chooseIdentity, give, type Identity } from './identity.ts';
import { makeLayout, syncFolder } from './layout.ts';
import { tryLock } from './ownership.ts';
import type { TarEntry } from './tar.ts';

// These replace the archive's configuration: PostgreSQL gets all settings on its command line. Only
// its own user can reach the folder of its socket.
const CONFIGURATION = {
  'postgresql.conf': '',
  'postgresql.auto.conf': '',
  'pg_hba.conf': 'local all all trust\nlocal replication all trust\n',
  'pg_ident.conf': '',
};

/** @throws EmbeddedDatabaseError where the data folder has a database already */
export function requireNoCluster(dataDir: string): void {
  const layout = makeLayout(dataDir);
  if (!existsSync(layout.cluster)) return;
  throw new EmbeddedDatabaseError(
    `${layout.dataDir} has a database already; set DATA_DIR to a new folder, or move ` +
      `${layout.home} away first`,
  );
}

/**
 * Restores the embedded database from an archive of a PostgreSQL data folder: completely or not at
 * all.
 * @throws EmbeddedDatabaseError if there is a database already
 */
export async function restoreCluster(
  dataDir: string,
  entries: AsyncIterable<TarEntry>,
): Promise<void> {
  const layout = makeLayout(dataDir);
  const lock = tryLock(layout.ownerLock, 'exclusive');
  if (!lock) throw new EmbeddedDatabaseError(`another process uses ${layout.dataDir}; stop it`);
  try {
    requireNoCluster(dataDir);
    const identity = chooseIdentity(layout, findBinaries());
    give(layout.home, identity);
    const draft = makeDraft(layout, identity);
    try {
      for await (const entry of entries) {
        if (!isConfiguration(entry.name)) await unpack(draft, entry, identity);
      }
      for (const [name, text] of Object.entries(CONFIGURATION)) {
        const path = join(draft, name);
        writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
        give(path, identity);
      }
      renameSync(draft, layout.cluster);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
    syncFolder(layout.home);
  } finally {
    lock.release();
  }
}

/** Files in an archive that could make PostgreSQL run commands or leave its folder. */
function isConfiguration(name: string): boolean {
  const path = normalize(name);
  return (
    /^[^/]*(\.conf|\.signal)$/.test(path) || path === 'tablespace_map' || /^pg_tblspc\/./.test(path)
  );
}

/** Writes without fsync: PostgreSQL syncs the files before it recovers from them. */
async function unpack(folder: string, entry: TarEntry, identity: Identity): Promise<void> {
  const path = join(folder, entry.name);
  if (!normalize(path).startsWith(`${folder}/`)) {
    throw new EmbeddedDatabaseError(`${basename(path)} in the archive lies outside of it`);
  }
  if (entry.kind === 'folder') {
    mkdirSync(path, { mode: entry.mode, recursive: true });
  } else {
    const file = await open(path, 'wx', entry.mode);
    try {
      for await (const piece of entry.content) await file.writeFile(piece);
    } finally {
      await file.close();
    }
  }
  give(path, identity);
}
