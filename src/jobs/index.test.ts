import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addCustomer } from '../../test/support/calls.ts';
import { watchDelays } from '../../test/support/delays.ts';
import { startService, TESTER, type TestService } from '../../test/support/service.ts';
import { waitUntil } from '../../test/support/wait.ts';
import { renewKey } from '../domain/account/credentials.ts';
import { requestVerification, VERIFICATION_QUEUE } from '../domain/account/portal-sign-up.ts';
import { searchAudit } from '../domain/audit.ts';
import { MAIL_QUEUE } from '../domain/mail/message.ts';
import { REPLAY_QUEUE } from '../ingest/replay.ts';

let api: TestService;
const sent: string[] = [];
let mailServer: Promise<void> = Promise.resolve();
before(async () => {
  api = await startService(
    {},
    {
      send: async ({ to }) => {
        await mailServer;
        sent.push(to.address);
      },
      close: () => undefined,
    },
  );
});
after(() => api.stop());

async function jobsOf(queue: string, state: string): Promise<number> {
  const rows = await api.service.db.query(
    'SELECT id FROM pgboss.job WHERE name = $1 AND state::text = $2',
    [queue, state],
  );
  return rows.length;
}

test('a job that fails is logged and counted', async () => {
  const { db, queue } = api.service;
  const metric = async () => {
    const text = await (await fetch(`${api.url}/metrics`)).text();
    return Number(
      /^account_api_job_failures_total\{queue="check-repeated-calls"\} (\d+)$/m.exec(text)?.[1],
    );
  };
  assert.equal(await metric(), 0);
  await db.query('ALTER TABLE repeated_call RENAME TO repeated_call_away');
  await queue.send(db, 'check-repeated-calls');
  await waitUntil(async () => (await metric()) > 0);
  await db.query('ALTER TABLE repeated_call_away RENAME TO repeated_call');
  await waitUntil(async () => (await jobsOf('check-repeated-calls', 'completed')) === 1);
  const lines = api
    .logged()
    .split('\n')
    .filter((text) => text.includes('job failed'));
  assert.equal(await metric(), lines.length, 'each try counts');
  const [line = '{}'] = lines;
  const { level, msg, queue: name, err } = JSON.parse(line);
  assert.deepEqual(
    { level, msg, name, message: err.message },
    {
      level: 50,
      msg: 'job failed',
      name: 'check-repeated-calls',
      message: 'relation "repeated_call" does not exist',
    },
  );
});

test('a job that waits is not queued again, and a replay of nothing leaves no trace', async () => {
  const { db, queue } = api.service;
  const newest = async () => (await searchAudit(db, {}, { limit: 1 }))[0]?.id;
  const before = await newest();
  await db.transaction(async (tx) => {
    for (let count = 0; count < 20; count++) {
      await queue.send(tx, REPLAY_QUEUE, { who: 'x', from: 'y' });
      await requestVerification(tx, queue, 'someone@example.com');
    }
    await requestVerification(tx, queue, 'another@example.com');
    const waiting = await tx.query(
      `SELECT name, data FROM pgboss.job WHERE name IN ($1, $2) AND state < 'active'
       ORDER BY name, data->>'email' COLLATE "C"`,
      [REPLAY_QUEUE, VERIFICATION_QUEUE],
    );
    assert.deepEqual(waiting, [
      { name: REPLAY_QUEUE, data: { who: 'x', from: 'y' } },
      { name: VERIFICATION_QUEUE, data: { email: 'another@example.com' } },
      { name: VERIFICATION_QUEUE, data: { email: 'someone@example.com' } },
    ]);
  });
  await waitUntil(async () => (await jobsOf(REPLAY_QUEUE, 'completed')) === 1);
  assert.equal(await newest(), before);
});

test('many mails to one account hold up no mail to another, and few of one kind wait', async () => {
  const { db, queue, keyring, clock } = api.service;
  const [busy, other] = [await addCustomer(api, {}), await addCustomer(api, {})];
  const held = Promise.withResolvers<void>();
  mailServer = held.promise;
  const renew = (account: number) =>
    renewKey(db, TESTER, { keyring, queue, now: clock() }, account);
  await renew(busy);
  await waitUntil(async () => (await jobsOf(MAIL_QUEUE, 'active')) === 1);
  for (let count = 0; count < 12; count++) await renew(busy);
  await renew(other);
  held.resolve();
  await waitUntil(async () => (await jobsOf(MAIL_QUEUE, 'completed')) >= 5);
  const order = sent.map((address) => Number(/^user-(\d+)@/.exec(address)?.[1]));
  assert.deepEqual(order, [busy, busy, other, busy, busy]);
  assert.equal(await jobsOf(MAIL_QUEUE, 'created'), 0);
});

test('a job that a transaction queues is done as soon as that commits', async () => {
  const { db, queue } = api.service;
  const key = 'nobody@example.com';
  const before = await jobsOf(VERIFICATION_QUEUE, 'completed');
  const busyMs = watchDelays();
  const began = performance.now();
  for (let round = 1; round <= 8; round++) {
    await db.transaction((tx) => queue.send(tx, VERIFICATION_QUEUE, { email: key }, { key }));
    await waitUntil(async () => (await jobsOf(VERIFICATION_QUEUE, 'completed')) === before + round);
  }
  // Polling once a second would take about eight seconds.
  assert.ok(performance.now() - began < 4_000 + busyMs());
});
