import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isInstalled, runProgram } from './process.ts';
import type { Stage } from './stage.ts';
import type { Measure } from './workloads.ts';

// pgbench rounds to whole seconds, and connecting takes part of the first.
const LEAST_SECONDS = 3;

/**
 * Transactions per second of a pgbench script, by the number of clients.
 * @returns undefined if pgbench is not installed
 */
export async function pgbenchRate(
  { folder, databaseUrl }: Stage,
  script: string,
  seconds: number,
): Promise<((clients: number) => Measure) | undefined> {
  if (!(await isInstalled('pgbench'))) return undefined;
  const path = join(folder, 'pgbench.sql');
  await writeFile(path, script);
  const length = ['-T', String(Math.max(LEAST_SECONDS, Math.round(seconds)))];
  return (clients) => async () => {
    const options = ['-n', '-M', 'prepared', '-c', String(clients), '-j', '1'];
    const { output } = await runProgram('pgbench', [
      ...options,
      ...length,
      '-f',
      path,
      databaseUrl,
    ]);
    return Number(/tps = ([0-9.]+)/.exec(output)?.[1]);
  };
}
