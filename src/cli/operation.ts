import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import type { Actor } from '../domain/audit.ts';
import type { OpenService } from '../open-service.ts';
import { jsonText } from './print.ts';

export interface Output {
  /** what --json prints */
  json: unknown;
  /** what is printed otherwise */
  text: string;
  /** said beside `text`, on standard error, so that programs can read standard output */
  note?: string;
  /** what the command found is wrong */
  failed?: boolean;
}

/** Adds a command with its one line of description and an example, which is given without `npx`. */
export function command(
  parent: Command,
  usage: string,
  description: string,
  example: string,
): Command {
  return withExample(parent.command(usage).description(description), example);
}

/** The same for a command that is known by its line of description already. */
export function withExample(on: Command, example: string): Command {
  return on
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  npx account-api ${example}`);
}

/**
 * What a command does: its arguments were checked, the service is opened for it and closed after
 * it. What it throws becomes one line and exit status 1.
 * @param work gets the command's arguments, then its options
 */
export function perform<Values extends unknown[]>(
  on: Command,
  work: (service: OpenService, ...values: Values) => Promise<Output>,
): void {
  performWithout(on, async (config, ...values: Values) => {
    const service = await openForCommand(config);
    try {
      // Printed before all is closed: what is shown once must not be lost to a failure there.
      print(on, await work(service, ...values));
    } finally {
      await service.close();
    }
  });
}

/** The same for a command that opens what it needs, and prints its output, by itself. */
export function performWithout<Values extends unknown[]>(
  on: Command,
  work: (config: Config, ...values: Values) => Promise<void>,
): void {
  on.action(async (...received: unknown[]) => {
    const { loadConfig } = await import('../config.ts');
    await work(loadConfig(), ...(received.slice(0, -1) as Values));
  });
}

/** Loads what opens a service, which a command that only says how it is used does not need. */
export async function openForCommand(config: Config): Promise<OpenService> {
  const { openService } = await import('../open-service.ts');
  // A lost connection fails the statement that needs it, and that is what is reported.
  return openService(config, { role: 'command', onError: () => undefined });
}

export function print(on: Command, output: Output): void {
  const { json } = on.opts<{ json?: true }>();
  process.stdout.write(`${json ? jsonText(output.json) : output.text}\n`);
  if (!json && output.note) process.stderr.write(`${output.note}\n`);
  if (output.failed) process.exitCode = 1;
}

/** Who runs the command, as ledger and audit trail keep it. */
export function operator(): Actor {
  return { who: `operator ${userName()}`, from: 'command line' };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? '(unknown)');
  }
}
