// Runs the tests of faults, each file in a process: FAULTS=full for all counts.
//   node test/faults/run.ts [--test-name-pattern PATTERN] [FILE…]
// Most files wait: for processes to start, and for faults to be noticed. Two of them run at once.
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { runFiles } from '../support/run-files.ts';
import { globalSetup, globalTeardown } from './support/global-setup.ts';

// They measure how long others wait while a fault lasts.
const ALONE = ['exhaustion.test.ts', 'silence.test.ts', 'replica.test.ts'];
// Those that take longest begin first.
const FIRST = ['import.test.ts', 'kills.test.ts', 'lost-reply.test.ts', 'smtp.test.ts'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'test-name-pattern': { type: 'string', multiple: true } },
});
const pattern = new URL('*.test.ts', import.meta.url).pathname;
const files = positionals.length > 0 ? positionals : globSync(pattern).sort();
const named = (names: string[]) => files.filter((file) => names.includes(basename(file)));
const together = files.filter((file) => !named([...FIRST, ...ALONE]).includes(file));

const patterns = values['test-name-pattern'];
await globalSetup();
await runFiles([...named(FIRST), ...together], { atOnce: 2, patterns });
await runFiles(named(ALONE), { atOnce: 1, patterns });
await globalTeardown();
