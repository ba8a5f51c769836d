import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DISTRIBUTED, distributionPlan, REFERENCE } from '../src/db/distribution.ts';
import { keyOf } from '../src/domain/access/api-key.ts';
import { accountRecord } from '../src/domain/account/account-record.ts';
import { listEntries } from '../src/domain/books/billing.ts';
import { reconcile } from '../src/domain/books/books.ts';
import { storeCalls } from '../src/domain/calls/call.ts';
import { streamCallRecords } from '../src/domain/calls/call-record.ts';
import { authorizeCall } from '../src/domain/rating/hold.ts';
import { addCustomer, post, reportedCall } from './support/calls.ts';
import { startService, type TestService } from './support/service.ts';
import { makeShards, ShardWatcher } from './support/shards.ts';

let api: TestService;
before(async () => {
  api = await startService();
});
after(() => api.stop());

const TABLES = Object.keys(DISTRIBUTED);

// What Citus offers, as far as the command uses it: the calls are noted.
const STAND_IN = `
  CREATE TABLE pg_dist_partition (logicalrelid regclass PRIMARY KEY, made_by text);
  CREATE FUNCTION create_reference_table(name text) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO pg_dist_partition VALUES (name::regclass, 'reference') $$;
  CREATE FUNCTION create_distributed_table(name text, col text, colocate_with text = 'default')
    RETURNS void LANGUAGE sql AS
    $$ INSERT INTO pg_dist_partition VALUES (name::regclass, col || ' with ' || colocate_with) $$;`;

test('without Citus nothing is distributed', async () => {
  await assert.rejects(distributionPlan(api.service.db), /has no Citus/);
});

test('every table gets its place once, and what Citus refuses is gone by then', async () => {
  const { db } = api.service;
  for (const statement of STAND_IN.split(/;\n(?= *CREATE)/)) await db.query(statement);
  const plan = await distributionPlan(db);
  for (const statement of plan) await db.query(statement);
  const made = await db.query<{ name: string; made_by: string }>(
    'SELECT logicalrelid::text AS name, made_by FROM pg_dist_partition',
  );
  assert.deepEqual(Object.fromEntries(made.map(({ name, made_by }) => [name, made_by])), {
    ...Object.fromEntries(REFERENCE.map((name) => [name, 'reference'])),
    balance: 'account with default',
    ...Object.fromEntries(
      TABLES.slice(1).map((name) => [name, `${DISTRIBUTED[name]} with balance`]),
    ),
  });
  assert.deepEqual(await distributionPlan(db), []);

  for (const table of TABLES) {
    const keys = await db.query<{ name: string; columns: string[]; primary: boolean }>(
      `SELECT i.indexrelid::regclass::text AS name, i.indisprimary AS primary,
         ARRAY(SELECT a.attname::text FROM unnest(i.indkey) WITH ORDINALITY AS k (num, n)
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num ORDER BY n) AS columns
       FROM pg_index i WHERE i.indrelid = $1::regclass AND i.indisunique`,
      [table],
    );
    assert.ok(
      keys.some(({ primary }) => primary),
      `${table} has no primary key`,
    );
    for (const { name, columns } of keys) assert.equal(columns[0], DISTRIBUTED[table], name);
    const others = await db.query(
      `SELECT tgname FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal
       UNION ALL SELECT conname FROM pg_constraint
       WHERE contype = 'f' AND $1::regclass IN (conrelid, confrelid)`,
      [table],
    );
    assert.deepEqual(others, [], `${table} has a trigger or a foreign key`);
  }
  const outward = await db.query(
    `SELECT conname FROM pg_constraint WHERE contype = 'f'
       AND conrelid = ANY($1::regclass[]) AND NOT confrelid = ANY($1::regclass[])`,
    [[...REFERENCE]],
  );
  assert.deepEqual(outward, [], 'a reference table refers to one that is none');
});

test('what is done all the time for one account looks into one shard', async () => {
  const { db, keyring, clock } = api.service;
  const account = await addCustomer(api, { cash: '100' });
  const others = await Promise.all(Array.from({ length: 30 }, () => addCustomer(api, {})));
  await storeCalls(
    db,
    'x',
    [account, ...others].map((username) => reportedCall({ account: username })),
    clock(),
  );
  const key = await keyOf(db, keyring, account);
  await makeShards(db);
  const watcher = new ShardWatcher({ connectionString: api.env.DATABASE_URL });
  const caller = { username: account, billingAccount: account, role: 'customer' } as const;
  const now = Math.floor(Date.now() / 1_000);
  const holding = { now: clock(), holdSeconds: 600, verifiedOnly: false };
  const question = { account, called: '2125550123', callId: 'one' };
  const hot: Record<string, () => Promise<unknown>> = {
    info: () => accountRecord(watcher, keyring, key),
    cdr: async () =>
      (await streamCallRecords(watcher, caller, { from: now - 86_400, to: now })).resume(),
    store: () => storeCalls(watcher, 'x', [reportedCall({ account })], clock()),
    authorize: () => authorizeCall(watcher, question, holding),
    credit: () => post(watcher, account, '1'),
    ledger: () => listEntries(watcher, account, { limit: 10 }),
    prove: () => reconcile(watcher, account),
  };
  for (const [name, run] of Object.entries(hot)) {
    watcher.touched = new Map();
    await run();
    // Whether anybody has a call that goes on is asked of all, before one is looked for.
    if (name === 'store') watcher.touched.delete('hold');
    assert.ok(watcher.touched.size > 0, `${name} was not watched`);
    const shards = new Set([...watcher.touched.values()].flatMap((numbers) => [...numbers]));
    assert.equal(
      shards.size,
      1,
      `${name}: ${JSON.stringify([...watcher.touched].map(([table, of]) => [table, ...of]))}`,
    );
  }
  watcher.touched = new Map();
  await reconcile(watcher);
  assert.equal(watcher.touched.get('call')?.size, 8);
  await watcher.close();
});
