// One of the processes of `test/run.ts`. Its arguments are the folder of taken files, and all files.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { followPromises } from './runner-hook.ts';

const { suite } = await import('node:test');
// Its hook is registered here, so it is that of the process and not of the first file.
const { endChildren } = await import('./child.ts');
await import('./quick-hashes.ts');

const [taken = '', ...files] = process.argv.slice(2);

let running: string | undefined;
process.once('exit', () => {
  if (running === undefined) return;
  console.error(`${running} ended the process`);
  process.exitCode = 1;
});

const tell = (error: unknown) => console.error(`${running}:`, error);
process.on('uncaughtExceptionMonitor', tell);
process.on('unhandledRejection', tell);

for (const [index, file] of files.entries()) {
  if (!isMine(index)) continue;
  running = file;
  followPromises(true);
  // Its hooks are those of the file alone.
  await suite(file, async () => {
    await import(pathToFileURL(resolve(file)).href);
    followPromises(false);
  });
  running = undefined;
  // Those of a failed test would keep this process alive.
  endChildren();
}
// A server or a connection that a failed test left open would keep this process alive.
setTimeout(() => process.exit(), 5_000).unref();

/** Takes a file unless another process has. */
function isMine(index: number): boolean {
  try {
    mkdirSync(join(taken, String(index)));
    return true;
  } catch {
    return false;
  }
}
