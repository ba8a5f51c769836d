import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CommandResult } from './command.ts';
import type { CommandLine } from './command-host.ts';

const HOST = fileURLToPath(new URL('command-host.ts', import.meta.url));

let host: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Runs the operators' command in a process that many command lines share, in turn, because starting
 * a process takes longer than most commands. For commands that prepare, repeat or compare: each
 * command is also started as a process by a test, with `runCommand`.
 * @param env its settings
 */
export function runShared(env: Record<string, string>, ...args: string[]): Promise<CommandResult> {
  const result = last.then(() => ask({ env, args }));
  last = result.catch(() => undefined);
  return result;
}

/** The command's output with --json; it must succeed. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
export async function sharedJson(env: Record<string, string>, ...args: string[]): Promise<any> {
  const { status, stdout, stderr } = await runShared(env, ...args, '--json');
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}

function ask(line: CommandLine): Promise<CommandResult> {
  host ??= start();
  const child = host;
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`the shared process ended at ${line.args.join(' ')}`));
    child.once('exit', gone);
    child.once('message', (answer: CommandResult | { failure: string }) => {
      child.off('exit', gone);
      child.channel?.unref();
      if ('failure' in answer) reject(new Error(answer.failure));
      else resolve(answer);
    });
    child.channel?.ref();
    child.send(line);
  });
}

/** A process that ends with this one, and keeps it alive only while a command runs. */
function start(): ChildProcess {
  const child = fork(HOST, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  child.once('exit', () => {
    host = undefined;
  });
  child.unref();
  return child;
}
