import { globSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder for programs of Debian's sid that `debian-sid.sh` extracts. */
export const SID = fileURLToPath(new URL('../../.cache/debian-sid', import.meta.url));

/** The folder of libraries in the extracted tree; its name contains the architecture. */
export function sidLibraries(): string {
  const [loader] = globSync(join(SID, 'usr/lib/*-linux-gnu*/ld-linux-*.so.*'));
  if (!loader) throw new Error(`run test/switches/debian-sid.sh: there is no program in ${SID}`);
  return join(loader, '..');
}

/**
 * The command for a program of the extracted tree, with the loader and libraries of that tree.
 * There is no chroot, and nothing is installed.
 * @param program its path in the tree
 */
export function sidCommand(program: string): string[] {
  const libraries = sidLibraries();
  const [loader = ''] = globSync(join(libraries, 'ld-linux-*.so.*'));
  return [loader, '--library-path', libraries, join(SID, program)];
}
