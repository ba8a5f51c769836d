import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const PROGRAM = fileURLToPath(new URL('../../src/cli/account-api.js', import.meta.url));

export interface CommandResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the operators' command as a separate process. @param env its settings */
export function runCommand(env: Record<string, string>, ...args: string[]): Promise<CommandResult> {
  return resultOf(startCommand(env, ...args));
}

/** The same with data on its standard input. */
export function pipeCommand(
  env: Record<string, string>,
  input: string | Buffer,
  ...args: string[]
): Promise<CommandResult> {
  const child = spawn(PROGRAM, args, { env: { PATH: process.env.PATH, ...env } });
  child.stdin.end(input);
  return resultOf(child);
}

function resultOf(child: ChildProcessByStdio<Writable | null, Readable, Readable>) {
  return new Promise<CommandResult>((resolve, reject) => {
    const result = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      result.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      result.stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? -1, ...result }));
  });
}

export function startCommand(env: Record<string, string>, ...args: string[]) {
  return spawn(PROGRAM, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The command's output with --json; it must succeed. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
export async function commandJson(env: Record<string, string>, ...args: string[]): Promise<any> {
  const { status, stdout, stderr } = await runCommand(env, ...args, '--json');
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
