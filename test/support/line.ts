// One of the processes of `test/run.ts`. Its arguments are the folder of taken files, and all files.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { suite } from 'node:test';
import { pathToFileURL } from 'node:url';
// Its hook is registered here, so it is that of the process and not of the first file.
import { endChildren } from './child.ts';
import './quick-hashes.ts';

const [taken = '', ...files] = process.argv.slice(2);

let running: string | undefined;
process.once('exit', () => {
  if (running === undefined) return;
  console.error(`${running} ended the process`);
  process.exitCode = 1;
});

for (const [index, file] of files.entries()) {
  if (!isMine(index)) continue;
  running = file;
  // Its hooks are those of the file alone.
  await suite(file, () => import(pathToFileURL(resolve(file)).href));
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
