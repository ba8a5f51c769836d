import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import type { Actor } from '../domain/audit.ts';
import { Refusal } from '../domain/refusal.ts';
import type { OpenService } from '../open-service.ts';
import { jsonText, printAmountsIn } from './print.ts';
import type { Remote } from './remote.ts';

export interface Output {
  /** what --json prints */
  json: unknown;
  /** the output without --json */
  text: string;
  /** printed beside `text` on standard error, so that programs can read standard output */
  note?: string;
  /** the command found a fault */
  failed?: boolean;
}

/**
 * Adds a command with its one line of description and an example; the example is given without
 * `npx`.
 */
export function command(
  parent: Command,
  usage: string,
  description: string,
  example: string,
): Command {
  return withExample(parent.command(usage).description(description), example);
}

/** The same for a command that already has its line of description. */
export function withExample(on: Command, example: string): Command {
  return on
    .option('--json', 'print one JSON document')
    .addHelpText('after', `\nExample:\n  npx account-api ${example}`);
}

/** Makes it wrong usage to change nothing. @param besides options that change nothing by themselves */
export function requireChange(on: Command, ...besides: string[]): Command {
  return on.hook('preAction', () => {
    const given = Object.keys(on.opts()).filter((name) => !['json', ...besides].includes(name));
    if (given.length === 0) on.error('say what to change with at least one option');
  });
}

/**
 * Defines the action of a command. The arguments are already checked; the service is opened before
 * the work and closed after it. An error becomes one line and exit status 1.
 * @param work gets the command's arguments, then its options
 * @param remotely the same for another installation (`--server`); left out: the operators' API does
 *   not offer it
 */
export function perform<Values extends unknown[]>(
  on: Command,
  work: (service: OpenService, ...values: Values) => Promise<Output>,
  remotely?: (remote: Remote, ...values: Values) => Promise<Output>,
): void {
  performWithout(
    on,
    async (config, ...values: Values) => {
      const service = await openForCommand(config);
      try {
        // The output is printed before the service is closed: a failure there must not lose a
        // secret that is shown once.
        print(on, await work(service, ...values));
      } finally {
        await service.close();
      }
    },
    remotely,
  );
}

/**
 * A command that has the same result here and on another installation (`--server`).
 * @param local asks the database, `remote` the operators' API; both get the arguments and options
 * @returns takes the function that prints the result
 */
export function performAnywhere<Values extends unknown[], Result>(
  on: Command,
  local: (service: OpenService, ...values: Values) => Promise<Result>,
  remote: (installation: Remote, ...values: Values) => Promise<Result>,
): (output: (result: Result, ...values: Values) => Output) => void {
  return (output) =>
    perform(
      on,
      async (service, ...values: Values) => output(await local(service, ...values), ...values),
      async (installation, ...values) => output(await remote(installation, ...values), ...values),
    );
}

/** The same for a command that opens what it needs and prints its output itself. */
export function performWithout<Values extends unknown[]>(
  on: Command,
  work: (config: Config, ...values: Values) => Promise<void>,
  remotely?: (remote: Remote, ...values: Values) => Promise<Output>,
): void {
  on.action(async (...received: unknown[]) => {
    const values = received.slice(0, -1) as Values;
    const { server, keyFile } = on.optsWithGlobals<{ server?: string; keyFile?: string }>();
    const isRemote = server !== undefined || keyFile !== undefined;
    if (isRemote && !remotely) throw notOffered(nameOf(on));
    const { loadConfig } = await import('../config.ts');
    const config = loadConfig();
    printAmountsIn(config.currency);
    if (!isRemote || !remotely) return work(config, ...values);
    const { openRemote } = await import('./remote.ts');
    print(on, await remotely(openRemote(server, keyFile), ...values));
  });
}

/** Refuses what the operators' API does not offer. @param what a command, or an option of one */
export function notOffered(what: string): Refusal {
  return new Refusal(
    'malformed',
    `${what} is not offered with --server; use it where the service runs`,
  );
}

function nameOf(on: Command): string {
  const parent = on.parent?.parent ? `${on.parent.name()} ` : '';
  return `${parent}${on.name()}`;
}

/** Loads the module that opens a service only here: printing a command's usage does not need it. */
export async function openForCommand(config: Config): Promise<OpenService> {
  const { openService } = await import('../open-service.ts');
  // A lost connection fails the statement that needs it; that error is reported.
  return openService(config, { role: 'command', onError: () => undefined });
}

/**
 * Writes the text and, to standard error, the note; with `--json` the document alone. Sets the
 * exit status to 1 for a failed output.
 */
export function print(on: Command, output: Output): void {
  const { json } = on.opts<{ json?: true }>();
  process.stdout.write(`${json ? jsonText(output.json) : output.text}\n`);
  if (!json && output.note) process.stderr.write(`${output.note}\n`);
  if (output.failed) process.exitCode = 1;
}

/** The person who runs the command, as stored in the ledger and the audit trail. */
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
