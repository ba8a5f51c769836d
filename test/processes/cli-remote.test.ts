import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { addCustomer } from '../support/calls.ts';
import { runCommand } from '../support/command.ts';
import { operatorClient } from '../support/operator.ts';
import { startService, type TestService } from '../support/service.ts';

let api: TestService;
let keyFile: string;
before(async () => {
  api = await startService();
  keyFile = join(api.folder, 'operator.key');
  await writeFile(keyFile, `${(await operatorClient(api)).secret}\n`);
});
after(() => api.stop());

const remotely = (...args: string[]) =>
  runCommand({}, '--server', api.url, '--key-file', keyFile, ...args);
const locally = (...args: string[]) => runCommand(api.env, ...args);

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
  for (const list of lists)
    assert.deepEqual(await remotely(...list), await locally(...list), list.join(' '));
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

test('what the API does not offer or refuses is said in a line, and nothing is done here', async () => {
  const wrongKey = join(api.folder, 'wrong.key');
  await writeFile(wrongKey, 'accapi_op_nothing');
  const https = 'must be an https:// address, or http:// of this machine';
  const cases: [string[], string][] = [
    [
      ['--server', api.url, '--key-file', keyFile, 'prices', 'list'],
      'prices list is not offered with --server; use it where the service runs',
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
