import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { moneyOf, post as pay } from '../../test/support/calls.ts';
import { post, sharedService, TESTER } from '../../test/support/service.ts';
import { addAccount, NO_LIMITS } from '../domain/account/new-account.ts';
import { listRejected } from '../domain/calls/rejected-search.ts';
import { replayRejected } from './replay.ts';

// The caller and the end of the calls in the samples.
const CALLER = 2125550001;
const ENDED_AT = Date.parse('2026-11-25T18:30:00Z');

let authorization: string;
const api = sharedService({}, async () => {
  api.advance((ENDED_AT - Date.now()) / 1_000);
  authorization = await api.feed('freeswitch');
  const { db, keyring, clock, config } = api.service;
  await addAccount(db, TESTER, keyring, {
    name: 'Example Company',
    email: 'user@example.com',
    username: CALLER,
    masterAccount: CALLER,
    role: 'customer',
    rate: '0.6',
    limits: NO_LIMITS,
    sipRealm: config.sipRealm,
    now: clock(),
  });
  await db.query('UPDATE account SET minimum_seconds = 1, increment_seconds = 1');
  await pay(db, CALLER, '5', clock());
});

const NAMES = {
  'blind A': 'blind-1-a-normal_clearing',
  'blind B': 'blind-2-b-normal_temporary_failure',
  'attended A1': 'attended-1-a-normal_clearing',
  'attended A2': 'attended-2-a-attended_transfer',
  'attended B1': 'attended-3-b-manager_request',
  'attended B2': 'attended-4-b-manager_request',
};

/** The record as FreeSWITCH 1.10.12 sent it. */
const sample = (name: keyof typeof NAMES) =>
  JSON.parse(
    readFileSync(
      new URL(`../../test/samples/freeswitch/transfer-${NAMES[name]}.body`, import.meta.url),
      'utf8',
    ),
  );

async function deliver(...records: object[]): Promise<object> {
  const { body } = await post(`${api.url}/ingest/v1/calls/freeswitch`, records, { authorization });
  const { statusCode: _, status: _status, ...counts } = body;
  return counts;
}

const counts = (fields: object) => ({
  stored: 0,
  duplicates: 0,
  unbilled: 0,
  rejected: 0,
  ...fields,
});

/** Account, number and seconds of calls since the last check, in the order of their starts. */
async function billed(): Promise<(string | number)[][]> {
  const rows = await api.service.db.query<{ account: number; called: string; talk: number }>(
    `SELECT account, called, talk_microseconds::float8 / 1000000 AS talk FROM call
     ORDER BY started_at, called`,
  );
  const cents = rows.reduce((sum, { talk }) => sum + Math.ceil(talk), 0);
  assert.equal((await moneyOf(api.service.db, CALLER))?.cash, (5 - cents / 100).toFixed(6));
  await api.service.db.query('TRUNCATE call');
  await pay(api.service.db, CALLER, (cents / 100).toFixed(2), api.service.clock());
  return rows.map(({ account, called, talk }) => {
    assert.equal(account, CALLER);
    return [called, talk];
  });
}

test('legs that an attended transfer leaves behind are billed to who made them, from then on', async () => {
  const legs = [sample('attended B1'), sample('attended B2')];
  const all = [...legs, sample('attended A1'), sample('attended A2')];
  assert.deepEqual(await deliver(...all), counts({ stored: 4 }));
  assert.deepEqual(await deliver(...all), counts({ duplicates: 4 }));
  assert.deepEqual(await billed(), [
    ['2025550350', 6.919957],
    ['2025550351', 2.039817],
    ['2025550350', 12.260004],
    ['2025550351', 12.240001],
  ]);
});

test('what a blind transfer left behind without an answer costs nothing', async () => {
  assert.deepEqual(await deliver(sample('blind A'), sample('blind B')), counts({ stored: 2 }));
  assert.deepEqual(await billed(), [
    ['2025550340', 2.039509],
    ['2025550341', 0],
  ]);
});

test('a leg that goes on does not cost the account of the phone that it rang', async () => {
  const leg = sample('attended B1');
  leg.variables.accountcode = '2125550002';
  assert.deepEqual(await deliver(sample('attended A1'), leg), counts({ stored: 2 }));
  assert.deepEqual((await billed()).at(-1), ['2025550351', 12.240001]);
});

test('a leg whose call is not there waits for it', async () => {
  assert.deepEqual(await deliver(sample('attended B1')), counts({ rejected: 1 }));
  const { db, clock, config } = api.service;
  const [record] = await listRejected(db, { after: 0, limit: 10 });
  assert.equal(record?.detail, 'the call that made this leg is not there');
  await deliver(sample('attended A1'));
  const replayed = await replayRejected(db, TESTER, {
    now: clock(),
    retentionMonths: 24,
    emergencyNumbers: config.emergencyNumbers,
  });
  assert.deepEqual([replayed.stored, replayed.rejected], [1, 0]);
  assert.deepEqual(await billed(), [
    ['2025550351', 2.039817],
    ['2025550351', 12.240001],
  ]);
});

test('a leg that tells nobody who made it is rejected', async () => {
  const leg = sample('attended B2');
  leg.variables.originator = undefined;
  assert.deepEqual(await deliver(leg), counts({ rejected: 1 }));
  const [record] = await listRejected(api.service.db, { after: 0, limit: 10 });
  assert.equal(record?.detail, 'originator is missing');
  assert.deepEqual(await billed(), []);
});
