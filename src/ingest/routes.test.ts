import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';
import { addCustomer } from '../../test/support/calls.ts';
import { GENERIC_HEADER, genericRow, SAMPLES } from '../../test/support/records.ts';
import { type Answer, post, sharedService } from '../../test/support/service.ts';
import { addNumber } from '../domain/billing/recurring-charge.ts';
import { reconcile } from '../domain/books/proof.ts';
import { changeFeed, FEED_FORMATS, removeFeed, renewFeedSecret } from '../domain/calls/feed.ts';

const ACTOR = { who: 'operator test', from: 'test' };
const BODY_LIMIT = 512 * 1024;
const UNPACKED_LIMIT = 4 * 1024 * 1024;

let account: number;
const api = sharedService(
  {
    TRUST_PROXY: '127.0.0.1',
    INGEST_BODY_LIMIT: String(BODY_LIMIT),
    INGEST_UNPACKED_LIMIT: String(UNPACKED_LIMIT),
  },
  async () => {
    account = await addCustomer(api, { cash: '1000000' });
  },
);

let nextNumber = 1;
const sample = (fields: object = {}) => ({
  account,
  number: nextNumber++,
  start: Math.floor(api.service.clock().getTime() / 1_000) - 600,
  ...fields,
});

function send(
  format: string,
  body: string | Buffer | undefined,
  authorization?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const credentials: Record<string, string> = authorization ? { authorization } : {};
  return post(`${api.url}/ingest/v1/calls/${format}`, body, { ...credentials, ...headers });
}

const counts = (stored: number, duplicates = 0, unbilled = 0, rejected = 0) => ({
  statusCode: '200',
  status: 'Success',
  stored,
  duplicates,
  unbilled,
  rejected,
});

const failure = (status: number, message: string) => ({
  statusCode: String(status),
  status: 'Error',
  message,
});

const nameOf = (authorization: string) =>
  Buffer.from(authorization.slice(6), 'base64').toString().split(':')[0] ?? '';

for (const format of FEED_FORMATS) {
  test(`${format}: one record, several, repeated and gzipped`, async () => {
    const authorization = await api.feed(format);
    const records = [sample(), sample({ talk: 0 }), sample()].map(SAMPLES[format]);
    const one = await send(format, records[0], authorization);
    assert.equal(one.status, 200);
    assert.equal(one.headers.get('cache-control'), 'no-store');
    assert.deepEqual(one.body, counts(1));
    assert.deepEqual((await send(format, records.join('\n'), authorization)).body, counts(2, 1));
    const packed = gzipSync(records.join('\r\n'));
    for (const encoding of ['gzip', 'identity']) {
      const headers = { 'content-encoding': encoding };
      assert.deepEqual((await send(format, packed, authorization, headers)).body, counts(0, 3));
    }
    if (format === 'asterisk') return;
    const array = `[${records.join(',\n')}]`;
    assert.deepEqual((await send(format, array, authorization)).body, counts(0, 3));
  });
}

test('generic CSV is taken in, and repeats what came as JSON', async () => {
  const authorization = await api.feed('generic');
  const call = sample();
  const rows = [GENERIC_HEADER, genericRow(call), genericRow(sample())].join('\n');
  assert.deepEqual((await send('generic', rows, authorization)).body, counts(2));
  assert.deepEqual((await send('generic', rows, authorization)).body, counts(0, 2));
});

test('what is empty holds no record, whatever it is said to be', async () => {
  for (const format of FEED_FORMATS) {
    const authorization = await api.feed(format);
    for (const body of [undefined, '', ' \r\n ', gzipSync('')]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const answer = await send(format, body, authorization, body === undefined ? {} : headers);
      assert.deepEqual([answer.status, answer.body], [200, counts(0)]);
    }
  }
});

test('the label of a body does not matter', async () => {
  const authorization = await api.feed('freeswitch');
  for (const type of [
    'application/json',
    'application/x-www-form-urlencoded',
    'application/x-www-form-base64-encoded',
    'text/plain; charset=latin1',
  ]) {
    const body = SAMPLES.freeswitch(sample());
    const answer = await send('freeswitch', body, authorization, { 'content-type': type });
    assert.deepEqual(answer.body, counts(1), type);
  }
});

test('401 without the credentials of a feed, naming the scheme', async () => {
  const authorization = await api.feed('generic');
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  for (const wrong of [
    undefined,
    'Basic',
    'Basic !!!',
    basic('no colon'),
    basic(':'),
    basic('nobody:secret'),
    basic(`${nameOf(authorization)}:wrong`),
    basic(`${nameOf(authorization)}:`),
    authorization.replace('Basic', 'Bearer'),
  ]) {
    const answer = await send('generic', SAMPLES.generic(sample()), wrong);
    assert.deepEqual([answer.status, answer.body], [401, failure(401, 'Unauthorized')], wrong);
    assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="ingest"');
  }
  const lower = authorization.replace('Basic', 'basic');
  assert.equal((await send('generic', '', lower)).status, 200);
});

test('a change of a feed counts at once where it is made, and within 0.2 s elsewhere', async () => {
  const { db, keyring, clock } = api.service;
  const authorization = await api.feed('generic');
  const name = nameOf(authorization);
  const seen = async () => (await send('generic', '', authorization)).status;
  const as = { keyring, now: clock() };
  assert.equal(await seen(), 200);
  await changeFeed(db, ACTOR, { name, networks: ['192.0.2.0/24'] }, clock());
  assert.equal(await seen(), 403);
  await changeFeed(db, ACTOR, { name, networks: [] }, clock());
  assert.equal(await seen(), 200);
  await renewFeedSecret(db, ACTOR, as, { name, overlapHours: 1 });
  assert.equal(await seen(), 200);
  await renewFeedSecret(db, ACTOR, as, { name, overlapHours: 0 });
  assert.equal(await seen(), 401);
  const [row] = await db.query<{ digest: Buffer }>(
    'SELECT secret_digest AS digest FROM feed WHERE name = $1',
    [name],
  );
  const secret = await renewFeedSecret(db, ACTOR, as, { name, overlapHours: 0 });
  const renewed = `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}`;
  const seenNow = async () => (await send('generic', '', renewed)).status;
  const began = performance.now();
  assert.equal(await seenNow(), 200);
  // As another process does.
  await db.query('UPDATE feed SET secret_digest = $2 WHERE name = $1', [name, row?.digest]);
  const early = await seenNow();
  if (performance.now() - began < 150) assert.equal(early, 200);
  await sleep(250);
  assert.equal(await seenNow(), 401);
  await removeFeed(db, ACTOR, name, clock());
  assert.equal(await seenNow(), 401);
});

test('403 from another network, or for another format; 404 for one that is none', async () => {
  const authorization = await api.feed('generic', { networks: ['192.0.2.0/24', '2001:db8::/32'] });
  const name = nameOf(authorization);
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const body = SAMPLES.generic(sample());
  assert.deepEqual((await send('generic', body, authorization, from('192.0.2.7'))).body, counts(1));
  const v6 = await send('generic', body, authorization, from('2001:db8::7'));
  assert.deepEqual(v6.body, counts(0, 1));
  const elsewhere = await send('generic', body, authorization, from('198.51.100.7'));
  assert.deepEqual(
    [elsewhere.status, elsewhere.body],
    [403, failure(403, `The feed ${name} may not send from this address`)],
  );
  const other = await send('kamailio', body, authorization, from('192.0.2.7'));
  assert.deepEqual(
    [other.status, other.body],
    [403, failure(403, `The feed ${name} sends generic, not kamailio`)],
  );
  for (const format of ['nonsense', 'constructor', '__proto__']) {
    const none = await send(format, body, authorization, from('192.0.2.7'));
    assert.deepEqual([none.status, none.body], [404, failure(404, 'Not found')], format);
  }
});

test('413 for a body that is too large, packed or unpacked, and nothing is stored', async () => {
  const authorization = await api.feed('generic');
  const large = await send('generic', Buffer.alloc(BODY_LIMIT + 1, 0x20), authorization);
  assert.deepEqual([large.status, large.body], [413, failure(413, 'Body too large')]);
  const bomb = gzipSync(
    Buffer.concat([Buffer.from(SAMPLES.generic(sample())), Buffer.alloc(200_000_000, 0x20)]),
  );
  assert.ok(bomb.length < BODY_LIMIT);
  const answer = await send('generic', bomb, authorization);
  const message = `The unpacked body has more than ${UNPACKED_LIMIT} bytes`;
  assert.deepEqual([answer.status, answer.body], [413, failure(413, message)]);
  assert.deepEqual(
    (await send('generic', gzipSync(Buffer.alloc(UNPACKED_LIMIT, 0x20)), authorization)).body,
    counts(0),
  );
});

test('damaged gzip, and what is packed otherwise, is kept as it came', async () => {
  const { db } = api.service;
  const authorization = await api.feed('generic');
  const packed = gzipSync(SAMPLES.generic(sample()));
  const bodies = [
    packed.subarray(0, -9),
    Buffer.concat([packed.subarray(0, 20), packed]),
    deflateSync('x'),
  ];
  for (const body of bodies) {
    assert.deepEqual((await send('generic', body, authorization)).body, counts(0, 0, 0, 1));
  }
  const plain = SAMPLES.generic(sample());
  const mislabelled = await send('generic', plain, authorization, { 'content-encoding': 'gzip' });
  assert.deepEqual(mislabelled.body, counts(1));
  const kept = await db.query<{ raw: Buffer }>(
    'SELECT raw FROM rejected_record WHERE feed = $1 ORDER BY id',
    [nameOf(authorization)],
  );
  assert.deepEqual(
    kept.map(({ raw }) => raw),
    bodies,
  );
});

test('a batch of good and bad records is sorted out, and each bad one says why', async () => {
  const { db } = api.service;
  const authorization = await api.feed('generic');
  const good = sample();
  const { generic } = SAMPLES;
  const unknown = generic(sample({ account: 9_999_999_998 }));
  const nobody = JSON.stringify({ ...JSON.parse(generic(sample())), account: undefined });
  const conflict = generic({ ...good, talk: 41 });
  const old = generic(sample({ start: good.start - 3 * 366 * 86_400 }));
  const future = generic(sample({ start: good.start + 2 * 86_400 }));
  const damaged = '{"id": 1.0, "start"}';
  const rejected = [damaged, old, future, unknown, nobody, conflict];
  const body = [generic(good), ...rejected, generic(good)].join('\n');
  assert.deepEqual((await send('generic', body, authorization)).body, counts(1, 1, 0, 6));
  const rows = await db.query<{ reason: string; detail: string; raw: Buffer; format: string }>(
    'SELECT reason, detail, raw, format FROM rejected_record WHERE feed = $1 ORDER BY id',
    [nameOf(authorization)],
  );
  assert.deepEqual(
    rows.map(({ raw }) => raw.toString()),
    rejected,
  );
  assert.deepEqual(
    rows.map(({ reason }) => reason),
    ['malformed', 'too old', 'in the future', 'unknown account', 'unknown account', 'conflict'],
  );
  assert.match(rows[4]?.detail ?? '', /nobody has the number 2125550123/);
  assert.deepEqual((await send('generic', body, authorization)).body, counts(0, 2, 0, 6));
  const [open] = await db.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM rejected_record WHERE feed = $1',
    [nameOf(authorization)],
  );
  assert.equal(open?.count, 6);
});

test('an inbound call to a toll-free number is paid by its owner, in every format', async () => {
  const { db, clock } = api.service;
  const owner = await addCustomer(api, { cash: '5' });
  await addNumber(db, ACTOR, { account: owner, number: '8005550123', monthly: '2' }, clock());
  api.advance(1_200);
  for (const format of FEED_FORMATS) {
    const authorization = await api.feed(format);
    const record = SAMPLES[format](sample())
      .replaceAll('12125550123', '+18005550123')
      .replaceAll('8008786160', '8005550123')
      .replaceAll(String(account), format === 'generic' ? '' : 'trunk');
    const body = record.replace('"account":,', '');
    assert.deepEqual((await send(format, body, authorization)).body, counts(1), format);
  }
  const calls = await db.query<{ called: string }>('SELECT called FROM call WHERE account = $1', [
    owner,
  ]);
  assert.deepEqual(
    calls.map(({ called }) => called),
    FEED_FORMATS.map(() => '8005550123'),
  );
});

test('a huge array is stored in batches, also a second time', async () => {
  const authorization = await api.feed('generic');
  const records = Array.from({ length: 6_000 }, () => SAMPLES.generic(sample()));
  records[4_500] = '{"id":"damaged"}';
  const body = gzipSync(`[${records.join(',')}]`);
  assert.deepEqual((await send('generic', body, authorization)).body, counts(5_999, 0, 0, 1));
  assert.deepEqual((await send('generic', body, authorization)).body, counts(0, 5_999, 0, 1));
  assert.deepEqual((await reconcile(api.service.db)).imbalances, []);
});

test('deep nesting and endless strings are rejected, not an error', async () => {
  const authorization = await api.feed('freeswitch');
  const deep = 100_000;
  for (const body of [
    '['.repeat(deep),
    '['.repeat(deep) + ']'.repeat(deep),
    `${'{"a":'.repeat(deep / 2)}1${'}'.repeat(deep / 2)}`,
    `{"a":"${'\\n'.repeat(deep)}"}`,
    `cdr=${'%7B'.repeat(deep)}`,
    `cdr=${'A'.repeat(deep)}`,
  ]) {
    const answer = await send('freeswitch', body, authorization);
    assert.deepEqual([answer.status, answer.body], [200, counts(0, 0, 0, 1)], body.slice(0, 20));
  }
});

test('503 with Retry-After where it is not known to be stored, and sending again is harmless', async () => {
  const { db } = api.service;
  const authorization = await api.feed('generic');
  const body = SAMPLES.generic(sample());
  await db.transaction(async (tx) => {
    await tx.query('LOCK TABLE call IN ACCESS EXCLUSIVE MODE');
    const answer = await send('generic', body, authorization);
    assert.equal(answer.status, 503);
    assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    assert.deepEqual(answer.body, failure(503, 'Service unavailable, please try again'));
  });
  const { stored, duplicates, rejected } = (await send('generic', body, authorization)).body;
  assert.deepEqual([stored + duplicates, rejected], [1, 0]);
  const rows = await db.query('SELECT 1 FROM call WHERE feed = $1', [nameOf(authorization)]);
  assert.equal(rows.length, 1);
  assert.deepEqual((await reconcile(db)).imbalances, []);
});

test('only POST, and no secret in the log', async () => {
  const authorization = await api.feed('generic');
  const url = `${api.url}/ingest/v1/calls/generic`;
  const get = await fetch(url, { headers: { authorization } });
  assert.equal(get.status, 405);
  const secret = Buffer.from(authorization.slice(6), 'base64').toString().split(':')[1] ?? '';
  for (const text of [secret, authorization.slice(6)]) assert.ok(!api.logged().includes(text));
});
