import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lchownSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Binaries } from './binaries.ts';
import { EmbeddedDatabaseError } from './embedded-database-error.ts';
import type { Layout } from './layout.ts';

/** The user that PostgreSQL runs as. */
export interface Identity {
  /** ids to change to; undefined: this process's ids stay */
  drop: { uid: number; gid: number } | undefined;
  /** prefix of a command: empty, or a command that creates a user namespace */
  wrapper: string[];
}

/** Excludes the service's own environment, because it may have secrets. */
export const ENVIRONMENT = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C' };

const SAME: Identity = { drop: undefined, wrapper: [] };
const NOBODY = 65_534;
// In the namespace the same user has the id of nobody: it is not root, and /etc/passwd has it.
const NAMESPACE: Identity = {
  drop: undefined,
  wrapper: ['unshare', '-U', `--map-user=${NOBODY}`, `--map-group=${NOBODY}`, '--'],
};
const GROUP_MAY_PASS = 0o010;

/**
 * Chooses the user for PostgreSQL, which refuses to run as root. An existing cluster's owner is
 * used. That user gets passage through the data folder.
 * @throws EmbeddedDatabaseError where no user fits
 */
export function chooseIdentity(layout: Layout, binaries: Binaries): Identity {
  const cluster = statSync(layout.cluster, { throwIfNoEntry: false });
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) {
    if (cluster && cluster.uid !== uid) {
      throw new EmbeddedDatabaseError(
        `the database in ${layout.home} belongs to user ${cluster.uid}; run this as that user or ` +
          'as root, or set another DATA_DIR',
      );
    }
    return cluster || isKnown() || !works(NAMESPACE, layout, binaries) ? SAME : NAMESPACE;
  }
  if (cluster) {
    const owner =
      cluster.uid === 0 ? NAMESPACE : { drop: { uid: cluster.uid, gid: cluster.gid }, wrapper: [] };
    if (works(owner, layout, binaries)) return owner;
    throw new EmbeddedDatabaseError(
      `PostgreSQL does not run as root, and the database in ${layout.home} belongs to user ` +
        `${cluster.uid}, but cannot be run as that user here; run this as an ordinary user who owns ` +
        'that folder and may execute node_modules',
    );
  }
  const found = candidates(binaries).find((candidate) => works(candidate, layout, binaries));
  if (found) return found;
  throw new EmbeddedDatabaseError(
    'PostgreSQL does not run as root, and there is no user to drop to who reaches both ' +
      `${binaries.postgres} and ${layout.dataDir}; run this as an ordinary user, or move both to ` +
      'where user nobody may read',
  );
}

/** A command as PostgreSQL's user runs it. */
export function commandLine(identity: Identity, command: string[]): string[] {
  return [...identity.wrapper, ...command];
}

/** The ids for a child process of PostgreSQL's user; none where it is the service's own. */
export function idsOf(identity: Identity): { uid?: number; gid?: number } {
  return identity.drop ?? {};
}

/** Makes PostgreSQL's user the owner of a file or folder. */
export function give(path: string, identity: Identity): void {
  if (identity.drop) lchownSync(path, identity.drop.uid, identity.drop.gid);
}

/** Whether that user can pass through a folder. */
export function canPass(identity: Identity, folder: string): boolean {
  return test(identity, [folder]);
}

function candidates(binaries: Binaries): Identity[] {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  // In a private home folder only the user who unpacked the package can run it.
  const unpacker = statSync(binaries.postgres).uid;
  return [
    users.find(({ name }) => name === 'postgres'),
    users.find(({ name }) => name === 'nobody'),
    users.find(({ uid }) => uid === unpacker),
  ]
    .flatMap((user): Identity[] => {
      if (!user || user.uid === 0) return [];
      return [{ drop: { uid: user.uid, gid: user.gid }, wrapper: [] }];
    })
    .concat(NAMESPACE);
}

function works(identity: Identity, layout: Layout, binaries: Binaries): boolean {
  if (test(identity, [layout.dataDir, binaries.postgres])) return true;
  if (!identity.drop || !test(identity, [binaries.postgres])) return false;
  const folder = statSync(layout.dataDir);
  if (folder.uid !== 0 || folder.gid !== 0) return false;
  // Root's own folder: this one group may pass through it, but not list it.
  chownSync(layout.dataDir, 0, identity.drop.gid);
  chmodSync(layout.dataDir, (folder.mode & 0o7707) | GROUP_MAY_PASS);
  return test(identity, [layout.dataDir]);
}

function test(identity: Identity, paths: string[]): boolean {
  const script = 'for path; do test -x "$path" || exit 1; done';
  const [program = '', ...args] = commandLine(identity, [
    '/bin/sh',
    '-c',
    script,
    'test',
    ...paths,
  ]);
  return spawnSync(program, args, { ...idsOf(identity), cwd: '/' }).status === 0;
}

function isKnown(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}
