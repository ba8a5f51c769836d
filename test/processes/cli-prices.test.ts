import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { storeCalls } from '../../src/domain/calls/call.ts';
import { addCustomer, reportedCall } from '../support/calls.ts';
import { runCommand } from '../support/command.ts';
import { sharedService } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';

const api = sharedService();

const run = async (...args: string[]) => {
  const { status, stdout, stderr } = await runCommand(api.env, ...args);
  return [status, stdout || stderr];
};

test('price lists and blocked prefixes are kept by the command', async () => {
  const username = String(await addCustomer(api, { rate: '0.025' }));
  const file = join(api.folder, 'rates.csv');
  await writeFile(file, 'prefix,rate,name,country\n44,0.01,United Kingdom,GB\n4470,x,,\n');
  assert.deepEqual(await run('prices', 'import', 'wholesale', file), [
    1,
    "line 3: the rate 'x' must be an amount per minute with at most six decimals\n" +
      'Nothing was imported.\n',
  ]);
  await writeFile(file, 'prefix,rate,name,country\n44,0.01,United Kingdom,GB\n4470,0.5,,\n');
  assert.deepEqual(await run('prices', 'import', 'wholesale', file, '--dry-run'), [
    0,
    'Would import wholesale: 2 added, 0 changed, 0 as before, 0 removed.\n' +
      "Columns that were ignored: 'country'\n",
  ]);
  assert.deepEqual(await sharedJson(api.env, 'prices', 'import', 'wholesale', file, '--replace'), {
    imported: true,
    added: 2,
    changed: 0,
    unchanged: 0,
    removed: 0,
    raisedSoon: 0,
    ignored: ['country'],
    repriced: null,
  });
  const account = await sharedJson(
    api.env,
    ...['account', 'set', username, '--price-list', 'wholesale', '--max-calls', '2'],
    ...['--billing', 'postpaid', '--credit-limit', '500'],
  );
  const { priceList, maxCalls, billing, creditLimit } = account;
  assert.deepEqual(
    [priceList, maxCalls, billing, creditLimit],
    ['wholesale', 2, 'postpaid', '500.000000'],
  );
  assert.deepEqual(await run('prices', 'rate', username, '+442055501234'), [
    0,
    '0.01 USD a minute, 6/6 seconds: by 44 of the list wholesale (United Kingdom)\n',
  ]);
  assert.deepEqual(await run('prices', 'show', 'wholesale', '--limit', '1'), [
    0,
    "PREFIX      RATE  SECONDS    NAME\n44      0.01 USD  account's  United Kingdom\nMore: add --after 44\n",
  ]);
  assert.deepEqual(await run('blocked', 'add', '+44 70', '53', '--account', username), [
    0,
    `Blocked for ${username}: 4470, 53\n`,
  ]);
  assert.deepEqual(await run('prices', 'rate', username, '+447055501234'), [
    0,
    '0.50 USD a minute, 6/6 seconds: by 4470 of the list wholesale\nCalls to it are blocked.\n',
  ]);
  assert.deepEqual(await run('blocked', 'remove', '53', '--account', username), [
    0,
    `Unblocked for ${username}: 53\n`,
  ]);
  const cleared = await sharedJson(
    api.env,
    ...['account', 'set', username, '--price-list', 'none', '--max-calls', 'none'],
    ...['--credit-limit', 'none'],
  );
  assert.deepEqual([cleared.priceList, cleared.maxCalls, cleared.creditLimit], [null, null, null]);
  assert.match(String((await run('prices', 'list'))[1]), /^wholesale +2 +0 +0 {2}\S+Z$/m);
  const [status, listed] = await run('blocked', 'list');
  assert.deepEqual([status, String(listed).split('\n').length], [0, 3]);
});

test('the command explains a call, and prices count from a date on', async () => {
  const username = String(await addCustomer(api, { rate: '0.025' }));
  const file = join(api.folder, 'dated.csv');
  await writeFile(file, 'prefix,rate,connect fee\n44,0.6,0.05\n');
  const from = ['--from', '2130-12-01T00:00Z'];
  assert.equal((await run('prices', 'import', 'dated', file, ...from))[0], 0);
  await sharedJson(api.env, 'account', 'set', username, '--price-list', 'dated');
  await sharedJson(api.env, 'feed', 'add', 'pbx-gb', '--format', 'generic', '--country', 'GB');
  const explain = ['calls', 'explain', '02079460000', '--feed', 'pbx-gb', '--account', username];
  const { number, price, amount } = await sharedJson(api.env, ...explain);
  assert.deepEqual([number, price, amount], ['+442079460000', null, '0.025000']);
  const later = await sharedJson(api.env, ...explain, '--at', '2130-12-01', '--seconds', '40');
  assert.deepEqual(
    [later.price.prefix, later.rate, later.billedSeconds, later.fee, later.amount],
    ['44', '0.600000', 42, '0.050000', '0.470000'],
  );
});

test('calls of a range are priced again by the command', async () => {
  const { db, clock } = api.service;
  const account = await addCustomer(api, { rate: '0.025' });
  const startedAt = new Date('2026-02-01T12:00:00Z');
  await storeCalls(db, 'x', [reportedCall({ account, startedAt })], clock());
  await db.query('UPDATE account SET rate = 0.0125 WHERE username = $1', [account]);
  const rerate = ['calls', 'rerate', '--from', '2026-02-01', '--to', '2026-02-01T12:00:01Z'];
  assert.deepEqual(await run(...rerate), [
    2,
    'account-api: say why with --reason, or add --dry-run\n',
  ]);
  assert.deepEqual(await run(...rerate, '--dry-run'), [
    0,
    '1 call looked at, 1 would change.\n' +
      `ACCOUNT      ADJUSTMENT\n${account}  0.00875 USD\nWould post 1 adjustment: 0.00875 USD\n`,
  ]);
  const scope = ['--account', String(account), '--reason', 'Agreed'];
  assert.deepEqual(await sharedJson(api.env, ...rerate, ...scope), {
    dryRun: false,
    calls: 1,
    changed: 1,
    total: '0.008750',
    adjustments: [{ account, amount: '0.008750' }],
  });
});
