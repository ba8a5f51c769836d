import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { searchAudit } from '../../src/domain/audit.ts';
import { recordEvent, recordEvents } from '../../src/domain/event.ts';
import { PAUSES } from '../../src/domain/webhook/delivery.ts';
import { watchDelays } from '../support/delays.ts';
import {
  type Client,
  codeOf,
  faultsOf,
  operatorClient,
  sharedOperators,
} from '../support/operator.ts';
import { type Received, type Receiver, startReceiver } from '../support/receiver.ts';
import { waitUntil } from '../support/wait.ts';

const DAY = 86_400;
/** events that wait for a dead endpoint, and events for another one meanwhile */
const WAITING = Number(process.env.WAITING_EVENTS ?? 40);
const PROMPT = WAITING > 40 ? 100 : 40;
// CI's machine may stand still for some seconds; a dead endpoint would cost minutes.
const PROMPT_MS = WAITING > 40 ? 2_000 : 10_000;
const PROMPT_PAUSE_MS = WAITING > 40 ? 200 : 20;

const { api, all } = sharedOperators({ WEBHOOK_ALLOW: '127.0.0.1' });

const feed = (name: string) =>
  recordEvent(api.service.db, { type: 'feed.removed', data: { name } }, api.service.clock());

/** Subscribes a receiver to events of feeds. */
async function subscribe(receiver: Receiver, more: object = {}) {
  const wanted = { url: receiver.url, types: ['feed.removed'], ...more };
  const made = await all.call('POST', '/webhook-endpoints', wanted);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body as { id: string; secret: string; etag: string };
}

const until = (receiver: Receiver, count: number) =>
  waitUntil(async () => receiver.received.length >= count);
const deliveries = async (id: string, state = '') => {
  const { body } = await all.call('GET', `/webhook-endpoints/${id}/deliveries?${state}`);
  return body.data;
};
const read = async (id: string) => (await all.call('GET', `/webhook-endpoints/${id}`)).body;
const remove = (id: string) => all.call('DELETE', `/webhook-endpoints/${id}`);
const names = (receiver: Receiver) => receiver.received.map(({ event }) => event.data.name);
const verify = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers);

test('signatures are those of Standard Webhooks', () => {
  const vector = new Webhook('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw').sign(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    '{"test": 2432232314}',
  );
  assert.equal(vector, 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('an event arrives, signed; a new secret signs beside the old one until that ends', async () => {
  const receiver = await startReceiver();
  const { id, secret, ...shown } = await subscribe(receiver, {
    types: ['feed.*'],
    description: 'CRM',
  });
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  const found = await all.call('GET', `/webhook-endpoints/${id}`);
  assert.deepEqual(found.body, { id, ...shown });
  assert.deepEqual((await all.call('GET', '/webhook-endpoints')).body.data, [found.body]);
  const tried = await all.call('POST', `/webhook-endpoints/${id}/test`);
  const { tookMs, ...outcome } = tried.body;
  assert.deepEqual(outcome, { status: 204, error: null, reply: '' });
  assert.equal(typeof tookMs, 'number');
  await feed('first');
  await until(receiver, 2);
  const [, first] = receiver.received as [Received, Received];
  const { body } = await all.call('GET', '/events?type=feed.removed');
  assert.equal(first.body, JSON.stringify(body.data.at(-1)), 'the log has the same bytes');
  assert.equal(first.headers['webhook-id'], first.event.id);
  assert.equal(first.headers['content-type'], 'application/json');
  assert.deepEqual(verify(secret, first), first.event);
  const changed = { ...first, body: first.body.replace('first', 'fjrst') };
  assert.throws(() => verify(secret, changed), /No matching signature/);

  const rotate = (overlapHours: number) =>
    all.call('POST', `/webhook-endpoints/${id}/rotate-secret`, { overlapHours });
  const second = (await rotate(24)).body.secret;
  await feed('second');
  await until(receiver, 3);
  const both = receiver.received[2] as Received;
  assert.equal(both.headers['webhook-signature']?.split(' ').length, 2);
  for (const one of [secret, second]) verify(one, both);
  api.advance(25 * 3_600);
  await feed('third');
  await until(receiver, 4);
  const later = receiver.received[3] as Received;
  const nowThen = (Number(later.headers['webhook-timestamp']) - Date.now() / 1_000) / 3_600;
  assert.ok(nowThen > 24.9, 'signed with the time of the attempt');
  assert.equal(later.headers['webhook-signature']?.split(' ').length, 1);
  assert.throws(() =>
    verify(secret, { ...later, headers: { ...later.headers, ...now(later, second) } }),
  );
  const leaked = (await rotate(0)).body.secret;
  assert.notEqual(leaked, second);
  const list = await deliveries(id, 'state=delivered');
  assert.deepEqual(
    list.map(({ type, state, tries, status, error }: Record<string, unknown>) => [
      type,
      state,
      tries,
      status,
      error,
    ]),
    Array(3).fill(['feed.removed', 'delivered', 1, 204, null]),
  );
  const actions = (
    await searchAudit(api.service.db, { actor: `operator key ${all.key.id} (test)` }, { limit: 9 })
  ).map(({ action }) => action);
  assert.deepEqual(actions.slice(0, 3), [
    'webhook secret rotated',
    'webhook secret rotated',
    'webhook added',
  ]);
  assert.equal((await remove(id)).status, 204);
  assert.equal((await remove(id)).status, 204);
  receiver.stop();
});

/** Headers with the present time, signed again; the library refuses old ones. */
function now({ event, body }: Received, secret: string) {
  const at = new Date();
  return {
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(secret).sign(event.id, at, body),
  };
}

test('a key subscribes to what it may read, at URLs that may be reached', async () => {
  const url = 'http://127.0.0.1:9000/events';
  const narrow = await operatorClient(api, { scopes: ['webhooks:write', 'feeds:read'] });
  const add = (client: Client, body: object) => client.call('POST', '/webhook-endpoints', body);
  for (const types of [['balance.low'], ['*'], ['feed.added', 'account.*']]) {
    const answer = await add(narrow, { url, types });
    assert.equal(codeOf(answer), '403 scope_required');
  }
  const made = await add(narrow, { url, types: ['feed.*'] });
  assert.equal(made.status, 201);
  const path = `/webhook-endpoints/${made.body.id}`;
  assert.equal(
    codeOf(await narrow.call('PATCH', path, { types: ['key.created'] })),
    '403 scope_required',
  );
  const stale = await all.call('PATCH', path, { description: 'x' }, { 'if-match': '"stale"' });
  assert.equal(codeOf(stale), '412 precondition_failed');
  await all.call('PATCH', path, { types: ['key.created'] });
  assert.equal(codeOf(await narrow.call('PATCH', path, { url })), '403 scope_required');
  await remove(made.body.id);
  const faults: [object, string][] = [
    [{ url: 'https://127.0.0.2/', types: ['*'] }, '/url invalid_value'],
    [{ url: 'http://127.0.0.2/', types: ['*'] }, '/url invalid_value'],
    [{ url: 'https://crm.invalid/', types: ['*'] }, '/url invalid_value'],
    [{ url, types: [] }, '/types invalid_value'],
    [{ url, types: ['account.opened'] }, '/types/0 invalid_value'],
    [{ url, types: ['*'], accounts: ['2345678901'] }, '/accounts invalid_value'],
  ];
  for (const [body, fault] of faults) {
    const answer = await add(all, body);
    assert.deepEqual(
      [codeOf(answer), ...faultsOf(answer)],
      ['422 invalid', fault],
      JSON.stringify(body),
    );
  }
});

test('only events of the accounts that an endpoint names are sent', async () => {
  const receiver = await startReceiver();
  const master = await api.signUp();
  const { username } = await api.signUp();
  const { id } = await subscribe(receiver, { types: ['*'], accounts: [String(master.username)] });
  const sub = await all.call('POST', '/accounts', {
    ...{
      name: 'Sub',
      email: 'sub@example.com',
      masterAccount: String(master.username),
      onboarding: 'none',
    },
  });
  await all.call('PATCH', `/accounts/${username}`, { maxCalls: 2 });
  await all.call('PATCH', `/accounts/${master.username}`, { maxCalls: 2 });
  await until(receiver, 2);
  // Webhooks are sent at the same time, in no order.
  assert.deepEqual(receiver.received.map(({ event }) => [event.type, event.account]).sort(), [
    ['account.created', sub.body.username],
    ['account.updated', String(master.username)],
  ]);
  await remove(id);
  receiver.stop();
});

test('ten tries in three days, then it is given up; Retry-After counts if it is later', async () => {
  const receiver = await startReceiver();
  receiver.answer = (response) => response.writeHead(500).end();
  const { id } = await subscribe(receiver);
  await feed('retried');
  for (const [n, pause] of PAUSES.entries()) {
    await waitUntil(async () => (await deliveries(id))[0]?.tries === n + 1);
    const [{ triedAt, nextTryAt, error, state }] = await deliveries(id);
    const waits = (Date.parse(nextTryAt) - Date.parse(triedAt)) / 1_000;
    assert.ok(waits >= pause * 0.9 && waits <= pause * 1.1, `${waits} after try ${n + 1}`);
    assert.deepEqual([error, state], ['status 500', 'pending']);
    api.advance(waits + 0.01);
  }
  await waitUntil(async () => (await deliveries(id, 'state=failed')).length === 1);
  assert.equal(receiver.received.length, 10);
  assert.equal(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);

  receiver.answer = (response) => response.writeHead(503, { 'retry-after': '7200' }).end();
  const [{ sequence }] = await deliveries(id);
  await all.call('PATCH', `/webhook-endpoints/${id}`, { description: 'starts afresh' });
  await all.call('POST', `/webhook-endpoints/${id}/deliveries/${sequence}/retry`);
  await until(receiver, 11);
  await waitUntil(async () => (await deliveries(id))[0].tries === 1);
  const [{ triedAt, nextTryAt }] = await deliveries(id);
  assert.equal(Date.parse(nextTryAt) - Date.parse(triedAt), 7_200_000);

  receiver.answer = (response) => response.writeHead(410).end();
  api.advance(7_201);
  await waitUntil(async () => !(await read(id)).enabled);
  const { disabledReason, waiting, failed } = await read(id);
  assert.deepEqual([disabledReason, waiting, failed], ['status 410', 0, 1]);
  assert.equal(
    codeOf(await all.call('POST', `/webhook-endpoints/${id}/deliveries/${sequence}/retry`)),
    '409 conflict',
  );
  await remove(id);
  receiver.stop();
});

test('a dead endpoint is probed by one delivery a step; back, it gets at most 20 a second, and others never wait', async () => {
  const [dead, alive] = [await startReceiver(), await startReceiver()];
  dead.answer = (response) => response.writeHead(503).end();
  const { id } = await subscribe(dead);
  const other = await subscribe(alive, { types: ['feed.added'] });
  const { db, clock } = api.service;
  for (let n = 0; n < WAITING; n += 1_000) {
    const events = Array.from({ length: Math.min(1_000, WAITING - n) }, (_, m) => ({
      ...{ account: 0, data: { name: `waiting ${n + m}` } },
    }));
    await recordEvents(db, 'feed.removed', events, clock());
  }
  await waitUntil(async () => (await read(id)).waiting === WAITING, 300_000);
  const began: number[] = [];
  for (let n = 0; n < PROMPT; n++) {
    await recordEvent(db, { type: 'feed.added', data: { name: n } }, clock());
    began.push(performance.now());
    await sleep(PROMPT_PAUSE_MS);
  }
  await until(alive, PROMPT);
  const latencies = alive.received
    .map(({ event, atMs }) => atMs - (began[event.data.name] ?? 0))
    .sort((one, next) => one - next);
  const p99 = latencies[Math.floor(PROMPT * 0.99)] ?? Number.NaN;
  assert.ok(p99 < PROMPT_MS, `the other endpoint waits ${p99} ms`);
  await until(dead, 5);
  await sleep(1_500);
  const tried = dead.received.length;
  // A probe 30 seconds after the fifth failure, then one after twice that time.
  const seconds = (performance.now() - (dead.received[0]?.atMs ?? 0)) / 1_000;
  assert.ok(tried >= 5 && tried <= 5 + Math.log2(1 + seconds / 30), `${tried} in ${seconds} s`);
  api.advance(3_601);
  await until(dead, tried + 1);
  await sleep(1_000);
  assert.equal(dead.received.length, tried + 1, 'one probe');
  dead.answer = (response) => response.writeHead(204).end();
  api.advance(3_600);
  const busyMs = watchDelays();
  await until(dead, tried + 1 + 40);
  const back = dead.received.slice(tried + 1);
  const took = ((back.at(-1)?.atMs ?? 0) - (back[0]?.atMs ?? 0)) / 1_000;
  assert.ok(back.length / (took + 0.2 + busyMs() / 1_000) <= 21, `${back.length} in ${took} s`);
  assert.equal(new Set(back.map(({ event }) => event.id)).size, back.length);
  if (WAITING === 40) await waitUntil(async () => (await read(id)).waiting === 0);
  assert.equal((await read(id)).failingSince, null);
  if (WAITING > 40) {
    const rate = (back.length / took).toFixed(1);
    console.log(
      `${WAITING} waiting; p99 of the other ${p99.toFixed(0)} ms; back at ${rate} a second`,
    );
  }
  await Promise.all([remove(id), remove(other.id)]);
  dead.stop();
  alive.stop();
});

test('after five days it is disabled, which administrators and other endpoints are told; a replay repairs it', async () => {
  const { username } = await api.administrator();
  const { email } = (await all.call('GET', `/accounts/${username}`)).body;
  const [dead, alive] = [await startReceiver(), await startReceiver()];
  dead.answer = (response) => response.writeHead(500).end();
  const { id } = await subscribe(dead);
  const other = await subscribe(alive, { types: ['webhook.*'] });
  for (let n = 0; n < 30; n++) await feed(`missed ${n}`);
  let failures = 0;
  for (let day = 0; (await read(id)).enabled; day += 0.25) {
    assert.ok(day < 8);
    const before = failures;
    await waitUntil(async () => {
      const [row] = await api.service.db.query<{ failures: number; enabled: boolean }>(
        'SELECT failures, enabled FROM webhook_endpoint WHERE id = $1',
        [id],
      );
      failures = row?.failures ?? 0;
      return failures > before || !row?.enabled;
    });
    api.advance(DAY / 4);
  }
  await until(alive, 1);
  const { disabledReason } = await read(id);
  assert.equal(disabledReason, 'no success for 5 days: status 500');
  assert.deepEqual(alive.received[0]?.event.data, { endpoint: id, reason: disabledReason });
  const mails = await api.mails(email, 2);
  assert.deepEqual(mails.map(({ subject }) => subject).sort(), [
    'Account API: a webhook has failed for a day',
    'Account API: a webhook was disabled',
  ]);
  assert.ok(mails.every(({ text }) => text?.includes(dead.url)));
  const [entry] = await searchAudit(
    api.service.db,
    { actions: ['webhook disabled'] },
    { limit: 1 },
  );
  assert.deepEqual(
    [entry?.actor, entry?.detail],
    ['webhooks', { endpoint: id, reason: disabledReason }],
  );

  const replay = (body: object) => all.call('POST', `/webhook-endpoints/${id}/replay`, body);
  assert.equal(codeOf(await replay({ after: 0 })), '409 conflict');
  await all.call('PATCH', `/webhook-endpoints/${id}`, { enabled: true });
  assert.deepEqual(faultsOf(await replay({})), ['/after invalid_value']);
  dead.received.length = 0;
  dead.answer = (response) => response.writeHead(204).end();
  const since = new Date(Date.now() - DAY * 1_000).toISOString();
  const begun = await replay({ failedSince: since });
  assert.equal(begun.status, 202);
  await until(dead, 30);
  assert.deepEqual(
    new Set(names(dead)),
    new Set(Array.from({ length: 30 }, (_, n) => `missed ${n}`)),
  );
  await waitUntil(
    async () => (await all.call('GET', `/operations/${begun.body.id}`)).body.status === 'succeeded',
  );
  const finished = await all.call('GET', `/operations/${begun.body.id}`);
  assert.deepEqual(finished.body.result, { events: 30 });
  const [first] = await deliveries(id);
  const range = await replay({ after: first.sequence - 1, until: first.sequence });
  assert.equal(range.status, 202);
  await until(dead, 31);
  assert.equal(dead.received[30]?.event.sequence, first.sequence);
  await Promise.all([remove(id), remove(other.id)]);
  dead.stop();
  alive.stop();
});
