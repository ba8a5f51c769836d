// Runs test files in a few processes, each of which takes the next file when it has finished one:
//   node test/run.ts [--prepare] [--at-once N] [--test-name-pattern PATTERN] FILE|PATTERN…
// With --prepare the files copy the data folder of a service that was started before.
// A process for each file would import and compile the service 150 times.
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { globalSetup, globalTeardown } from './support/global-setup.ts';
import { prepareData } from './support/prepared-data.ts';
import { runFiles } from './support/run-files.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prepare: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '4' },
    'test-name-pattern': { type: 'string', multiple: true },
  },
});
const files = globSync(positionals).sort();
if (files.length === 0) throw new Error(`no file is ${positionals.join(' or ')}`);
const processes = Math.min(Number(values['at-once']), files.length);
const line = new URL('support/line.ts', import.meta.url).pathname;
const taken = mkdtempSync(join(tmpdir(), 'account-api-tests-'));
await globalSetup();
const removeData = values.prepare ? await prepareData() : async () => undefined;
await runFiles(Array(processes).fill(line), {
  atOnce: processes,
  patterns: values['test-name-pattern'],
  argv: [taken, ...files],
  // A process learns of its next file when the one before has ended.
  forceExit: false,
});
await globalTeardown();
await removeData();
rmSync(taken, { recursive: true, force: true });
