import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { post, sharedService } from '../support/service.ts';

const SECONDS_OF_30_DAYS = 30 * 86_400;

const api = sharedService();

test('demo fills accounts that answer every operation, once', async () => {
  const first = await runCommand(api.env, 'demo', '--json');
  assert.deepEqual([first.status, first.stderr], [0, '']);
  const demo = JSON.parse(first.stdout);
  const { username, password, apikey, feed } = demo;
  assert.deepEqual(demo, {
    changed: true,
    username: 2125550100,
    password,
    apikey,
    feed: { user: 'demo', secret: feed.secret },
    calls: demo.calls,
    url: 'http://localhost:8080',
  });

  assert.equal((await api.call('apikey', { username, password })).body.apikey, apikey);
  const [account] = (await api.call('info', {}, apikey)).body.account;
  assert.ok(account.cash > 0, `${account.cash} is left of the credit`);
  const now = Math.floor(Date.now() / 1_000);
  const { body: calls } = await api.call('cdr', { end: now - SECONDS_OF_30_DAYS }, apikey);
  assert.ok(calls.cdr.length > 100, `${calls.cdr.length} calls`);
  assert.deepEqual((await api.call('mrc', {}, apikey)).body.mrc, [
    { 'Call recording': 4.95 },
    { E911: 3 },
    { Voicemail: 2 },
    { did: 3 },
    { total: 12.95 },
  ]);
  assert.deepEqual((await api.call('registration', {}, apikey)).body.account, {
    uri: 'sip:2125550100@192.0.2.10:5060',
    agent: 'Example Phone 1.0',
  });
  const delivered = await post(`${api.url}/ingest/v1/calls/generic`, '', {
    authorization: `Basic ${Buffer.from(`demo:${feed.secret}`).toString('base64')}`,
  });
  assert.equal(delivered.status, 200);

  const [second, books] = await Promise.all([
    runCommand(api.env, 'demo'),
    runCommand(api.env, 'reconcile'),
  ]);
  assert.deepEqual(second, {
    status: 0,
    stderr: '',
    stdout:
      'Nothing changed: the example accounts are there already.\n' +
      'A new password and API key for them: npx account-api account password 2125550100\n',
  });
  assert.deepEqual(books, {
    status: 0,
    stderr: '',
    stdout: `1 billing account and ${demo.calls} calls checked: the books balance.\n`,
  });
  assert.equal((await api.call('info', {}, apikey)).status, 200);
});
