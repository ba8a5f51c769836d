import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { addCustomer } from '../support/calls.ts';
import { type CommandResult, runCommand } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';
import { operatorClient } from '../support/operator.ts';
import { startReceiver } from '../support/receiver.ts';
import { sharedService } from '../support/service.ts';
import { runShared } from '../support/shared-command.ts';

let keyFile: string;
const api = sharedService({ WEBHOOK_ALLOW: '127.0.0.1' }, async () => {
  api.env.WEBHOOK_ALLOW = '127.0.0.1';
  keyFile = join(api.folder, 'operator.key');
  await writeFile(keyFile, `${(await operatorClient(api)).secret}\n`);
});

const here = () => ['--server', api.url, '--key-file', keyFile];
const remotely = (...args: string[]) => runCommand({}, ...here(), ...args);
const locally = (...args: string[]) => runShared(api.env, ...args);
/** Of a list. */
const sameFromAfar = async (args: string[]) =>
  assert.deepEqual(await runShared({}, ...here(), ...args), await locally(...args), args.join(' '));

test('a remote installation gives the same output as its own machine', async () => {
  const username = String(await addCustomer(api));
  const credit = ['account', 'credit', username, '12.5', '--reason', 'Card', '--reference', 'pi_1'];
  assert.deepEqual(await remotely(...credit), {
    status: 0,
    stdout: `Credited 12.50 USD. Balance of ${username}: 12.50 USD\n`,
    stderr: '',
  });
  assert.deepEqual(await remotely(...credit), await locally(...credit), 'posted before');
  await remotely('account', 'debit', username, '2', '--reason', 'Porting');
  const lists = [
    ['account', 'ledger', username],
    ['account', 'ledger', username, '--limit', '1', '--json'],
    ['audit', '--account', username],
    ['audit', '--account', username, '--json'],
    ['reconcile'],
    ['reconcile', '--account', username, '--json'],
  ];
  for (const list of lists) await sameFromAfar(list);
  const { stdout } = await remotely('account', 'ledger', username, '--json');
  const [, first] = JSON.parse(stdout).entries;
  const reverse = ['account', 'reverse', username, String(first.id), '--reason', 'Bounced'];
  assert.match((await remotely(...reverse)).stdout, /^Posted -12\.50 USD as entry/);
  assert.deepEqual(await remotely(...reverse), await locally(...reverse), 'reversed before');
  const renewed = JSON.parse((await remotely('account', 'rotate-key', username, '--json')).stdout);
  assert.equal((await api.call('info', {}, renewed.apikey)).status, 200);
  const secrets = JSON.parse((await remotely('account', 'password', username, '--json')).stdout);
  const { body } = await api.call('apikey', {
    username: Number(username),
    password: secrets.password,
  });
  assert.equal(body.apikey, secrets.apikey);
  const closed = await remotely('account', 'close', username, '--yes');
  assert.deepEqual([closed.status, closed.stdout], [0, `Closed ${username}.\n`]);
});

test('lists and changes of settings are the same from afar', async () => {
  const username = String(await addCustomer(api));
  const receiver = await startReceiver();
  const rates = join(api.folder, 'rates.csv');
  await writeFile(rates, 'prefix,rate,name,connect fee\n44,0.01,UK,0.02\n49,0.02,Germany,\n');
  const ok = async (on: (...args: string[]) => Promise<CommandResult>, ...args: string[]) => {
    const done = await on(...args);
    assert.equal(done.status, 0, `${args.join(' ')}: ${done.stderr}`);
    return done.stdout.trim();
  };
  for (const args of [
    ['prices', 'import', 'retail', rates],
    ['blocked', 'add', '4479', '53', '--reason', 'Fraud'],
    ['feed', 'add', 'pbx1', '--format', 'generic', '--network', '192.0.2.0/24'],
    ['number', 'add', username, '8008786160', '--monthly', '2'],
  ])
    await ok(locally, ...args);
  // One change by each way: the output is that of the local command.
  const changes: string[][] = [
    ['service', 'add', username, 'E911', '1.50'],
    ['promo', 'create', 'SPRING', '--amount', '5', '--uses', '9'],
    ['feed', 'set', 'pbx1', '--country', 'GB'],
    ['blocked', 'remove', '53'],
    ['calls', 'rerate', '--from', '2026-01-01', '--to', '2026-02-01', '--reason', 'New'],
  ];
  const said = [
    `Added E911 to ${username}: 1.50 USD a month`,
    'Created SPRING: 5.00 USD for a new account',
    'Changed pbx1.',
    'Unblocked for everyone: 53',
    '0 calls looked at, 0 changed.\nPosted 0 adjustments: 0.00 USD',
  ];
  for (const [n, args] of changes.entries()) assert.equal(await ok(remotely, ...args), said[n]);
  const add = ['webhook', 'add', receiver.url, '--types', 'feed.*', '--account', username];
  const { secret, ...hook } = JSON.parse(await ok(remotely, ...add, '--json'));
  assert.match(secret, /^whsec_/);
  assert.deepEqual(JSON.parse(await ok(locally, 'webhook', 'show', hook.id, '--json')), hook);
  const key = ['operator-key', 'create', 'crm', '--scopes', 'accounts:read', '--entry-limit', '5'];
  const { secret: own, ...made } = JSON.parse(await ok(remotely, ...key, '--json'));
  assert.match(own, /^accapi_op_/);
  const lists = [
    ['number', 'list', username],
    ['service', 'list', username],
    ['prices', 'list'],
    ['prices', 'show', 'retail'],
    ['prices', 'show', 'retail', '--limit', '1'],
    ['blocked', 'list'],
    ['feed', 'list'],
    ['promo', 'list'],
    ['webhook', 'list'],
    ['webhook', 'show', hook.id],
    ['webhook', 'failed', hook.id],
    ['operator-key', 'list'],
  ];
  for (const list of lists) {
    await sameFromAfar(list);
    await sameFromAfar([...list, '--json']);
  }
  assert.match(await ok(remotely, 'webhook', 'test', hook.id), /^status 204 after \d+ ms$/);
  assert.match(await ok(remotely, 'webhook', 'set', hook.id, '--disabled'), /State +disabled/);
  assert.match(await ok(remotely, 'webhook', 'set', hook.id, '--enabled'), /State +good/);
  assert.match(await ok(remotely, 'webhook', 'rotate', hook.id), /^whsec_/);
  const replayed = await ok(remotely, 'webhook', 'replay', hook.id, '--after', '0');
  assert.match(replayed, /^\d+ events are sent again\.$/);
  assert.equal(await ok(remotely, 'webhook', 'remove', hook.id), `Removed ${hook.id}.`);
  assert.match(await ok(remotely, 'operator-key', 'rotate', made.id), /^accapi_op_/);
  assert.equal(await ok(remotely, 'promo', 'end', 'spring'), 'Ended SPRING; 0 used it.');
  assert.equal(await ok(remotely, 'feed', 'remove', 'pbx1'), 'Removed pbx1.');
  assert.equal(await ok(locally, 'feed', 'list'), 'No feed.');
  receiver.stop();
});

test('what the API does not offer or refuses is said in a line, and nothing is done here', async () => {
  const wrongKey = join(api.folder, 'wrong.key');
  await writeFile(wrongKey, 'accapi_op_nothing');
  const https = 'must be an https:// address, or http:// of this machine';
  const cases: [string[], string][] = [
    [
      ['--server', api.url, '--key-file', keyFile, 'charges', 'post'],
      'charges post is not offered with --server; use it where the service runs',
    ],
    [
      ['backup', '--server', api.url, '--key-file', keyFile, '/tmp/none'],
      'backup is not offered with --server; use it where the service runs',
    ],
    [['--server', api.url, 'audit'], '--server and --key-file belong together'],
    [['--key-file', keyFile, 'audit'], '--server and --key-file belong together'],
    [['--server', 'http://api.example.com', '--key-file', keyFile, 'audit'], `--server ${https}`],
    [['--server', api.url, '--key-file', wrongKey, 'audit'], 'the key in --key-file is not valid'],
    [
      ['--server', api.url, '--key-file', keyFile, 'account', 'ledger', '9999999999'],
      'there is no account 9999999999',
    ],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = await runCommand({}, ...args);
    assert.deepEqual([status, stdout], [1, ''], args.join(' '));
    assert.match(
      stderr,
      new RegExp(`^account-api: .*${message.replace(/[./]/g, '\\$&')}`),
      args.join(' '),
    );
  }
});

test('an installation that does not answer may have made a change, and none by reading', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const on = (...args: string[]) => runCommand({}, '--server', url, '--key-file', keyFile, ...args);
  const silence = `account-api: ${url} cannot be reached: nothing answers there`;
  assert.equal((await on('audit')).stderr, `${silence}\n`);
  const unknown = 'it is not known whether a change was made; the same --reference counts once';
  const credit = ['account', 'credit', '2345678901', '1', '--reason', 'Test'];
  assert.equal((await on(...credit)).stderr, `${silence}; ${unknown}\n`);
});
