import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where `debian-sid.sh` extracts programs of Debian's sid. */
export const SID = fileURLToPath(new URL('../../.cache/debian-sid', import.meta.url));

/** The folder of the libraries of the extracted tree, which is named by the architecture. */
export function sidLibraries(): string {
  const [loader] = globSync(join(SID, 'usr/lib/*-linux-gnu*/ld-linux-*.so.*'));
  if (!loader) throw new Error(`run test/switches/debian-sid.sh: there is no program in ${SID}`);
  return join(loader, '..');
}

/**
 * How a program of the extracted tree is started, with the loader and libraries of that tree: no
 * chroot, and nothing of it is installed.
 * @param program its path in the tree
 */
export function sidCommand(program: string): string[] {
  const libraries = sidLibraries();
  const [loader = ''] = globSync(join(libraries, 'ld-linux-*.so.*'));
  return [loader, '--library-path', libraries, join(SID, program)];
}
