import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { addCustomer, countsOf, moneyOf, reportedCall } from '../../../test/support/calls.ts';
import { post, sharedService, TESTER } from '../../../test/support/service.ts';
import { StoreUnavailable } from '../../db/errors.ts';
import { unpack } from '../../ingest/bodies/unpack.ts';
import { takeIn } from '../../ingest/take-in.ts';
import { changeAccount } from '../account/account.ts';
import { monthlyStatement } from '../billing/statement.ts';
import { reconcile } from '../books/proof.ts';
import { storeCalls } from './call.ts';
import { ensureCurrentPartitions, listPartitions } from './call-partition.ts';
import { oldestTakenIn, retireCalls } from './call-retention.ts';
import type { RejectedRecord } from './rejected-record.ts';
import { rerateCalls } from './rerating.ts';

const RETENTION = 24;
const NOW = new Date('2030-06-15T12:00:00Z');
const OLDEST_KEPT = new Date('2028-06-01T00:00:00Z');

const api = sharedService();

const at = (time: string) => new Date(`${time}T12:00:00Z`);
const retire = () => retireCalls(api.service.db, NOW, RETENTION);

async function store(account: number, ...times: string[]) {
  const calls = times.map((time) => reportedCall({ account, startedAt: at(time) }));
  const result = await storeCalls(api.service.db, 'pbx1', calls, NOW);
  assert.equal(countsOf(result).stored, calls.length);
  return calls;
}

async function starts(account: number): Promise<string[]> {
  const rows = await api.service.db.query<{ start: Date }>(
    'SELECT started_at AS start FROM call WHERE account = $1 ORDER BY started_at',
    [account],
  );
  return rows.map(({ start }) => start.toISOString().slice(0, 10));
}

async function months(): Promise<string[]> {
  return (await listPartitions(api.service.db, 'with detached')).map(({ month }) => month);
}

async function retired(account: number) {
  return api.service.db.query(
    `SELECT month::text, calls, amount::text FROM call_retired
     WHERE billing_account = $1 ORDER BY month`,
    [account],
  );
}

/** Asserts that the books balance. @returns how many calls they count */
async function countedCalls(): Promise<number> {
  const { imbalances, calls } = await reconcile(api.service.db);
  assert.deepEqual(imbalances, []);
  return calls;
}

test('months of calls are there two ahead, and made at need', async () => {
  const { db } = api.service;
  await ensureCurrentPartitions(db, at('2035-11-30'));
  const ahead = (await months()).filter((month) => month >= '2035-01');
  assert.deepEqual(ahead, ['2035-10', '2035-11', '2035-12', '2036-01']);
  const account = await addCustomer(api);
  await store(account, '2036-03-31', '2036-02-29');
  assert.ok((await months()).includes('2036-02') && (await months()).includes('2036-03'));
});

test('a month over its retention is dropped; its calls still count in the books', async () => {
  const { db, queue } = api.service;
  const account = await addCustomer(api, { rate: '0.025', cash: '10' });
  const payer = await addCustomer(api);
  const paidFor = await addCustomer(api, { master: payer });
  await store(account, '2028-04-02', '2028-04-30', '2028-05-31', '2028-06-01', '2030-06-14');
  await store(paidFor, '2028-05-05');
  await changeAccount(db, TESTER, { queue, now: NOW }, account, { rate: '0.05' });
  const april = { from: at('2028-04-01'), to: at('2028-04-20'), account, reason: 'x' };
  assert.equal((await rerateCalls(db, TESTER, april, { now: NOW })).changed, 1);
  const money = await moneyOf(db, account);
  const counted = await countedCalls();

  await retire();
  assert.deepEqual(await starts(account), ['2028-06-01', '2030-06-14']);
  assert.deepEqual(await starts(paidFor), []);
  assert.ok((await months()).every((month) => month >= '2028-06'));
  assert.deepEqual(await retired(account), [
    { month: '2028-04-01', calls: 2, amount: '0.035000' },
    { month: '2028-05-01', calls: 1, amount: '0.017500' },
  ]);
  assert.deepEqual(await retired(payer), [{ month: '2028-05-01', calls: 1, amount: '0.017500' }]);
  assert.deepEqual(await moneyOf(db, account), money);
  assert.equal(await countedCalls(), counted);
  const kept = await db.query('SELECT 1 FROM call_rating WHERE account = $1', [account]);
  assert.deepEqual(kept, []);
  const trail = await db.query(
    "SELECT actor, detail FROM audit_entry WHERE action = 'calls retired' ORDER BY id",
  );
  assert.deepEqual(trail, [
    { actor: 'retention', detail: { month: '2028-04', accounts: 1, calls: 2 } },
    { actor: 'retention', detail: { month: '2028-05', accounts: 2, calls: 2 } },
  ]);

  await retire();
  assert.deepEqual(await starts(account), ['2028-06-01', '2030-06-14']);
  assert.equal((await retired(account)).length, 2);
  assert.equal((await monthlyStatement(db, account, '2028-06')).callsAmount, '0.017500');
  await assert.rejects(monthlyStatement(db, account, '2028-05'), {
    code: 'not found',
    message: 'the calls of 2028-05 are no longer kept',
  });
  await ensureCurrentPartitions(db, at('2028-06-10'));
  assert.ok((await months()).every((month) => month >= '2028-06'));
});

test('a record of a retired month that comes again is rejected, whatever a process believes', async () => {
  const { db } = api.service;
  const account = await addCustomer(api);
  const old = reportedCall({ account, startedAt: at('2028-05-31') });
  await assert.rejects(storeCalls(db, 'pbx1', [old], NOW), StoreUnavailable);
  const record = { id: 'again', account, start: '2028-05-31T12:00:00Z', duration: 40, dst: '1' };
  const feed = {
    name: 'pbx1',
    format: 'generic',
    networks: [],
    debits: 'service',
    timeZone: 'UTC',
  } as const;
  const body = Buffer.from(JSON.stringify(record));
  const rejects: RejectedRecord[] = [];
  const { stored } = await takeIn(db, { ...feed, networks: [] }, await unpack(body), {
    now: NOW,
    retentionMonths: 60,
    emergencyNumbers: new Set(),
    onRejected: (rejected) => rejects.push(...rejected),
  });
  assert.equal(stored, 0);
  assert.deepEqual(
    rejects.map(({ reason }) => reason),
    ['too old'],
  );
  // A delivery from a switch: the retention is read together with the credentials.
  const authorization = await api.feed('generic');
  const url = `${api.url}/ingest/v1/calls/generic`;
  const { status, body: told } = await post(url, body, { authorization });
  assert.deepEqual([status, told.stored, told.rejected], [200, 0, 1]);
  assert.deepEqual(await db.query('SELECT reason FROM rejected_record ORDER BY id DESC LIMIT 1'), [
    { reason: 'too old' },
  ]);
  assert.deepEqual(await oldestTakenIn(db, NOW, 60), OLDEST_KEPT);
  assert.deepEqual(await oldestTakenIn(db, NOW, 12), new Date('2029-06-01T00:00:00Z'));
});

test('interrupted before the month is dropped, the books hold, and the next run ends it', async (t) => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '10' });
  await store(account, '2028-06-20', '2029-01-01');
  const counted = await countedCalls();
  const later = at('2030-07-01');
  const reader = new pg.Client(api.env.DATABASE_URL);
  await reader.connect();
  t.after(() => reader.end());
  await reader.query('BEGIN');
  await reader.query('LOCK TABLE ONLY call IN ACCESS SHARE MODE');
  await assert.rejects(retireCalls(db, later, RETENTION), StoreUnavailable);
  assert.equal(await countedCalls(), counted);
  const late = reportedCall({ account, startedAt: at('2028-06-21') });
  await assert.rejects(storeCalls(db, 'pbx1', [late], NOW), StoreUnavailable);
  const begun = await listPartitions(db, 'with detached');
  assert.deepEqual(
    begun.filter(({ pending }) => pending).map(({ month }) => month),
    ['2028-06'],
  );
  await reader.query('COMMIT');

  await retireCalls(db, later, RETENTION);
  assert.deepEqual(await starts(account), ['2029-01-01']);
  assert.ok((await months()).every((month) => month >= '2028-07'));
  assert.equal(await countedCalls(), counted);
});

test('processes that retire at once do it once', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '10' });
  await store(account, '2028-07-01', '2028-08-01', '2029-02-01');
  const counted = await countedCalls();
  const later = at('2030-09-01');
  await Promise.allSettled([1, 2, 3].map(() => retireCalls(db, later, RETENTION)));
  await retireCalls(db, later, RETENTION);
  assert.deepEqual(await starts(account), ['2029-02-01']);
  assert.equal((await retired(account)).length, 2);
  assert.equal(await countedCalls(), counted);
});

test('while calls are being priced again, no month is retired', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '10' });
  await store(account, '2028-10-01');
  await db.query(
    `INSERT INTO rerating (from_at, to_at, reason, actor, started_at)
     VALUES ('2028-10-01', '2028-11-01', 'x', 'test', $1)`,
    [NOW],
  );
  await retireCalls(db, at('2030-11-01'), RETENTION);
  assert.deepEqual(await starts(account), ['2028-10-01']);
  await db.query('UPDATE rerating SET finished_at = $1', [NOW]);
  await retireCalls(db, at('2030-11-01'), RETENTION);
  assert.deepEqual(await starts(account), []);
  await countedCalls();
});
