import { spawnSync } from 'node:child_process';

/** How root becomes somebody else for a process that a test starts. */
export interface OrdinaryUser {
  ids: { uid?: number; gid?: number };
  wrapper: string[];
}

const NOBODY = 65_534;

/**
 * A user who is not root, where the tests run as root: nobody or, where nobody may not reach this
 * clone, one of a user namespace. Undefined where the tests run as an ordinary user anyway.
 */
export const ORDINARY_USER = process.getuid?.() === 0 ? somebodyElse() : undefined;

function somebodyElse(): OrdinaryUser {
  const ids = { uid: NOBODY, gid: NOBODY };
  const reaches = spawnSync(process.execPath, ['--version'], ids).status === 0;
  if (reaches) return { ids, wrapper: [] };
  return { ids: {}, wrapper: ['unshare', '-U', '--map-user=1000', '--map-group=1000', '--'] };
}
