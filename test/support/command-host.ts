// Runs command lines one after another, for `shared-command.ts`. A command is over when nothing of
// it is left to wait for, which would keep a process of its own alive.
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommandLine } from '../../src/cli/program.ts';
import type { CommandResult } from './command.ts';

export interface CommandLine {
  env: Record<string, string>;
  args: string[];
}

const END_MS = 60_000;
const POLL_MS = 2;
const { PATH } = process.env;

const waitedFor = () => process.getActiveResourcesInfo().sort().join(', ');

async function run({ env, args }: CommandLine): Promise<CommandResult> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, { PATH }, env);
  process.exitCode = undefined;
  const result = { status: -1, stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (chunk: string | Uint8Array) => {
      result[name] += chunk;
      return true;
    };
  }
  const before = waitedFor();
  result.status = await runCommandLine(args);
  for (const deadline = Date.now() + END_MS; waitedFor() !== before; await sleep(POLL_MS)) {
    if (Date.now() < deadline) continue;
    throw new Error(`${args.join(' ')} does not end: it waits for ${waitedFor()}`);
  }
  return result;
}

process.on('message', async (line: CommandLine) => {
  const answer = await run(line).catch((error: Error) => ({ failure: error.message }));
  process.send?.(answer);
});
process.on('disconnect', () => process.exit());
