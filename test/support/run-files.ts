import { once } from 'node:events';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

// A test that waits for ever fails. Full counts of faults take hours.
const MOST_MS = process.env.FAULTS === 'full' ? 6 * 3_600_000 : 300_000;

// Tests make much that is soon no longer needed: with space for it, it is seldom cleared away.
const SPACE = '--max-semi-space-size=64';

export interface RunOptions {
  /** how many processes run at once */
  atOnce: number;
  /** the tests to run, as patterns of their names; undefined: all */
  patterns?: string[] | undefined;
  /** arguments of each process */
  argv?: string[];
  /** ends a process after its tests although something is left open; it must know all its tests */
  forceExit?: boolean;
}

/**
 * Runs test files, each in a process of its own, and shows their results. The status of this
 * process tells whether one failed. A test without an end fails after five minutes.
 */
export async function runFiles(
  files: string[],
  { atOnce, patterns, argv = [], forceExit = true }: RunOptions,
): Promise<void> {
  if (files.length === 0) return;
  const tests = run({
    files,
    concurrency: Math.min(atOnce, files.length),
    timeout: MOST_MS,
    argv,
    execArgv: [SPACE, ...(forceExit ? ['--test-force-exit'] : [])],
    ...(patterns ? { testNamePatterns: patterns } : {}),
  });
  tests.on('test:fail', () => {
    process.exitCode = 1;
  });
  const shown = tests.compose(spec);
  shown.pipe(process.stdout, { end: false });
  await once(shown, 'end');
}
