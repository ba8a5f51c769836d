import assert from 'node:assert/strict';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { storeCalls } from '../../src/domain/calls/call.ts';
import { listPartitions } from '../../src/domain/calls/call-partition.ts';
import { retireCalls } from '../../src/domain/calls/call-retention.ts';
import { rerateCalls } from '../../src/domain/calls/rerating.ts';
import { addCustomer, reportedCall } from '../support/calls.ts';
import { runCommand } from '../support/command.ts';
import { sharedService, TESTER } from '../support/service.ts';

const RETENTION = 2;

const api = sharedService();

const run = (...args: string[]) =>
  runCommand({ ...api.env, RETENTION_MONTHS: String(RETENTION) }, ...args);

test('months beyond the retention are archived, proved, dropped, and can still be read', async () => {
  const { db } = api.service;
  const now = new Date();
  const oldMonth = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 4, 10, 12));
  const month = oldMonth.toISOString().slice(0, 7);
  const rich = await addCustomer(api, { rate: '0.025', cash: '10' });
  const sub = await addCustomer(api, { rate: '0.05', master: rich });
  const other = await addCustomer(api, { rate: '0.1' });
  const ids = ['a'.repeat(32), 'b'.repeat(32), 'c'.repeat(32)];
  const calls = [rich, sub, other].map((account, n) =>
    reportedCall({
      id: ids[n] ?? '',
      account,
      startedAt: new Date(oldMonth.getTime() + n * 1_000),
      callerName: n === 0 ? '=1+1, "x"' : 'Example',
    }),
  );
  const missed = {
    account: sub,
    id: 'd'.repeat(32),
    talkMicroseconds: 0,
    outcome: 'busy',
  } as const;
  calls.push(reportedCall({ ...missed, startedAt: new Date(oldMonth.getTime() + 9_000) }));
  await storeCalls(db, 'pbx1', calls, now);
  // The call of `other` costs half afterwards; the ledger has the rest.
  await db.query('UPDATE account SET rate = 0.05 WHERE username = $1', [other]);
  const range = {
    from: new Date(oldMonth.getTime() - 1_000),
    to: new Date(oldMonth.getTime() + 60_000),
  };
  await rerateCalls(db, TESTER, { ...range, account: other, reason: 'wrong rate' }, { now });

  const months = async () => (await listPartitions(db, 'with detached')).map((part) => part.month);
  await retireCalls(db, now, RETENTION, true);
  assert.ok((await months()).includes(month), 'it waits for the archive');

  const folder = join(api.folder, 'archive');
  const written = await run('archive', 'write', folder, '--json');
  assert.deepEqual(
    [written.status, JSON.parse(written.stdout || '{}'), written.stderr],
    [0, { months: [{ month, calls: 4 }] }, ''],
  );
  assert.deepEqual(await readdir(folder), [`calls-${month}`]);
  const part = join(folder, `calls-${month}`, 'part-00001.ndjson.gz');
  const lines = gunzipSync(await readFile(part))
    .toString()
    .trim()
    .split('\n');
  const sums = lines
    .map((line) => JSON.parse(line))
    .map(({ account, amount, paid, outcome }) => [account, amount, paid, outcome]);
  assert.deepEqual(sums, [
    [rich, '0.017500', '0.017500', 'answered'],
    [sub, '0.035000', '0.035000', 'answered'],
    [sub, '0.000000', '0.000000', 'busy'],
    [other, '0.035000', '0.070000', 'answered'],
  ]);

  await retireCalls(db, now, RETENTION, true);
  assert.ok(!(await months()).includes(month), 'it is dropped');
  const proved = await run('reconcile', '--archive', folder);
  assert.match(
    proved.stdout,
    new RegExp(
      `^${month}: 2 billing accounts and 4 calls in the archive, as the books kept them\n`,
    ),
  );
  assert.equal(proved.status, 0, proved.stdout);

  const start = (n: number) => calls[n]?.startedAt.toISOString();
  const asked = await run('archive', 'calls', folder, String(rich), month);
  assert.deepEqual(
    [asked.status, asked.stdout.split('\r\n')],
    [
      0,
      [
        'start,account,caller,caller_name,called,source_ip,talk_seconds,billed_seconds,rate_per_minute,amount,id,outcome',
        `${start(0)},${rich},8666326621,"'=1+1, ""x""",2125550123,192.0.2.13,40,42,0.025000,0.017500,${ids[0]},answered`,
        `${start(1)},${sub},8666326621,Example,2125550123,192.0.2.13,40,42,0.050000,0.035000,${ids[1]},answered`,
        `${start(3)},${sub},8666326621,Example,2125550123,192.0.2.13,0,0,0.050000,0.000000,${calls[3]?.id},busy`,
        '',
      ],
    ],
  );
  const own = await run('archive', 'calls', folder, String(sub), month);
  assert.equal(own.stdout.split('\r\n').length, 4);
  const none = await run('archive', 'calls', folder, String(sub), month, '--billed');
  assert.equal(none.stdout.split('\r\n').length, 2);
  const missing = await run('archive', 'calls', folder, String(sub), '2001-01');
  assert.deepEqual([missing.status, missing.stdout], [1, '']);
  assert.match(missing.stderr, /has no calls of 2001-01/);

  await db.query('UPDATE call_retired SET amount = amount + 0.01 WHERE billing_account = $1', [
    other,
  ]);
  const wrong = await run('reconcile', '--archive', folder, '--json');
  const [{ differences }] = JSON.parse(wrong.stdout).archive;
  assert.deepEqual(
    [wrong.status, differences],
    [
      1,
      [
        {
          account: other,
          archive: { calls: 1, paid: '0.070000' },
          books: { calls: 1, paid: '0.080000' },
        },
      ],
    ],
  );
  await appendFile(part, 'x');
  const damaged = await run('reconcile', '--archive', folder);
  assert.equal(damaged.status, 1);
  assert.ok(
    damaged.stdout.includes(`${month}: ${part} is missing or was changed\n`),
    damaged.stdout,
  );
});
