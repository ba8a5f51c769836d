// Runs test files, each in a process of its own:
//   node test/each.ts [--setup MODULE] [--at-once N] [--test-name-pattern PATTERN] FILE|PATTERN…
// MODULE prepares what all files share; without it that is one PostgreSQL.
import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { runFiles } from './support/run-files.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    setup: { type: 'string', default: 'test/support/global-setup.ts' },
    'at-once': { type: 'string', default: '1' },
    'test-name-pattern': { type: 'string', multiple: true },
  },
});
const files = globSync(positionals).sort();
if (files.length === 0) throw new Error(`no file is ${positionals.join(' or ')}`);
const { globalSetup, globalTeardown } = await import(pathToFileURL(resolve(values.setup)).href);
await globalSetup();
await runFiles(files, { atOnce: Number(values['at-once']), patterns: values['test-name-pattern'] });
await globalTeardown();
