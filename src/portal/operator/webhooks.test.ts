import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startReceiver } from '../../../test/support/receiver.ts';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { waitUntil } from '../../../test/support/wait.ts';
import { recordEvent } from '../../domain/event.ts';
import { listEndpoints, secretsOf } from '../../domain/webhook/endpoint.ts';
import { listDeliveries } from '../../domain/webhook/replay.ts';

const PATH = '/admin/webhooks';

const api = sharedService({ WEBHOOK_ALLOW: '127.0.0.1' });

test('an administrator adds a webhook, tries it, sends events again, disables and removes it', async () => {
  const { username, password: current } = await api.administrator();
  const { db, keyring } = api.service;
  const operator = await Visitor.signedIn(api.url, { username, password: current });
  const empty = await operator.open(PATH);
  assert.match(empty.body, /No webhook yet/);
  const receiver = await startReceiver();
  const faults: [Record<string, string>, RegExp][] = [
    [{ url: 'https://10.0.0.1/', types: '*' }, /host with public addresses/],
    [{ url: receiver.url, types: 'feed.opened' }, /There is no event feed\.opened/],
  ];
  for (const [fields, text] of faults) {
    const answer = await operator.submit(PATH, fields);
    assert.equal(answer.status, 400);
    assert.match(answer.body, text);
  }
  const wanted = { url: receiver.url, types: 'feed.*', description: 'CRM' };
  assert.equal((await operator.submit(PATH, wanted)).status, 403);
  assert.deepEqual(await listEndpoints(db), []);
  const shown = await operator.submitAndFollow(PATH, { current });
  const [secret = ''] = /whsec_[A-Za-z0-9+/]{43}=/.exec(shown.body) ?? [];
  const [endpoint] = await listEndpoints(db);
  const id = endpoint?.id ?? 0;
  assert.deepEqual(await secretsOf(db, keyring, id, new Date()), [secret]);
  assert.ok(!(await operator.open(PATH)).body.includes(secret));

  const page = `${PATH}/${id}`;
  await operator.open(page);
  const tried = await operator.submitAndFollow(`${page}/test`, {});
  assert.match(tried.body, /Test: accepted with status 204, after \d+ ms\./);
  receiver.answer = (response) => response.writeHead(500).end();
  await recordEvent(db, { type: 'feed.added', data: { name: 'x' } }, new Date());
  await waitUntil(async () => (await listDeliveries(db, id, {}, { limit: 1 }))[0]?.tries === 1);
  const failing = await operator.open(page);
  assert.match(failing.body, /has failed for/);
  assert.match(failing.body, /feed\.added/);
  assert.match(failing.body, /status 500/);
  assert.match((await operator.open('/admin')).body, /webhook fails/);
  await operator.open(page);
  await operator.submit(`${page}/switch`, {});
  const disabled = await operator.open(page);
  assert.match(disabled.body, /disabled/);
  assert.match(disabled.body, /given up/);
  receiver.answer = (response) => response.writeHead(204).end();
  await operator.submit(`${page}/switch`, {});
  await operator.open(page);
  const today = new Date().toISOString().slice(0, 10);
  const replayed = await operator.submitAndFollow(`${page}/replay`, { since: today });
  assert.match(replayed.body, /One event is sent again\./);
  await waitUntil(() => receiver.received.length === 3);
  const again = await operator.open(page);
  assert.match(again.body, /delivered/);
  const [delivery] = await listDeliveries(db, id, {}, { limit: 1 });
  await operator.submitAndFollow(`${page}/retry`, { sequence: String(delivery?.sequence) });
  await waitUntil(() => receiver.received.length === 4);
  await operator.open(page);
  assert.equal((await operator.submit(`${page}/rotate`, {})).status, 403);
  const rotated = await operator.submitAndFollow(`${page}/rotate`, { current });
  assert.match(rotated.body, /whsec_/);
  assert.equal((await secretsOf(db, keyring, id, new Date())).length, 2);
  await operator.open(page);
  await operator.submit(`${page}/remove`, {});
  assert.deepEqual(await listEndpoints(db), []);
  assert.equal((await operator.open(page)).status, 404);
  receiver.stop();
});
