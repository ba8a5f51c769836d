import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { runCommand } from '../support/command.ts';
import { createDatabase, databaseUrl } from '../support/postgres.ts';
import { post, sharedService } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';

// The commands run beside the service, on the same database.

const api = sharedService();

const json = (...args: string[]) => sharedJson(api.env, ...args);
const run = (...args: string[]) => runCommand(api.env, ...args);

/** Asserts that a command is refused: exit status 1, empty standard output, one line of error. */
async function refusal(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...args);
  assert.deepEqual([status, stdout], [1, ''], stderr);
  const [, message] = /^account-api: (.*)\n$/.exec(stderr) ?? [];
  assert.ok(message, stderr);
  return message;
}

test('an administrator, a customer and its settings', async () => {
  const admin = await json('admin', 'create', '--name', 'Night shift', '--email', 'n@example.com');
  const added = { name: 'Sub', username: 3456789012, email: 's@example.com' };
  assert.equal((await api.call('add', added, admin.apikey)).status, 200);

  const own = ['--name', 'Example Company', '--email', 'office@example.com'];
  const created = await json('account', 'add', '3456789013', ...own);
  assert.deepEqual(created, {
    name: 'Example Company',
    username: 3456789013,
    password: created.password,
    email: 'office@example.com',
    masterAccount: 3456789013,
  });
  const { apikey } = (await api.call('apikey', created)).body;
  const [taken, orphan, set] = await Promise.all([
    refusal('account', 'add', '3456789013', ...own),
    refusal('account', 'add', '3456789014', ...own, '--master-account', '9999999999'),
    json(
      ...['account', 'set', '3456789013', '--rate', '0.025', '--increment', '30/6'],
      ...['--caller-id', '+12125550100', '--notify', 'off', '--notify-threshold', '7'],
      ...['--time-zone', 'europe/berlin', '--enabled', 'off', '--name', 'Example Company Ltd'],
    ),
  ]);
  assert.equal(taken, 'the username 3456789013 is taken');
  assert.equal(orphan, 'master account: Must be a billing account');
  const [account] = (await api.call('info', {}, apikey)).body.account;
  assert.deepEqual(account, {
    name: 'Example Company Ltd',
    rate: 0.025,
    enabled: false,
    notify_threshold: 7,
    username: '3456789013',
    caller_id: '2125550100',
    notify: false,
    email: 'office@example.com',
    created: account.created,
    cash: 0,
  });
  const { incrementSeconds, minimumSeconds, timeZone } = set;
  assert.deepEqual([minimumSeconds, incrementSeconds, timeZone], [30, 6, 'Europe/Berlin']);

  const [listed, shown, found, missing] = await Promise.all([
    run('account', 'list', '--search', 'company', '--limit', '1'),
    run('account', 'show', '3456789013'),
    json('account', 'list', '--limit', '1'),
    refusal('account', 'show', '9999999999'),
  ]);
  assert.match(
    listed.stdout,
    /^USERNAME {4}NAME .*\n3456789013 {2}Example Company Ltd {2}office@example.com {2}itself +0.00 USD {2}disabled\n$/,
  );
  assert.match(shown.stdout, /^Username +3456789013\nName +Example Company Ltd\n/);
  assert.deepEqual([found.accounts.length, found.next], [1, found.accounts[0].username]);
  assert.equal(missing, 'there is no account 9999999999');
});

test('money: a reference counts once, and books made wrong by hand are found', async () => {
  const { username } = await api.signUp();
  const account = String(username);
  const credit = ['account', 'credit', account, '25', '--reason', 'Card', '--reference', 'i-1'];
  assert.deepEqual(await json(...credit), { username, posted: true, cash: '25.000000' });
  const [again, other, debit] = await Promise.all([
    run(...credit),
    refusal('account', 'credit', account, '26', '--reason', 'Card', '--reference', 'i-1'),
    json('account', 'debit', account, '2.50', '--reason', 'Porting'),
  ]);
  assert.match(again.stdout, /^Nothing changed: the reference i-1 was posted before\. Balance of /);
  assert.equal(other, 'the reference i-1 has another amount already');
  assert.deepEqual(debit, { username, posted: true, cash: '22.500000' });
  const { entries } = await json('account', 'ledger', account);
  assert.deepEqual(
    entries.map(({ amount, reason, actor }: Record<string, string>) => [
      amount,
      reason,
      /^operator /.test(actor ?? ''),
    ]),
    [
      ['-2.500000', 'Porting', true],
      ['25.000000', 'Card', true],
    ],
  );

  const clean = await run('reconcile');
  assert.match(clean.stdout, /^\d+ billing accounts? and 0 calls checked: the books balance\.\n$/);
  await api.service.db.query('UPDATE balance SET cash = cash + 1 WHERE account = $1', [username]);
  const [wrong, told] = await Promise.all([run('reconcile', '--json'), run('reconcile')]);
  assert.deepEqual([wrong.status, told.status], [1, 1]);
  assert.deepEqual(JSON.parse(wrong.stdout).imbalances, [
    {
      account: username,
      ledger: '22.500000',
      calls: '0.000000',
      expected: '22.500000',
      cash: '23.500000',
      held: '0.000000',
      holds: '0.000000',
      inProgress: 0,
      heldCalls: 0,
    },
  ]);
  assert.match(
    told.stdout,
    new RegExp(
      `\n${account} +22.500000 +.* 22.500000 +23.500000 +0.000000 +0.000000 +0 +0\n.*: 1 imbalance\n$`,
    ),
  );
  await api.service.db.query('UPDATE balance SET cash = cash - 1 WHERE account = $1', [username]);
});

test('a credit on invoice is unpaid until a payment settles it', async () => {
  const { username } = await api.signUp();
  const account = String(username);
  const credit = ['account', 'credit', account, '50', '--reason', 'Invoice 7'];
  const lent = await json(...credit, '--on-invoice');
  const { entry } = lent;
  assert.deepEqual(lent, { username, entry, posted: true, cash: '50.000000' });
  const ledger = () => run('account', 'ledger', account, '--limit', '5');
  assert.match((await ledger()).stdout, / credit on invoice, unpaid +50\.00 USD +Invoice 7 /);
  const both = await run(...credit, '--on-invoice', '--settles', String(entry));
  assert.match(both.stderr, /--on-invoice' cannot be used with option '--settles/);
  const settled = await run(...credit, '--settles', String(entry));
  assert.equal(
    settled.stdout,
    `50.00 USD pay the credit on invoice ${entry}. Balance of ${account}: 50.00 USD\n`,
  );
  assert.match((await ledger()).stdout, / credit on invoice, paid +50\.00 USD +Invoice 7 /);
});

test('services, numbers, promotions and feeds do what they say at once', async () => {
  const { username, apikey } = await api.signUp();
  const { username: otherUsername } = await api.signUp();
  const account = String(username);
  const [, , promo, feed] = await Promise.all([
    json('service', 'add', account, 'E911', '1.50'),
    json('number', 'add', account, '18008786160', '--monthly', '2'),
    json('promo', 'create', 'WELCOME5', '--amount', '5', '--uses', '1', '--until', '2040-12-31'),
    json('feed', 'add', 'pbx1', '--format', 'generic', '--network', '127.0.0.0/8'),
  ]);
  const mrc = async () => (await api.call('mrc', {}, apikey)).body.mrc;
  assert.deepEqual(await mrc(), [{ E911: 1.5 }, { did: 2 }, { total: 3.5 }]);
  assert.deepEqual(promo, {
    code: 'WELCOME5',
    amount: '5',
    validUntil: '2040-12-31T23:59:59.999Z',
    usesLimit: 1,
  });
  await api.signUp('promoted@example.com', 'welcome5');
  const authorization = `Basic ${Buffer.from(`pbx1:${feed.secret}`).toString('base64')}`;
  const deliver = (body: unknown) =>
    post(`${api.url}/ingest/v1/calls/generic`, body, { authorization });
  const start = Math.floor(Date.now() / 1_000) - 60;
  const record = { id: 'a', account: 3456789019, start, duration: 60, cid: '1', dst: '2' };
  assert.equal((await deliver(record)).body.rejected, 1);

  const [services, numbers, promos, feeds, rejected, inUse, twice] = await Promise.all([
    json('service', 'list', account),
    json('number', 'list', account),
    run('promo', 'list'),
    json('feed', 'list'),
    json('calls', 'rejected', '--raw'),
    refusal('number', 'add', String(otherUsername), '8008786160', '--monthly', '2'),
    refusal('feed', 'add', 'pbx1', '--format', 'generic'),
  ]);
  assert.deepEqual([services.services.length, numbers.numbers[0].number], [1, '8008786160']);
  assert.match(promos.stdout, /^CODE .*\nWELCOME5 +5.00 USD {2}2040-12-31T23:59:59Z +1 +1\n$/);
  assert.deepEqual([feeds.feeds[0].name, feeds.feeds[0].networks], ['pbx1', ['127.0.0.0/8']]);
  assert.deepEqual([rejected.open, JSON.parse(rejected.records[0].raw)], [1, record]);
  assert.equal(inUse, `the number 8008786160 is in use by ${username}`);
  assert.equal(twice, 'the feed pbx1 exists already');

  await json('account', 'add', '3456789019', '--name', 'Late', '--email', 'late@example.com');
  assert.deepEqual(await json('calls', 'replay'), {
    replayed: 1,
    resolved: 1,
    rejected: 0,
    stored: 1,
    duplicates: 0,
  });
  await deliver({ ...record, id: 'b', account: 3456789018 });
  await deliver({ ...record, id: 'c', account: 3456789018 });
  const open = (await json('calls', 'rejected')).records.map(({ id }: { id: number }) => `${id}`);
  const [first, second] = open;
  const why = ['--reason', 'Test calls'];
  assert.equal(
    await refusal('calls', 'dismiss', first, rejected.records[0].id.toString(), ...why),
    `there is no open rejected record ${rejected.records[0].id}`,
  );
  assert.deepEqual(await json('calls', 'dismiss', first, ...why), {
    dismissed: [Number(first)],
    open: 1,
  });
  const dismissed = await run('calls', 'dismiss', second, ...why);
  assert.equal(dismissed.stdout, 'Dismissed 1 record; 0 open.\n');
  assert.deepEqual((await json('audit', '--limit', '1')).entries[0].detail, {
    records: [Number(second)],
    reason: 'Test calls',
  });
  await Promise.all([
    json('service', 'remove', account, 'E911'),
    json('number', 'remove', account, '8008786160'),
    json('feed', 'remove', 'pbx1'),
  ]);
  assert.deepEqual(await mrc(), [{ did: 0 }, { total: 0 }]);
  assert.equal((await deliver(record)).status, 401);
});

test('credentials: the old ones are refused at once, and a closed account has none', async () => {
  const { username, password, apikey } = await api.signUp();
  const account = String(username);
  const rotated = await json('account', 'rotate-key', account);
  assert.equal((await api.call('info', {}, apikey)).status, 401);
  assert.equal((await api.call('info', {}, rotated.apikey)).status, 200);
  const renewed = await json('account', 'password', account);
  assert.equal((await api.call('apikey', { username, password })).status, 401);
  assert.equal((await api.call('apikey', renewed)).body.apikey, renewed.apikey);
  await json('account', 'close', account, '--yes');
  assert.equal((await api.call('info', {}, renewed.apikey)).status, 401);
  const [closed, audit] = await Promise.all([
    refusal('account', 'close', account, '--yes'),
    run('audit', '--account', account),
  ]);
  assert.equal(closed, `there is no open account ${account}`);
  assert.match(audit.stdout, /operator \S+ +command line +account closed /);
  for (const secret of [rotated.apikey, renewed.apikey, renewed.password]) {
    assert.ok(!audit.stdout.includes(secret));
  }
});

test('errors are one line, in JSON too, and exit statuses tell them apart', async () => {
  const nowhere = { ...api.env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' };
  const [usage, nothing, usageJson, setting, database, help] = await Promise.all([
    run('account', 'show'),
    run('feed', 'set', 'switch-1'),
    run('account', 'nope', '--json'),
    runCommand({ ...api.env, PORT: 'many' }, 'account', 'list'),
    runCommand(nowhere, 'account', 'list', '--json'),
    run('account', 'set', '--help'),
  ]);
  assert.deepEqual(usage, {
    status: 2,
    stdout: '',
    stderr: "account-api: missing required argument 'username'; --help tells how it is used\n",
  });
  assert.deepEqual(nothing, {
    status: 2,
    stdout: '',
    stderr: 'account-api: say what to change with at least one option\n',
  });
  assert.deepEqual(usageJson, {
    status: 2,
    stdout: '',
    stderr: `{"error":"unknown command 'nope'; --help tells how it is used"}\n`,
  });
  assert.deepEqual([setting.status, setting.stdout], [1, '']);
  assert.match(setting.stderr, /^account-api: PORT .*\n$/);
  assert.deepEqual(database, {
    status: 1,
    stdout: '',
    stderr:
      '{"error":"the database is not available: connect ECONNREFUSED 127.0.0.1:1; ' +
      'does it run, and is DATABASE_URL right?"}\n',
  });
  assert.deepEqual([help.status, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: account-api account set \[options\] <username>\n/);
});

test('a database that is empty is refused and stays empty', async () => {
  const empty = await createDatabase();
  try {
    const url = databaseUrl(empty.connection);
    const { status, stdout, stderr } = await runCommand(
      { ...api.env, DATABASE_URL: url },
      'account',
      'list',
    );
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(
      stderr,
      /^account-api: the database test_\w+ on \S+ is empty; set DATABASE_URL .*\n$/,
    );
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query(
      "SELECT nspname AS schema, relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname IN ('public', 'pgboss')",
    );
    await client.end();
    assert.deepEqual(rows, []);
  } finally {
    await empty.drop();
  }
});
