import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { after } from 'node:test';

const LINE_WAIT_MS = 120_000;

const living = new Set<Child>();
/** Kills all processes that the tests have started. */
export const endChildren = () => {
  for (const child of living) child.kill('SIGKILL', 'group');
};
process.once('exit', endChildren);
// Children of a failed test would keep the file's process alive.
if (process.env.NODE_TEST_CONTEXT) after(endChildren);

/** A real process of a test, and its output. */
export interface Child {
  pid: number;
  /** standard output and error so far */
  output: () => string;
  /** waits for a line of the output. @returns what the pattern found there */
  line: (pattern: RegExp) => Promise<RegExpExecArray>;
  /** signals the process, or its whole process group */
  kill: (signal: NodeJS.Signals, whom?: 'process' | 'group') => void;
  /** resolves with the exit status, or the signal that ended it */
  ended: Promise<number | NodeJS.Signals>;
}

/** Starts a process in a new session and group. It is killed after the file's tests. */
export function startChild(command: string[], options: SpawnOptions = {}): Child {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  const pid = child.pid ?? 0;
  let output = '';
  const ended = endOf(child);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const kill = (signal: NodeJS.Signals, whom: 'process' | 'group' = 'process') => {
    if (over || pid === 0) return;
    try {
      process.kill(whom === 'group' ? -pid : pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const waiting = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    output += chunk;
    for (const look of waiting) look();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const line = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const done = (finish: () => void) => {
        waiting.delete(look);
        clearTimeout(timer);
        finish();
      };
      const look = () => {
        const found = pattern.exec(output);
        if (found) done(() => resolve(found));
      };
      const giveUp = (why: string) =>
        done(() => reject(new Error(`no ${pattern} in the output (${why}):\n${output}`)));
      const timer = setTimeout(() => giveUp('timeout'), LINE_WAIT_MS);
      waiting.add(look);
      void ended.then((why) => {
        look();
        giveUp(`ended with ${why}`);
      });
      look();
    });
  const handle: Child = { pid, output: () => output, line, kill, ended };
  living.add(handle);
  void ended.then(() => living.delete(handle));
  return handle;
}

/** At that time its output is completely read. */
function endOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? code ?? 0));
  });
}
