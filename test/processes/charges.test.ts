import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { addService } from '../../src/domain/billing/recurring-charge.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { PROGRAM, runCommand } from '../support/command.ts';
import { sharedService, TESTER } from '../support/service.ts';

const ACCOUNTS = 400;
const DAY_MS = 86_400_000;

const api = sharedService();

/** Added on the last day of the month before the previous one: so two months are due. */
const now = new Date();
const added = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1) - DAY_MS);
const monthOf = (monthsAgo: number) =>
  new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsAgo, 1))
    .toISOString()
    .slice(0, 7);

const run = async (...args: string[]) => {
  const { status, stdout, stderr } = await runCommand(api.env, ...args, '--json');
  return { status, output: JSON.parse(stdout || stderr) };
};

test('charges post previews, posts once, and an entry is reversed once', async () => {
  const { username } = await api.signUp();
  await addService(
    api.service.db,
    TESTER,
    { account: username, description: 'E911', monthly: '1.5' },
    added,
  );

  const { output: preview } = await run('charges', 'post', '--dry-run');
  assert.deepEqual(
    preview.charges.map(({ account, month, amount, cash }: Record<string, string>) => [
      account,
      month,
      amount,
      cash,
    ]),
    [
      [username, monthOf(1), '1.500000', '-1.500000'],
      [username, monthOf(0), '1.500000', '-3.000000'],
    ],
  );
  assert.deepEqual([preview.count, preview.amount], [2, '3.000000']);
  const text = await runCommand(api.env, 'charges', 'post', '--dry-run', '--limit', '1');
  assert.match(
    text.stdout,
    /and 1 more.*\n2 monthly charges, together 3\.00 USD; nothing was posted/s,
  );

  const posted = { accounts: 1, charges: 2, amount: '3.000000', failures: [] };
  assert.deepEqual((await run('charges', 'post')).output, posted);
  const again = await runCommand(api.env, 'charges', 'post');
  assert.equal(again.stdout, 'No monthly charge is due.\n');

  const { entries } = (await run('account', 'ledger', String(username))).output;
  const reverse = () =>
    run('account', 'reverse', String(username), String(entries[0].id), '--reason', 'Mistake');
  const { output: reversal } = await reverse();
  assert.deepEqual(reversal, {
    username,
    entry: entries[0].id,
    reversal: reversal.reversal,
    amount: '1.500000',
    posted: true,
    cash: '-1.500000',
  });
  assert.deepEqual((await reverse()).output, { ...reversal, posted: false });
  const refused = await run(
    'account',
    'reverse',
    String(username),
    String(reversal.reversal),
    '--reason',
    'x',
  );
  assert.deepEqual(refused, {
    status: 1,
    output: { error: `entry ${reversal.reversal} is a reversal; post a credit or a debit` },
  });
  const { output: trail } = await run('audit', '--account', String(username));
  assert.deepEqual(
    trail.entries.map(({ action }: { action: string }) => action),
    ['entry reversed', 'service added'],
  );
});

test('runs that are killed with -9 at any moment post every month once', async () => {
  const { db } = api.service;
  await db.query(
    `INSERT INTO account (username, master_account, name, email, email_key, rate, created_at,
       password_hash, key_digest, key_sealed, next_charge)
     SELECT 1000000000 + n, 1000000000 + n, 'Example', n || '@example.com', n || '@example.com',
       0.01, $2, '', sha256(n::text::bytea), '', $3 FROM generate_series(1, $1::int) n`,
    [ACCOUNTS, added, `${monthOf(1)}-01`],
  );
  await db.query(
    'INSERT INTO balance (account) SELECT 1000000000 + n FROM generate_series(1, $1::int) n',
    [ACCOUNTS],
  );
  await db.query(
    `INSERT INTO service (account, description, monthly, added_at)
     SELECT 1000000000 + n, 'Line', n, $2 FROM generate_series(1, $1::int) n`,
    [ACCOUNTS, added],
  );
  const postedSoFar = async () => {
    const [row] = await db.query<{ entries: number }>(
      `SELECT count(*)::int AS entries FROM ledger_entry
       WHERE account < 2000000000 AND kind = 'monthly charge'`,
    );
    return row?.entries ?? 0;
  };

  for (const share of [0.1, 0.4, 0.7]) {
    const runs = [1, 2].map(() => start('charges', 'post'));
    while ((await postedSoFar()) < share * 2 * ACCOUNTS) await sleep(10);
    for (const child of runs) child.kill('SIGKILL');
    await Promise.all(runs.map((child) => once(child, 'exit')));
  }
  assert.ok((await postedSoFar()) < 2 * ACCOUNTS, 'the runs were killed before they ended');
  assert.equal((await run('charges', 'post')).status, 0);

  const [sums] = await db.query(
    `SELECT count(*)::int AS entries, sum(amount)::text AS amount FROM ledger_entry
     WHERE account < 2000000000`,
  );
  const total = (2 * ACCOUNTS * (ACCOUNTS + 1)) / 2;
  assert.deepEqual(sums, { entries: 2 * ACCOUNTS, amount: `-${total}.000000` });
  const [lines] = await db.query(
    `SELECT count(*)::int AS lines, sum(amount)::text AS amount FROM charge_line
     WHERE account < 2000000000`,
  );
  assert.deepEqual(lines, { lines: 2 * ACCOUNTS, amount: `${total}.000000` });
  assert.deepEqual((await reconcile(db)).imbalances, []);
});

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...api.env, PATH: process.env.PATH },
    stdio: 'ignore',
  });
}
