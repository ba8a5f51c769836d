import { spawnSync } from 'node:child_process';

/** The user ids for a process that a test starts as root. */
export interface OrdinaryUser {
  ids: { uid?: number; gid?: number };
  wrapper: string[];
}

const NOBODY = 65_534;

/**
 * A user who is not root, if the tests run as root: nobody or, if nobody cannot read this clone, a
 * user of a user namespace. Undefined if the tests run as an ordinary user.
 */
export const ORDINARY_USER = process.getuid?.() === 0 ? somebodyElse() : undefined;

function somebodyElse(): OrdinaryUser {
  const ids = { uid: NOBODY, gid: NOBODY };
  const reaches = spawnSync(process.execPath, ['--version'], ids).status === 0;
  if (reaches) return { ids, wrapper: [] };
  return { ids: {}, wrapper: ['unshare', '-U', '--map-user=1000', '--map-group=1000', '--'] };
}
