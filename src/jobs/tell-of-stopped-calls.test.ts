import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addCustomer, post } from '../../test/support/calls.ts';
import { startService, type TestService } from '../../test/support/service.ts';
import { MAIL_QUEUE } from '../domain/mail/message.ts';
import { tellOfStoppedCalls } from './tell-of-stopped-calls.ts';

let api: TestService;
before(async () => {
  api = await startService();
  // The tests say when the job runs.
  await api.service.db.query('DELETE FROM pgboss.schedule');
});
after(() => api.stop());

async function mailsQueued(account: number): Promise<number> {
  await Promise.all([tellOfStoppedCalls(api.service), tellOfStoppedCalls(api.service)]);
  const [row] = await api.service.db.query<{ count: number }>(
    `SELECT count(*) AS count FROM pgboss.job
     WHERE name = $1 AND data->'message'->>'kind' = 'calls stopped'
       AND data->'message'->>'username' = $2`,
    [MAIL_QUEUE, String(account)],
  );
  return row?.count ?? 0;
}

test('each time that calls stop, the customer is told once', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '2' });
  assert.equal(await mailsQueued(account), 0);
  await post(db, account, '-2.5');
  assert.equal(await mailsQueued(account), 1);
  await post(db, account, '-1');
  assert.equal(await mailsQueued(account), 1);
  const [mail] = await api.mails(`user-${account}@example.com`);
  assert.equal(mail?.subject, 'Calls of your Account API account have stopped');
  assert.match(mail?.text ?? '', /Balance {2}-\$0\.50\n/);

  await post(db, account, '10');
  assert.equal(await mailsQueued(account), 1);
  await post(db, account, '-10');
  assert.equal(await mailsQueued(account), 2);
});

test('a payment before the mail was queued saves it', async () => {
  const { db } = api.service;
  const account = await addCustomer(api, { cash: '2' });
  await post(db, account, '-2');
  await post(db, account, '2');
  assert.equal(await mailsQueued(account), 0);
});
