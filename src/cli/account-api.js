#!/usr/bin/env node
import { keepCompiled } from '../compile-cache.js';

keepCompiled();
const { runCommandLine } = await import('./program.ts');

// A reader that goes away, as `head` does, ends the output and not the work.
process.stdout.on('error', () => undefined);
process.exitCode = await runCommandLine(process.argv.slice(2));
