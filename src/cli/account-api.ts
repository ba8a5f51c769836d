#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// What was compiled once is kept, which halves the time of most commands. It lies beside the
// packages, where nobody can put other code who could not change the packages themselves.
enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url)));
const { runCommandLine } = await import('./program.ts');

// A reader that goes away, as `head` does, ends the output and not the work.
process.stdout.on('error', () => undefined);
process.exitCode = await runCommandLine(process.argv.slice(2));
