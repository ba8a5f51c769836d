import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS = 60_000;
const STOP_MS = 20_000;

/** A process that answers HTTP on a port of this machine. */
export interface HttpProcess {
  port: number;
  pid: number;
  stop: () => Promise<void>;
}

/**
 * Runs a TypeScript file that listens on the port in PORT.
 * @param logPath receives its output, like a service's log
 */
export async function runHttp(
  script: URL,
  { env, logPath, port }: { env: NodeJS.ProcessEnv; logPath: string; port: number },
): Promise<HttpProcess> {
  const log = openSync(logPath, 'a');
  const child = spawn(process.execPath, [script.pathname], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: String(port), ...env },
    stdio: ['ignore', log, log],
  });
  await answering(child, port, logPath);
  const pid = child.pid as number;
  return { port, pid, stop: () => stop(child) };
}

async function answering(child: ChildProcess, port: number, logPath: string): Promise<void> {
  for (const deadline = Date.now() + READY_MS; ; await sleep(20)) {
    if (child.exitCode !== null) {
      const said = (await readFile(logPath, 'utf8')).split('\n').slice(-4).join('\n');
      throw new Error(`a process ended instead of answering: ${said}`);
    }
    try {
      await fetch(`http://127.0.0.1:${port}/healthz`);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const insist = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill('SIGTERM');
  await once(child, 'exit');
  clearTimeout(insist);
}

/** A process's memory from /proc, in MiB; undefined without /proc. */
export async function memoryMib(pid: number): Promise<{ now: number; peak: number } | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const kib = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]);
    return { now: kib('VmRSS') / 1_024, peak: kib('VmHWM') / 1_024 };
  } catch {
    return undefined;
  }
}

/** Restarts the kernel's measurement of the peak (proc_pid_clear_refs(5)). */
export async function restartPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5').catch(() => undefined);
}

/** Runs a program to its end. @throws Error with its output if it fails */
export async function runProgram(
  program: string,
  args: string[],
  input = '',
): Promise<{ output: string; seconds: number }> {
  const began = performance.now();
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stderr.on('data', (chunk) => chunks.push(chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  const output = Buffer.concat(chunks).toString();
  if (code !== 0) throw new Error(`${program} failed: ${output.slice(-500)}`);
  return { output, seconds: (performance.now() - began) / 1_000 };
}

/** Whether a program can be run at all. */
export async function isInstalled(program: string): Promise<boolean> {
  return runProgram(program, ['--version']).then(
    () => true,
    () => false,
  );
}
