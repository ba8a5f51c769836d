#!/usr/bin/env node
import { loadQuickly } from '../loading.js';

loadQuickly();
const { runCommandLine } = await import('./program.ts');

// A closed pipe, as after `head`, stops the output, not the work.
process.stdout.on('error', () => undefined);
process.exitCode = await runCommandLine(process.argv.slice(2));
