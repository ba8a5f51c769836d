import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeAccount } from '../src/domain/account/account.ts';
import { hashInEarnest } from './support/quick-hashes.ts';
import { sharedService, TESTER } from './support/service.ts';

hashInEarnest();

const api = sharedService();

async function hashesComputed(): Promise<number> {
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  return Number(/^account_api_password_hashes_total (\d+)$/m.exec(metrics)?.[1]);
}

/**
 * The least processor time per request in milliseconds, of client and service together; the
 * requests run in turn. Other work on the machine hardly affects it, unlike elapsed time.
 */
async function workOf(requests: (() => Promise<unknown>)[]): Promise<number[]> {
  const work = requests.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < 15; round++) {
    for (const [n, request] of requests.entries()) {
      const before = process.cpuUsage();
      await request();
      const { user, system } = process.cpuUsage(before);
      work[n] = Math.min(work[n] ?? 0, (user + system) / 1_000);
    }
  }
  return work;
}

function assertAlike(work: number[]): void {
  const [least, most] = [Math.min(...work), Math.max(...work)];
  assert.ok(most < 2 * least, `milliseconds: ${work.map((ms) => ms.toFixed(1))}`);
}

test('unknown, closed, wrong and over-long cost the same work and are told the same', async () => {
  const { username, password } = await api.signUp();
  const closed = await api.signUp();
  await closeAccount(api.service.db, TESTER, closed.username, api.service.clock());
  const attempts = [
    { username, password: 'wrong' },
    { username, password: password.slice(0, -1) },
    { username, password: 'x'.repeat(16_000) },
    { username: 9999999999, password },
    { username: closed.username, password: closed.password },
    { username: closed.username, password: 'wrong' },
  ];
  for (const attempt of attempts) {
    const before = await hashesComputed();
    const answer = await api.call('apikey', attempt);
    assert.equal((await hashesComputed()) - before, 1, JSON.stringify(attempt).slice(0, 80));
    assert.equal(answer.status, 401);
    assert.deepEqual(answer.body, {
      statusCode: '401',
      status: 'Error',
      message: 'Invalid username or password',
    });
  }
  const requests = attempts.map((attempt) => () => api.call('apikey', attempt));
  assertAlike(await workOf(requests));
});

test('recover costs the same for known and unknown addresses, and no hash', async () => {
  const { email } = await api.signUp();
  const before = await hashesComputed();
  const requests = [email, 'nobody@example.com'].map(
    (address) => () => api.call('recover', { email: address }),
  );
  assertAlike(await workOf(requests));
  assert.equal(await hashesComputed(), before);
});

/** The whole content of the database, as text. */
async function dump(): Promise<string> {
  const { db } = api.service;
  const tables = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname IN ('public', 'pgboss')`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await db.query<{ text: string }>(`SELECT t::text AS text FROM ${name} t`);
      return rows.map(({ text }) => text).join('\n');
    }),
  );
  return texts.join('\n');
}

test('at rest there is no key, password or token in the clear, nor in hexadecimal or base64', async () => {
  const { username, password, apikey, email } = await api.signUp();
  await api.call('recover', { email });
  const mails = await api.mails(email, 2);
  const tokens = mails.map(({ text }) => /token=([\w-]{43})/.exec(text ?? '')?.[1] ?? '');
  const feed = await api.feed('generic');
  const secret = Buffer.from(feed.slice('Basic '.length), 'base64').toString().split(':')[1] ?? '';
  const text = await dump();
  assert.ok(text.includes(String(username)) && text.includes('$argon2id$v=19$m=19456,t=2,p=1$'));
  for (const hidden of [password, apikey, secret, ...tokens]) {
    assert.ok(hidden.length >= 10);
    for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const) {
      const written = Buffer.from(hidden).toString(form).replace(/=+$/, '');
      assert.ok(!text.includes(written), `a secret is there in ${form}`);
    }
  }
  assert.ok(!text.includes(Buffer.from(tokens[0] ?? '', 'base64url').toString('hex')));
});

test('a sealed key opens for its own account alone', async () => {
  const [first, second] = [await api.signUp(), await api.signUp()];
  const { db } = api.service;
  await db.query(
    `UPDATE account a SET key_sealed = b.key_sealed FROM account b
     WHERE a.username = $1 AND b.username = $2`,
    [first.username, second.username],
  );
  const answer = await api.call('apikey', first);
  assert.equal(answer.status, 500);
  assert.deepEqual(answer.body, { statusCode: '500', status: 'Error', message: 'Internal error' });
  assert.equal((await api.call('apikey', second)).body.apikey, second.apikey);
});
