import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordEvent } from '../../src/domain/event.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { startReceiver } from '../support/receiver.ts';
import { sharedService } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';
import { waitUntil } from '../support/wait.ts';

const api = sharedService({ WEBHOOK_ALLOW: '127.0.0.1' });

const json = (...args: string[]) => sharedJson(api.env, 'webhook', ...args);
const run = (...args: string[]) => runCommand(api.env, 'webhook', ...args);

test('an endpoint is added, tried, changed, replayed and removed; events are listed and followed', async () => {
  const receiver = await startReceiver();
  const add = ['add', receiver.url, '--types', 'feed.*', '--description', 'CRM'];
  const env = { ...api.env, WEBHOOK_ALLOW: '127.0.0.1' };
  const [made, refused, unknown] = await Promise.all([
    sharedJson(env, 'webhook', ...add),
    run('add', 'https://10.0.0.1/'),
    run('add', receiver.url, '--types', 'feed.opened'),
  ]);
  const { secret, ...shown } = made;
  assert.match(secret, /^whsec_/);
  const { createdBy, createdAt, ...settings } = shown;
  assert.match(`${createdBy} ${createdAt}`, /^operator \S+ 20\S+Z$/);
  assert.deepEqual(settings, {
    id: '1',
    url: receiver.url,
    description: 'CRM',
    types: ['feed.*'],
    accounts: [],
    enabled: true,
    disabledReason: null,
    failingSince: null,
    lastSuccessAt: null,
    waiting: 0,
    failed: 0,
    previousUntil: null,
  });
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /^account-api: url: Must have public addresses, or addresses of WEBHOOK_ALLOW\.$/m,
  );
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /There is no event feed\.opened; there are \*, account\.\*, /);
  await recordEvent(api.service.db, { type: 'feed.added', data: { name: 'one' } }, new Date());
  await waitUntil(() => receiver.received.length === 1);
  const { sequence } = receiver.received[0]?.event ?? {};
  const tried = await sharedJson(env, 'webhook', 'test', '1');
  assert.deepEqual([tried.status, tried.error], [204, null]);
  const [listed, failed, replayed, rotated] = await Promise.all([
    json('list'),
    json('failed', '1'),
    json('replay', '1', '--after', String(sequence - 1), '--until', String(sequence)),
    json('rotate', '1', '--overlap-hours', '0'),
  ]);
  assert.deepEqual(
    listed.endpoints.map(({ id }: { id: string }) => id),
    ['1'],
  );
  assert.deepEqual(failed, { deliveries: [], next: null });
  assert.deepEqual(replayed, { id: '1', events: 1 });
  assert.notEqual(rotated.secret, secret);
  await waitUntil(() => receiver.received.length === 3);
  assert.equal(receiver.received[2]?.event.sequence, sequence);

  const list = ['--after', String(sequence - 1), '--type', 'feed.*'];
  const events = await sharedJson(api.env, 'events', 'list', ...list);
  assert.deepEqual(events.events, [receiver.received[0]?.event]);
  const following = startCommand(api.env, 'events', 'list', '--follow', ...list);
  let lines = '';
  following.stdout.on('data', (chunk) => {
    lines += chunk;
  });
  await waitUntil(() => lines.includes('\n'));
  await recordEvent(api.service.db, { type: 'feed.removed', data: { name: 'two' } }, new Date());
  await waitUntil(() => lines.split('\n').length === 3);
  following.kill('SIGINT');
  await new Promise((done) => following.once('close', done));
  assert.deepEqual(
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type),
    ['feed.added', 'feed.removed'],
  );
  const disabled = await json('set', '1', '--disabled');
  assert.equal(disabled.enabled, false);
  assert.equal((await json('show', '1')).enabled, false);
  const again = await run('replay', '1', '--after', '0');
  assert.equal(again.stderr, 'account-api: webhook 1 is disabled; enable it first\n');
  assert.deepEqual(await json('remove', '1'), { id: '1' });
  assert.equal((await run('show', '1')).stderr, 'account-api: there is no webhook endpoint 1\n');
  receiver.stop();
});
