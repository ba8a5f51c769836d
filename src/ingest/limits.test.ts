import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addCustomer } from '../../test/support/calls.ts';
import { SAMPLES } from '../../test/support/records.ts';
import { post, sharedService, TESTER } from '../../test/support/service.ts';
import { replayRejected } from './replay.ts';

let account: number;
const api = sharedService({}, async () => {
  account = await addCustomer(api, { cash: '100' });
});

let nextNumber = 1;
const goodLine = () =>
  SAMPLES.generic({
    account,
    number: nextNumber++,
    start: Math.floor(api.service.clock().getTime() / 1_000) - 600,
  });
const damagedLines = (count: number) =>
  Array.from({ length: count }, (_, number) => `{"id":${number}}`);

/** Delivers lines from a new feed. @returns the answer, and the kept records */
async function deliver(lines: string[]) {
  const authorization = await api.feed('generic');
  const raw = Buffer.from(lines.join('\n'));
  const { status, body } = await post(`${api.url}/ingest/v1/calls/generic`, raw, { authorization });
  const { stored, duplicates, unbilled, rejected } = body;
  const feed = Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0];
  const kept = await api.service.db.query<{ id: number; detail: string; raw: Buffer }>(
    'SELECT id, detail, raw FROM rejected_record WHERE feed = $1 ORDER BY id',
    [feed],
  );
  return { status, counts: [stored, duplicates, unbilled, rejected], raw, kept };
}

test('1,000 damaged records are kept one by one, of more the body itself as well', async () => {
  const damaged = damagedLines(1_001);
  const few = await deliver([...damaged.slice(1), goodLine()]);
  assert.deepEqual([few.status, few.counts], [200, [1, 0, 0, 1_000]]);
  assert.deepEqual(
    few.kept.map(({ raw }) => raw.toString()),
    damaged.slice(1),
  );
  const more = await deliver([...damaged, goodLine()]);
  assert.deepEqual([more.status, more.counts], [200, [1, 0, 0, 1_002]]);
  const body = more.kept.pop();
  assert.deepEqual([body?.detail, body?.raw], ['more than 1000 damaged records', more.raw]);
  assert.deepEqual(
    more.kept.map(({ raw }) => raw.toString()),
    damaged.slice(0, 1_000),
  );
});

test('a body that is mostly damaged is read no further than 10,000 records; a replay reads all', async () => {
  const good = [goodLine(), goodLine(), goodLine()];
  const { status, counts, raw, kept } = await deliver([...damagedLines(10_001), ...good]);
  assert.deepEqual([status, counts, kept.length], [200, [0, 0, 0, 10_001], 1_001]);
  const body = kept.at(-1);
  assert.equal(
    body?.detail,
    'read no further than 10000 records, of which most are damaged, more than 1000 damaged records',
  );
  assert.deepEqual(body?.raw, raw);
  const { db, clock, config } = api.service;
  const { emergencyNumbers } = config;
  const options = { now: clock(), retentionMonths: 24, emergencyNumbers, ids: [body?.id ?? 0] };
  const replayed = { replayed: 1, resolved: 0, rejected: 1, stored: 3, duplicates: 0 };
  assert.deepEqual(await replayRejected(db, TESTER, options), replayed);
});

test('the questions of a switch have 16 KiB', async () => {
  const authorization = await api.feed('generic');
  const question = JSON.stringify({ account, dst: '2125550123', call_id: 'c1' });
  const ask = async (path: string, bytes: number) => {
    const { status, body } = await post(`${api.url}${path}`, question.padEnd(bytes), {
      authorization,
    });
    return [status, body];
  };
  const tooLarge = { statusCode: '413', status: 'Error', message: 'Body too large' };
  for (const path of ['/ingest/v1/authorize', '/ingest/v1/release']) {
    assert.equal((await ask(path, 16 * 1024))[0], 200, path);
    assert.deepEqual(await ask(path, 16 * 1024 + 1), [413, tooLarge], path);
  }
});
