import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Command, CommanderError } from 'commander';
import { invalidField } from '../domain/refusal.ts';
import { explain } from './explain.ts';
import { buildProgram } from './program.ts';

/** Parses a command line and does nothing. @returns the error, or an empty text */
async function complaint(...args: string[]): Promise<string> {
  const program = await buildProgram(false, args[0]);
  for (const leaf of leaves(program)) leaf.action(() => undefined);
  try {
    await program.parseAsync(args, { from: 'user' });
    return '';
  } catch (error) {
    assert.ok(error instanceof CommanderError);
    return error.message.replace(/^error: /, '');
  }
}

function leaves(command: Command): Command[] {
  return command.commands.length > 0 ? command.commands.flatMap(leaves) : [command];
}

function helpOf(leaf: Command): string {
  let text = '';
  leaf.configureOutput({ writeOut: (part) => (text += part) });
  leaf.outputHelp();
  return text;
}

/** Splits a line as a shell does, without its redirection. */
function words(line: string): string[] {
  const found = line.replace(/ > .*/, '').match(/'[^']*'|\S+/g) ?? [];
  return found.map((word) => word.replaceAll("'", ''));
}

test('every command has a description, --json and an example that it understands', async () => {
  const found = leaves(await buildProgram(false));
  assert.ok(found.length > 40, `${found.length} commands`);
  for (const leaf of found) {
    const name = `${leaf.parent?.name()} ${leaf.name()}`;
    assert.ok(leaf.description(), name);
    assert.ok(
      leaf.options.some(({ long }) => long === '--json'),
      name,
    );
    const [, example = ''] = /\nExample:\n {2}npx account-api (.+)\n/.exec(helpOf(leaf)) ?? [];
    assert.ok(example.includes(leaf.name()), `${name}: ${example}`);
    assert.equal(await complaint(...words(example)), '', example);
  }
});

test('what cannot be meant is refused before anything is opened', async () => {
  const username = '2345678901';
  const wrong: [string, RegExp][] = [
    ['account show 12', /^command-argument value '12' is invalid .*Must be a 10-digit number/],
    ['account show', /^missing required argument 'username'/],
    ['account show 2345678901 x', /^too many arguments/],
    ['account nope', /^unknown command 'nope'/],
    ['account list --nope', /^unknown option '--nope'/],
    ['account list --limit 0', /Must be a whole number from 1 to 1000/],
    [`account set ${username}`, /^say what to change with at least one option/],
    [`account set ${username} --rate -1`, /Must be an amount per minute/],
    [`account set ${username} --rate 0.0000001`, /Must be an amount per minute/],
    [`account set ${username} --increment 6`, /Must be minimum\/increment in seconds/],
    [`account set ${username} --increment 6/0`, /Must be minimum\/increment in seconds/],
    [`account set ${username} --caller-id 12`, /Must be a 10-digit number/],
    [`account set ${username} --email nobody`, /Must be an e-mail address/],
    [`account set ${username} --notify yes`, /Must be on or off/],
    [`account set ${username} --notify-threshold 1.5`, /Must be a whole number/],
    [`account set ${username} --time-zone Mars/Base`, /Must be a time zone/],
    [`account set ${username} --billing free`, /Must be prepaid or postpaid/],
    [`account close ${username} --json`, /^closing cannot be undone; confirm it with --yes/],
    [`account credit ${username} 5`, /^required option '--reason <text>' not specified/],
    [`account credit ${username} 0 --reason x`, /Must be an amount above 0/],
    [`account debit ${username} 1e3 --reason x`, /Must be an amount above 0/],
    [`account credit ${username} 0.0000001 --reason x`, /Must be an amount above 0/],
    [`service add ${username} total 1`, /Must not be did or total/],
    [`service add ${username} E911 -1`, /Must be an amount a month/],
    [`number add ${username} 1 --monthly 1`, /Must be digits/],
    [`number add ${username} 8008786160`, /^required option '--monthly <amount>'/],
    ['promo create A! --amount 5', /Must be 1 to 64 letters/],
    ['promo create A', /^required option '--amount <amount>'/],
    ['promo create A --amount 5 --until 2020-01-01', /Must not be past/],
    ['promo create A --amount 5 --until 2030-02-30', /Must be a day such as/],
    ['promo create A --amount 5 --uses 0', /Must be a whole number from 1/],
    ['feed add Pbx --format generic', /Must be 1 to 63 lower-case letters/],
    ['feed add pbx --format nope', /Allowed choices are freeswitch/],
    ['feed add pbx --format generic --network 300.1.1.1', /Must be an address or a CIDR/],
    ['calls replay x', /Must be a whole number/],
    ['mail retry', /^name the mails by their ids, or say --all/],
    ['mail drop x', /Must be the id of a mail/],
    ['backup', /^missing required argument 'path'/],
    ['audit --account x', /Must be a 10-digit number/],
  ];
  for (const [line, pattern] of wrong) assert.match(await complaint(...words(line)), pattern, line);
});

const COMMAND = new URL('./account-api.js', import.meta.url).pathname;

async function output(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [COMMAND, ...args]);
  return stdout;
}

test('a shell completes commands, options and choices', async () => {
  const completed = async (...typed: string[]) =>
    (await output('complete', '--', ...typed)).split('\n').map((line) => line.split('\t')[0]);
  assert.deepEqual((await completed('account', 'li')).slice(0, 1), ['list']);
  assert.ok((await completed('promo', 'create', '--')).includes('--amount'));
  assert.ok((await completed('account', 'list', '--state', '')).includes('suspended'));
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await output('complete', shell);
    assert.match(script, /account-api complete --/, shell);
    if (shell === 'bash') await promisify(execFile)('bash', ['-n', '-c', script]);
  }
});

test('help is a command, and it marks what is required', async () => {
  assert.match(await output('help'), /^Usage: account-api .*\n[\s\S]* account +[\s\S]* complete +/);
  const help = await output('help', 'promo', 'create');
  assert.match(help, /--amount <\w+> +\S[^\n]*\(required\)/);
  assert.doesNotMatch(help, /--until <date>[^\n]*\(required\)/);
});

test('errors of the operating system and of fields are told in words', () => {
  const missing = Object.assign(new Error('ENOENT: no such file or directory'), {
    code: 'ENOENT',
    path: 'prices.csv',
  });
  assert.equal(explain(missing), 'prices.csv: there is no such file or folder');
  const folder = Object.assign(new Error(), { code: 'EEXIST', syscall: 'mkdir', path: 'data' });
  assert.equal(explain(folder), 'data: a part of the path is a file, not a folder');
  assert.equal(
    explain(invalidField('callerId', 'Must be a 10-digit number')),
    'caller id: Must be a 10-digit number',
  );
});
