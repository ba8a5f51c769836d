import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { searchAudit } from '../../src/domain/audit.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { addFeed } from '../../src/domain/calls/feed.ts';
import { replayRejected } from '../../src/ingest/replay.ts';
import { addCustomer } from '../support/calls.ts';
import { commandJson, pipeCommand, runCommand, startCommand } from '../support/command.ts';
import { feedOf } from '../support/parsing.ts';
import { SAMPLES } from '../support/records.ts';
import { post, sharedService, TESTER } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

let account: number;
const api = sharedService({}, async () => {
  account = await addCustomer(api, { cash: '1000' });
});

let nextNumber = 1;
const sample = (fields: object = {}) => ({
  account,
  number: nextNumber++,
  start: Math.floor(Date.now() / 1_000) - 600,
  ...fields,
});

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const path = join(api.folder, name);
  await writeFile(path, content);
  return path;
}

const run = (...args: string[]) => runCommand(api.env, 'calls', 'import', ...args);
const counts = (stored: number, duplicates = 0, more: object = {}) => ({
  stored,
  duplicates,
  unbilled: 0,
  rejected: 0,
  leftOut: 0,
  files: 1,
  failures: [],
  refusals: [],
  ...more,
});

test('a folder of FreeSWITCH records is taken in once, also after they came over HTTP', async () => {
  const authorization = await api.feed('freeswitch');
  const name = Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0] ?? '';
  const folder = join(api.folder, 'json_cdr');
  await mkdir(join(folder, '2030-01-01-00-00-00'), { recursive: true });
  const records = [sample(), sample(), sample()].map(SAMPLES.freeswitch);
  await writeFile(join(folder, 'one.cdr.json'), `${records[0]}\n`);
  await writeFile(join(folder, 'a_two.cdr.json.gz'), gzipSync(records[1] ?? ''));
  const encoded = encodeURIComponent(records[2] ?? '');
  await writeFile(join(folder, '2030-01-01-00-00-00', 'three.cdr.json'), `${encoded}\n`);
  await writeFile(join(folder, 'notes.txt'), 'no record');
  await post(`${api.url}/ingest/v1/calls/freeswitch`, records[0], { authorization });
  const import_ = () => commandJson(api.env, 'calls', 'import', '--feed', name, folder);
  assert.deepEqual(await import_(), counts(2, 1, { files: 3 }));
  assert.deepEqual(await import_(), counts(0, 3, { files: 3 }));
  const [finished, started] = await searchAudit(api.service.db, {}, { limit: 2 });
  assert.deepEqual(
    [finished?.action, started?.action],
    ['calls import finished', 'calls import started'],
  );
  assert.deepEqual(started?.detail, { feed: name, format: 'freeswitch', files: 3 });
});

test('a Master.csv is read in the time zone of its feed', async () => {
  const { db, keyring, clock } = api.service;
  const feed = feedOf('asterisk', { name: 'pbx-1', timeZone: 'America/New_York' });
  await addFeed(db, TESTER, { keyring, now: clock() }, feed);
  const row = SAMPLES.asterisk(sample({ start: Date.UTC(2026, 6, 1, 12) / 1_000 }));
  const path = await fileOf('Master.csv', `${row}\n`);
  const result = await run('--feed', 'pbx-1', path);
  assert.deepEqual([result.status, result.stderr], [0, '']);
  assert.match(
    result.stdout,
    /^Read 1 file: 1 call stored, 0 there already, 0 legs .*, 0 rejected\.$/m,
  );
  const [call] = await db.query<{ at: Date }>(
    "SELECT started_at AS at FROM call WHERE feed = 'pbx-1'",
  );
  assert.deepEqual(call?.at, new Date('2026-07-01T16:00:00Z'));
});

test('standard input is read, in a format without a feed', async () => {
  const lines = [sample(), sample()].map(SAMPLES.kamailio).join('\n');
  const pipe = (input: string | Buffer) =>
    pipeCommand(api.env, input, 'calls', 'import', '-', '--format', 'kamailio', '--json');
  const first = await pipe(lines);
  assert.deepEqual([first.status, JSON.parse(first.stdout)], [0, counts(2)]);
  const second = await pipe(gzipSync(lines));
  assert.deepEqual([second.status, JSON.parse(second.stdout)], [0, counts(0, 2)]);
});

test('bad records are rejected with their file and line, and the status says so', async () => {
  const records = [sample(), sample({ account: 9_999_999_997 }), sample()].map(SAMPLES.generic);
  const path = await fileOf('calls.ndjson', `${records.join('\n')}\n{"id": tru\n`);
  const result = await run('--format', 'generic', path);
  assert.equal(result.status, 1);
  assert.deepEqual(result.stdout.split('\n').slice(0, 3), [
    `malformed: The body must be JSON in UTF-8 (${path}, line 4)`,
    `unknown account: there is no account 9999999997 (${path}, line 2)`,
    'Read 1 file: 2 calls stored, 0 there already, 0 legs of calls that other records bill, 2 rejected.',
  ]);
  const { db, clock } = api.service;
  const kept = async () => {
    const rows = await db.query<{ detail: string; raw: Buffer }>(
      'SELECT detail, raw FROM rejected_record WHERE resolved_at IS NULL ORDER BY id',
    );
    return rows.map(({ detail, raw }) => [detail, raw.toString()]);
  };
  const expected = [
    [`The body must be JSON in UTF-8 (${path}, line 4)`, '{"id": tru'],
    [`there is no account 9999999997 (${path}, line 2)`, records[1]],
  ];
  assert.deepEqual(await kept(), expected);
  await replayRejected(db, TESTER, {
    now: clock(),
    retentionMonths: 24,
    emergencyNumbers: new Set(),
  });
  assert.deepEqual(await kept(), expected, 'a replay does not forget where they stood');
});

test('a file that cannot be read to its end does not stop the others', async () => {
  const packed = gzipSync(Array.from({ length: 50 }, () => SAMPLES.generic(sample())).join('\n'));
  const damaged = await fileOf('damaged.gz', packed.subarray(0, -20));
  const good = await fileOf('good.json', SAMPLES.generic(sample()));
  const result = await run('--format', 'generic', damaged, good, '--json');
  assert.equal(result.status, 1);
  const { stored, files, failures } = JSON.parse(result.stdout);
  assert.deepEqual([stored, files], [1, 1]);
  assert.deepEqual(failures, [{ name: damaged, problem: 'unexpected end of file' }]);
});

test('wrong usage is told', async () => {
  const path = await fileOf('x.json', '');
  const missing = await run(path);
  assert.deepEqual([missing.status, missing.stdout], [2, '']);
  assert.match(missing.stderr, /--feed, or add --format/);
  const feed = await run('--feed', 'nobody', path);
  assert.deepEqual(
    [feed.status, feed.stderr],
    [1, 'account-api: there is no feed nobody; feed list shows those that there are\n'],
  );
});

test('a folder without a file of the format is told', async () => {
  const folder = join(api.folder, 'of-another-switch');
  await mkdir(folder);
  await writeFile(join(folder, 'Master.csv'), 'no JSON');
  const { status, stdout } = await run('--format', 'freeswitch', folder);
  assert.deepEqual(
    [status, stdout.split('\n')[0]],
    [0, `${folder} has no file whose name ends with .cdr.json`],
  );
});

test('killed in the middle and run again, every call is there once', async () => {
  const { db } = api.service;
  const total = 20_000;
  const records = Array.from({ length: total }, () => SAMPLES.generic(sample({ talk: 6 })));
  const path = await fileOf('large.json', `[${records.join(',\n')}]`);
  const stored = async () => {
    const [row] = await db.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM call WHERE feed = 'import' AND talk_microseconds = 6000000",
    );
    return row?.count ?? 0;
  };
  const child = startCommand(api.env, 'calls', 'import', '--format', 'generic', path);
  await waitUntil(async () => (await stored()) > 0);
  child.kill('SIGKILL');
  const result = await commandJson(api.env, 'calls', 'import', '--format', 'generic', path);
  assert.equal(result.stored + result.duplicates, total);
  assert.ok(result.duplicates > 0);
  assert.equal(await stored(), total);
  assert.deepEqual((await reconcile(db)).imbalances, []);
  await rm(path);
});
