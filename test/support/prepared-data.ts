import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { COMPILED } from './compiled.ts';
import { type Server, startServer } from './server.ts';

/**
 * Starts the service once on an empty folder, which `newDataFolder` then copies: making a database
 * takes longer than most tests. Code that is compiled is kept for all files.
 * @param fill fills the new installation
 * @returns removes it
 */
export async function prepareData(
  fill?: (dataDir: string, server: Server) => Promise<unknown>,
): Promise<() => Promise<void>> {
  process.env.NODE_COMPILE_CACHE = COMPILED;
  const dataDir = await mkdtemp(join(tmpdir(), 'account-api-prepared-'));
  const server = await startServer(dataDir);
  await fill?.(dataDir, server);
  server.kill('SIGTERM');
  await server.ended;
  // Tests kill processes, not the machine. What a process wrote outlasts it without fsync.
  if (process.env.FAULTS !== 'full') {
    await appendFile(join(dataDir, 'postgres/data18/postgresql.auto.conf'), 'fsync = off\n');
  }
  process.env.PREPARED_DATA = dataDir;
  return () => rm(dataDir, { recursive: true, force: true });
}

/**
 * A data folder of a service that was started before. Without a prepared one it is empty.
 * @param prefix of its name
 * @param parent the folder that it is made in
 */
export async function newDataFolder(prefix: string, parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, prefix));
  const { PREPARED_DATA } = process.env;
  // The database belongs to another user, which Node's own copy does not keep.
  if (PREPARED_DATA) execFileSync('cp', ['-a', `${PREPARED_DATA}/.`, folder]);
  return folder;
}
