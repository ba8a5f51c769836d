import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';

/**
 * What tells a process from a later one with the same pid: the clock tick of its start.
 * @returns undefined where no such process lives, '' where the system has no /proc
 */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return isAlive(pid) ? '' : undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * The pids of the PostgreSQL processes that work in a cluster's folder, whatever user namespace
 * they are in and whatever postmaster.pid says: its pid may belong to another program by now.
 * @param postmaster the pid in postmaster.pid, which is all there is to go by without /proc
 */
export function postgresIn(clusterFolder: string, postmaster: number | undefined): number[] {
  if (process.platform !== 'linux') {
    return postmaster !== undefined && isPostgres(postmaster) ? [postmaster] : [];
  }
  const folder = statSync(clusterFolder);
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid)) return false;
      try {
        const cwd = statSync(`/proc/${pid}/cwd`);
        if (cwd.ino !== folder.ino || cwd.dev !== folder.dev) return false;
        return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres';
      } catch {
        return false;
      }
    });
}

/** Sends a signal to a process that may have ended by now. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isPostgres(pid: number): boolean {
  try {
    return execFileSync('ps', ['-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .endsWith('postgres');
  } catch {
    return false;
  }
}
