import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';

/**
 * The clock tick of a process's start. It distinguishes the process from a later one with the same
 * pid.
 * @returns undefined where no such process runs, '' where the system has no /proc
 */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return isAlive(pid) ? '' : undefined;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in brackets; the name may have blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * The pids of the PostgreSQL processes that work in a cluster's folder, in any user namespace. The
 * pid in postmaster.pid is not trusted, because it may belong to another program now.
 * @param postmaster the pid in postmaster.pid, used only if there is no /proc
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

/** Sends a signal to a process that may have ended already. */
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
