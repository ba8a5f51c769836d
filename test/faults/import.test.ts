import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startChild } from '../support/child.ts';
import { PROGRAM } from '../support/command.ts';
import { newDataFolder } from '../support/prepared-data.ts';
import { embeddedConnection, runCommand, serverEnv, startServer } from '../support/server.ts';
import { waitUntil } from '../support/wait.ts';
import { end } from './support/begin.ts';
import { between, report, times } from './support/scale.ts';

const KINDS = ['accounts', 'balances'] as const;
type Counts = Record<'id' | 'created' | 'unchanged' | 'failed', number | string>;

const accountRow = (n: number) =>
  `k-${n},Customer ${n},customer-${n}@example.com,${n % 10 === 9 ? `k-${n - 9}` : ''},0.0${1 + (n % 9)}`;
const files = (rows: number) => ({
  accounts: [
    'externalId,name,email,masterExternalId,rate',
    ...Array.from({ length: rows }, (_, n) => accountRow(n)),
  ],
  balances: [
    'externalId,cash,asOf',
    ...Array.from({ length: rows }, (_, n) => n).flatMap((n) =>
      n % 10 === 9 ? [] : [`k-${n},${n % 3 === 0 ? '-' : ''}${n}.25,2026-11-25`],
    ),
  ],
});

const query = async <Row>(dataDir: string, text: string): Promise<Row[]> => {
  const client = new pg.Client(embeddedConnection(dataDir));
  await client.connect();
  try {
    return (await client.query(text)).rows as Row[];
  } finally {
    await client.end();
  }
};

async function rowsOf(dataDir: string, kind: string): Promise<number> {
  const [row] = await query<{ count: number }>(
    dataDir,
    `SELECT count(*)::int AS count FROM import_row JOIN import_run ON run = id WHERE kind = '${kind}'`,
  );
  return row?.count ?? 0;
}

test('kill -9 of an import at random moments, and resume: the same as one run, twice', async (t) => {
  const [kills, rows] = [times(4, 50), times(2_000, 20_000)];
  const dataDir = await newDataFolder('account-api-import-');
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const server = await startServer(dataDir);
  const content = files(rows);
  let killed = 0;
  for (const kind of KINDS) {
    const path = join(dataDir, `${kind}.csv`);
    await writeFile(path, `${content[kind].join('\n')}\n`);
    let args = ['import', kind, path];
    let stored = 0;
    for (let kill = 0; ; kill++) {
      const child = startChild([PROGRAM, ...args, '--json'], { env: serverEnv(dataDir) });
      const isLast = kill === kills / 2;
      if (!isLast) {
        // At any moment of the start and the first reading, or while rows are stored.
        const more = async () => {
          await waitUntil(async () => (await rowsOf(dataDir, kind)) > stored, 120_000);
          await sleep(between(0, 300));
        };
        const moment = kill % 3 === 0 ? sleep(between(300, 1_500)) : more();
        await Promise.race([child.ended, moment]);
        child.kill('SIGKILL');
      }
      const status = await child.ended;
      if (status === 'SIGKILL') killed++;
      stored = await rowsOf(dataDir, kind);
      const [run] = await query<{ id: string }>(
        dataDir,
        `SELECT id FROM import_run WHERE kind = '${kind}' ORDER BY created_at DESC LIMIT 1`,
      );
      if (run) args = ['import', 'resume', run.id];
      if (isLast) {
        assert.equal(status, 0, child.output());
        break;
      }
    }
    const [done] = await query<{ status: string; rows: number; stored: number; lines: number }>(
      dataDir,
      `SELECT import_run.status, rows::int, count(*)::int AS stored, count(DISTINCT import_row.line)::int AS lines
       FROM import_run JOIN import_row ON run = id WHERE kind = '${kind}' AND import_run.status = 'finished'
       GROUP BY 1, 2`,
    );
    const expected = content[kind].length - 1;
    assert.deepEqual(done, {
      status: 'finished',
      rows: expected,
      stored: expected,
      lines: expected,
    });
    const again = await runCommand<Counts>(dataDir, ['import', kind, path]);
    assert.deepEqual([again.created, again.unchanged, again.failed], [0, expected, 0]);
  }
  const [accounts] = await query<object>(
    dataDir,
    `SELECT count(*)::int AS accounts, count(DISTINCT external_id)::int AS names,
       count(*) FILTER (WHERE master_account <> username)::int AS subs,
       (SELECT count(*)::int FROM balance) AS balances, (SELECT count(*)::int FROM sip_secret) AS secrets,
       (SELECT sum(accounts)::int FROM email_address WHERE address_key LIKE 'customer-%') AS addresses,
       (SELECT count(*)::int FROM event WHERE type = 'account.created') AS events
     FROM account WHERE external_id LIKE 'k-%'`,
  );
  const subs = Math.floor(rows / 10);
  assert.deepEqual(accounts, {
    accounts: rows,
    names: rows,
    subs,
    // and the administrator of the first start
    balances: rows - subs + 1,
    secrets: rows + 1,
    addresses: rows,
    events: rows + 1,
  });
  const [wrong] = await query<{ count: number }>(
    dataDir,
    `SELECT count(*)::int AS count FROM account a LEFT JOIN account m ON m.username = a.master_account
     WHERE a.external_id LIKE 'k-%' AND (CASE WHEN right(a.external_id, 1) = '9'
       THEN m.external_id IS DISTINCT FROM 'k-' || (substr(a.external_id, 3)::int - 9)
       ELSE a.master_account <> a.username END)`,
  );
  assert.equal(wrong?.count, 0);
  const cents = content.balances
    .slice(1)
    .reduce((sum, line) => sum + Math.round(100 * Number(line.split(',')[1])), 0);
  const [books] = await query<{ cash: string; entries: number }>(
    dataDir,
    `SELECT (SELECT sum(cash)::text FROM balance) AS cash,
       (SELECT count(*)::int FROM ledger_entry WHERE reference = 'opening balance') AS entries`,
  );
  assert.deepEqual(
    [Math.round(100 * Number(books?.cash)), books?.entries],
    [cents, content.balances.length - 1],
  );
  const proof = await runCommand<{ imbalances: object[] }>(dataDir, ['reconcile']);
  assert.deepEqual(proof.imbalances, []);
  await end(server);
  report(
    'kill -9 of an import, and resume: each row once, the books balance; again: nothing changes',
    `${rows} rows, ${killed} kills`,
    `${rows} accounts and ${content.balances.length - 1} balances, each there once`,
  );
});

test('kill -9 of the server during an import that a client started: it goes on by itself', async (t) => {
  const [kills, rows] = [times(1, 5), times(4_000, 20_000)];
  const dataDir = await newDataFolder('account-api-operation-');
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const env = { OPERATOR_LIMIT_PER_MINUTE: '1000000' };
  let server = await startServer(dataDir, { env });
  const scopes = 'imports:write,accounts:write';
  const create = ['operator-key', 'create', 'moving', '--scopes', scopes];
  const { secret } = await runCommand<{ secret: string }>(dataDir, create);
  const call = async (method: string, path: string, body?: string, type = 'application/json') => {
    const response = await fetch(`${server.url}/operator/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${secret}`,
        'idempotency-key': `${method}-${path.replaceAll('/', '.')}`,
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body }),
    });
    assert.ok(
      response.ok,
      `${method} ${path}: ${response.status} ${await response.clone().text()}`,
    );
    // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
    return response.json() as Promise<any>;
  };
  const { id } = await call('POST', '/imports', '{"kind":"accounts"}');
  await call('PUT', `/imports/${id}/parts/1`, files(rows).accounts.join('\n'), 'text/csv');
  const operation = await call('POST', `/imports/${id}/start`, '{}');
  const stored = async () => {
    const [row] = await query<{ count: number }>(
      dataDir,
      'SELECT count(*)::int AS count FROM import_row',
    );
    return row?.count ?? 0;
  };
  let seen = 0;
  for (let kill = 0; kill < kills; kill++) {
    await waitUntil(async () => (await stored()) > seen, 120_000);
    server.kill('SIGKILL');
    await server.ended;
    server = await startServer(dataDir, { env });
    seen = await stored();
    assert.ok(seen < rows, 'it is not done yet');
    const { status } = await call('GET', `/operations/${operation.id}`);
    assert.equal(status, 'running');
  }
  let done = operation;
  await waitUntil(async () => {
    done = await call('GET', `/operations/${operation.id}`);
    return done.finishedAt !== null;
  }, 180_000);
  assert.deepEqual([done.status, done.result.created, done.result.failed], ['succeeded', rows, 0]);
  assert.equal(await stored(), rows);
  await end(server);
  report(
    'kill -9 of the server during long work that a client began: it goes on and ends once',
    `${kills} kills, ${rows} rows`,
    `${rows} accounts, each there once`,
  );
});
