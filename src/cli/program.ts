import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { accountCommands } from './account.ts';
import { adminCommands } from './admin.ts';
import { auditCommand } from './audit.ts';
import { backupCommands } from './backup.ts';
import { blockedCommands } from './blocked.ts';
import { callsCommands } from './calls.ts';
import { chargesCommands } from './charges.ts';
import { databaseCommands } from './db.ts';
import { demoCommand } from './demo.ts';
import { explain } from './explain.ts';
import { feedCommands } from './feed.ts';
import { keysCommands } from './keys.ts';
import { ledgerCommands } from './ledger.ts';
import { mailCommands } from './mail.ts';
import { mailQueueCommands } from './mail-queue.ts';
import { numberCommands } from './number.ts';
import { pricesCommands } from './prices.ts';
import { printable } from './print.ts';
import { promoCommands } from './promo.ts';
import { reconcileCommand } from './reconcile.ts';
import { serviceCommands } from './service.ts';

const FAILED = 1;
const WRONG_USAGE = 2;
// Other errors of usage tell what is right.
const NEED_HELP = new Set([
  'commander.excessArguments',
  'commander.missingArgument',
  'commander.missingMandatoryOptionValue',
  'commander.optionMissingArgument',
  'commander.unknownCommand',
  'commander.unknownOption',
]);

/** @returns the exit status: 0 done, 1 refused or failed, 2 wrong usage */
export async function runCommandLine(args: string[]): Promise<number> {
  const json = args.includes('--json');
  try {
    await buildProgram(json).parseAsync(args, { from: 'user' });
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

/** Every command there is. @param json whether errors are printed as JSON */
export function buildProgram(json: boolean): Command {
  const program = new Command('account-api')
    .description("The operators' command of the Account API. Settings are those of the service.")
    .version(version())
    .helpCommand(false)
    // Errors are printed once, by runCommandLine.
    .configureOutput({
      outputError: () => undefined,
      ...(json ? { writeErr: () => undefined } : {}),
    })
    .exitOverride();
  const account = program.command('account').description('accounts, their credentials and money');
  accountCommands(account);
  ledgerCommands(account);
  serviceCommands(program.command('service').description('monthly services of accounts'));
  numberCommands(program.command('number').description('phone numbers of accounts'));
  chargesCommands(program.command('charges').description('monthly charges'));
  pricesCommands(program.command('prices').description('rates by destination'));
  blockedCommands(program.command('blocked').description('prefixes that may not be called'));
  const mail = program.command('mail').description('what mails say, and those not delivered');
  mailCommands(mail);
  mailQueueCommands(mail);
  promoCommands(program.command('promo').description('promotion codes for signups'));
  feedCommands(program.command('feed').description('switches that send calls and registrations'));
  callsCommands(
    program.command('calls').description('calls from files, calls set aside, calls priced again'),
  );
  adminCommands(program.command('admin').description('administrators'));
  keysCommands(program.command('keys').description('the keys that seal secrets'));
  auditCommand(program);
  backupCommands(program);
  databaseCommands(program.command('db').description('where the data lies'));
  demoCommand(program);
  reconcileCommand(program);
  return program;
}

function complain(message: string, json: boolean): void {
  const line = message.replace(/\s*\n\s*/g, ' ').trim();
  console.error(json ? JSON.stringify({ error: line }) : `account-api: ${printable(line)}`);
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
