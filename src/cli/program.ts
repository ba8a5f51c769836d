import { readFileSync } from 'node:fs';
import { Command, CommanderError, Help, type Option } from 'commander';
import { explain } from './explain.ts';
import { printable } from './print.ts';

const FAILED = 1;
const WRONG_USAGE = 2;
const COMPLETE = 'complete';
// Other usage errors already name the right usage.
const NEED_HELP = new Set([
  'commander.excessArguments',
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.unknownCommand',
  'commander.unknownOption',
]);

/** A single command, or a group of commands. */
interface Entry {
  name: string;
  description: string;
  load: (on: Command) => Promise<void>;
}

const ENTRIES: Entry[] = [
  {
    name: 'account',
    description: 'accounts, their credentials and money',
    load: async (group) => {
      (await import('./account.ts')).accountCommands(group);
      (await import('./ledger.ts')).ledgerCommands(group);
    },
  },
  {
    name: 'service',
    description: 'monthly services of accounts',
    load: async (group) => (await import('./service.ts')).serviceCommands(group),
  },
  {
    name: 'number',
    description: 'phone numbers of accounts',
    load: async (group) => (await import('./number.ts')).numberCommands(group),
  },
  {
    name: 'charges',
    description: 'monthly charges',
    load: async (group) => (await import('./charges.ts')).chargesCommands(group),
  },
  {
    name: 'prices',
    description: 'rates by destination',
    load: async (group) => (await import('./prices.ts')).pricesCommands(group),
  },
  {
    name: 'blocked',
    description: 'prefixes that may not be called',
    load: async (group) => (await import('./blocked.ts')).blockedCommands(group),
  },
  {
    name: 'mail',
    description: 'what mails say, and those not delivered',
    load: async (group) => {
      (await import('./mail.ts')).mailCommands(group);
      (await import('./mail-queue.ts')).mailQueueCommands(group);
    },
  },
  {
    name: 'archive',
    description: 'calls of old months, as files',
    load: async (group) => (await import('./archive.ts')).archiveCommands(group),
  },
  {
    name: 'promo',
    description: 'promotion codes for signups',
    load: async (group) => (await import('./promo.ts')).promoCommands(group),
  },
  {
    name: 'feed',
    description: 'switches that send calls and registrations',
    load: async (group) => (await import('./feed.ts')).feedCommands(group),
  },
  {
    name: 'calls',
    description: 'calls from files, rejected records, calls priced again',
    load: async (group) => (await import('./calls.ts')).callsCommands(group),
  },
  {
    name: 'import',
    description: 'move in from another system: accounts, phones, numbers, services, balances',
    load: async (group) => (await import('./moving/import.ts')).importCommands(group),
  },
  {
    name: 'export',
    description: 'move out, or fill a data warehouse: all that is kept, as files',
    load: async (group) => (await import('./moving/export.ts')).exportCommands(group),
  },
  {
    name: 'admin',
    description: "the staff: who may use the operators' pages",
    load: async (group) => (await import('./admin.ts')).adminCommands(group),
  },
  {
    name: 'keys',
    description: 'the keys that seal secrets',
    load: async (group) => (await import('./keys.ts')).keysCommands(group),
  },
  {
    name: 'operator-key',
    description: "keys of the operators' API",
    load: async (group) => (await import('./operator-key.ts')).operatorKeyCommands(group),
  },
  {
    name: 'webhook',
    description: 'URLs of your systems that get events',
    load: async (group) => (await import('./webhook.ts')).webhookCommands(group),
  },
  {
    name: 'events',
    description: 'what happened, in order',
    load: async (group) => (await import('./events.ts')).eventCommands(group),
  },
  {
    name: 'audit',
    description: 'who changed what, newest first',
    load: async (on) => (await import('./audit.ts')).auditCommand(on),
  },
  {
    name: 'backup',
    description: 'copy the embedded database into one file, while the service runs or not',
    load: async (on) => (await import('./backup.ts')).backupCommand(on),
  },
  {
    name: 'restore',
    description: 'put a backup into a data folder that has no database yet, and prove its books',
    load: async (on) => (await import('./backup.ts')).restoreCommand(on),
  },
  {
    name: 'demo',
    description: 'fill example accounts with 30 days of calls; a second time changes nothing',
    load: async (on) => (await import('./demo.ts')).demoCommand(on),
  },
  {
    name: 'reconcile',
    description:
      'prove the books: a balance is what ledger and calls add up to, held what holds do; status 1 where not',
    load: async (on) => (await import('./reconcile.ts')).reconcileCommand(on),
  },
];

/** @returns the exit status: 0 done, 1 refused or failed, 2 wrong usage */
export async function runCommandLine(args: string[]): Promise<number> {
  const json = args.includes('--json');
  try {
    // `help` may name a command of any depth; the library's own takes one word.
    const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
    const program = await buildProgram(json, firstWord(line));
    await program.parseAsync(line, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      complain(explain(error), json);
      return FAILED;
    }
    if (error.exitCode === 0) return 0;
    if (error.code === 'commander.help') {
      if (json) complain('a command is missing', json);
    } else {
      const help = NEED_HELP.has(error.code) ? '; --help tells how it is used' : '';
      complain(error.message.replace(/^error: /, '') + help, json);
    }
    return WRONG_USAGE;
  }
}

/**
 * The commands. @param json whether errors are printed as JSON
 * @param first the first word of the command line. Only the entry with this name gets its commands
 * and options, because loading all takes longer than most commands. If it is missing, all entries
 * get them; with `complete`, the command for completion is there, too.
 */
export async function buildProgram(json: boolean, first?: string): Promise<Command> {
  const program = new Command('account-api')
    .description("The operators' command of the Account API. Settings are those of the service.")
    .version(version())
    .option('--server <url>', "another installation, driven by its operators' API")
    .option('--key-file <file>', 'with --server: the file with the operator key')
    .helpCommand('help [command]', 'what a command does, and its options')
    .configureHelp({ optionDescription })
    // Errors are printed once, by runCommandLine.
    .configureOutput({
      outputError: () => undefined,
      ...(json ? { writeErr: () => undefined } : {}),
    })
    .exitOverride();
  for (const { name, description, load } of ENTRIES) {
    const on = program.command(name).description(description);
    if (first === undefined || first === name || first === COMPLETE) await load(on);
  }
  if (first === COMPLETE) {
    // The package adds the command itself, from all commands and options that it finds.
    (await import('@bomb.sh/tab/commander')).default(program);
  } else if (first !== undefined) {
    program.command(COMPLETE).description('print a script for completion in bash, zsh or fish');
  }
  return program;
}

/** Marks the options that a command does not work without. */
function optionDescription(option: Option): string {
  const text = new Help().optionDescription(option);
  return option.mandatory ? `${text} (required)` : text;
}

/** The first word that is neither an option nor the value of one. */
function firstWord(args: string[]): string {
  const withValue = ['--server', '--key-file'];
  const words = args.filter(
    (word, n) => !word.startsWith('-') && !withValue.includes(args[n - 1] ?? ''),
  );
  return words[0] ?? '';
}

function complain(message: string, json: boolean): void {
  const line = message.replace(/\s*\n\s*/g, ' ').trim();
  console.error(json ? JSON.stringify({ error: line }) : `account-api: ${printable(line)}`);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
