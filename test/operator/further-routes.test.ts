import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchAudit } from '../../src/domain/audit.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { addCustomer } from '../support/calls.ts';
import { codeOf, faultsOf, operatorClient, sharedOperators } from '../support/operator.ts';
import { linkIn, post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const { api, all } = sharedOperators();

let made = 0;
async function account(more: object = {}) {
  const email = `further-${++made}@example.com`;
  const body = { name: 'Example Company', email, onboarding: 'none', ...more };
  const { body: created } = await all.call('POST', '/accounts', body);
  return created as { username: string; email: string };
}

/** The actions that the audit trail has of a key since an id. */
async function audited(action: string): Promise<number> {
  return (await searchAudit(api.service.db, { actions: [action] }, { limit: 1_000 })).length;
}

test('a credit on invoice is lent until a payment settles it', async () => {
  const { username } = await account();
  const path = `/accounts/${username}/ledger-entries`;
  const credit = { type: 'credit', amount: '40', reason: 'Invoice 7', kind: 'credit on invoice' };
  const lent = await all.call('POST', path, { ...credit, reference: 'lent' });
  const { id, paid } = lent.body.entry;
  assert.deepEqual([lent.status, paid, lent.body.balance.cash], [201, false, '40.000000']);
  const payment = { type: 'credit', amount: '40', reason: 'Transfer', settles: id };
  const wrong = { ...payment, reference: 'part', amount: '39' };
  assert.equal(codeOf(await all.call('POST', path, wrong)), '409 conflict');
  const settled = await all.call('POST', path, { ...payment, reference: 'bank 1' });
  assert.deepEqual([settled.status, settled.body.balance.cash], [201, '40.000000']);
  const again = await all.call('POST', path, { ...payment, reference: 'bank 1' });
  assert.deepEqual([again.status, again.body.posted], [200, false]);
  const { body } = await all.call('GET', `${path}?kind=credit%20on%20invoice`);
  const listed = body.data.map((entry: { amount: string; paid: boolean | null }) => [
    entry.amount,
    entry.paid,
  ]);
  assert.deepEqual(listed, [
    ['-40.000000', null],
    ['40.000000', true],
  ]);
  for (const [more, pointer] of [
    [{ type: 'debit', kind: 'credit on invoice' }, '/kind invalid_value'],
    [{ type: 'credit', kind: 'adjustment', settles: id }, '/settles invalid_value'],
  ] as const) {
    const refused = await all.call('POST', path, { ...credit, reference: 'x', ...more });
    assert.deepEqual(faultsOf(refused), [pointer]);
  }
  assert.deepEqual((await reconcile(api.service.db)).imbalances, []);
});

test('staff verifies an account, and mails its owner links', async () => {
  const { username, email } = await account();
  const path = `/accounts/${username}`;
  const mailed = await all.call('POST', `${path}/verification-mail`);
  assert.deepEqual([mailed.status, mailed.body], [202, { mailed: true }]);
  const verified = await all.call('POST', `${path}/verify`);
  assert.equal(verified.status, 200);
  assert.deepEqual((await all.call('POST', `${path}/verify`)).body, verified.body);
  assert.equal(await audited('account verified'), 1);
  const late = await all.call('POST', `${path}/verification-mail`);
  assert.deepEqual(late.body, { mailed: false });
  const recovery = await all.call('POST', `${path}/recovery-mail`);
  assert.deepEqual(recovery.body, { mailed: true });
  const [first, second] = await api.mails(email, 2);
  linkIn(first, 'verify');
  linkIn(second, 'reset');
  const renewed = await all.call('POST', `${path}/password`, { deliver: 'mail' });
  assert.deepEqual([renewed.status, renewed.body], [202, { mailed: true }]);
  const third = (await api.mails(email, 4)).find(({ text }) => text?.includes('/reset?token='));
  assert.ok(third);
  assert.equal(codeOf(await all.call('POST', '/accounts/9999999999/verify')), '404 not_found');
});

test('a SIP secret may be given, and comes back as it is', async () => {
  const { username } = await account();
  const path = `/accounts/${username}/sip-credentials`;
  const secret = 'kT4mVw8ZrQ2nXc7J';
  assert.equal((await all.call('POST', path, { secret })).body.secret, secret);
  assert.equal((await all.call('GET', path)).body.secret, secret);
  for (const wrong of ['short', `${secret}"`, 'x'.repeat(65)]) {
    assert.equal(codeOf(await all.call('POST', path, { secret: wrong })), '422 invalid', wrong);
  }
});

test('a feed is changed, and its old secret works as long as asked', async () => {
  const made = await all.call('PUT', '/feeds/pbx', { format: 'generic' });
  const { secret: first, etag } = made.body;
  const networks = ['127.0.0.0/8'];
  const changed = await all.call('PATCH', '/feeds/pbx', { networks }, { 'if-match': etag });
  assert.deepEqual([changed.status, changed.body.networks], [200, networks]);
  assert.notEqual(changed.body.etag, etag);
  const stale = await all.call('PATCH', '/feeds/pbx', { networks: [] }, { 'if-match': etag });
  assert.equal(codeOf(stale), '412 precondition_failed');
  assert.equal(codeOf(await all.call('PATCH', '/feeds/none', {})), '404 not_found');
  const send = async (secret: string) => {
    const authorization = `Basic ${Buffer.from(`pbx:${secret}`).toString('base64')}`;
    return (await post(`${api.url}/ingest/v1/calls/generic`, [], { authorization })).status;
  };
  const { body: second } = await all.call('POST', '/feeds/pbx/secret', { overlapHours: 1 });
  assert.deepEqual(
    [await send(first), await send(second.secret), await send('x')],
    [200, 200, 401],
  );
  const { body: third } = await all.call('POST', '/feeds/pbx/secret', { overlapHours: 0 });
  assert.deepEqual(
    [await send(first), await send(second.secret), await send(third.secret)],
    [401, 401, 200],
  );
  assert.equal(await audited('feed secret renewed'), 2);
});

test('a promotion ends early', async () => {
  await all.call('PUT', '/promotions/SPRING', { amount: '5' });
  const over = { validUntil: '2020-01-01T00:00:00Z' };
  const ended = await all.call('PATCH', '/promotions/spring', over);
  assert.deepEqual(ended.body, {
    code: 'SPRING',
    amount: '5.000000',
    validUntil: '2020-01-01T00:00:00.000Z',
    usesLimit: null,
    uses: 0,
  });
  const body = { name: 'Late', email: 'late@example.com', promo: 'SPRING' };
  assert.equal((await api.call('signup', body)).status, 400);
  const again = await all.call('PATCH', '/promotions/SPRING', { validUntil: null, usesLimit: 3 });
  assert.deepEqual([again.body.validUntil, again.body.usesLimit], [null, 3]);
  assert.equal(codeOf(await all.call('PATCH', '/promotions/NONE', over)), '404 not_found');
});

test('a hold that a switch has forgotten is released once', async () => {
  const username = await addCustomer(api, { cash: '10' });
  const authorization = await api.feed('generic');
  const callId = '3c26@192.0.2.7';
  const asked = { account: String(username), call_id: callId, dst: '2125550123' };
  const granted = await post(`${api.url}/ingest/v1/authorize`, asked, { authorization });
  assert.equal(granted.body.allow, true, JSON.stringify(granted.body));
  const path = `/accounts/${username}/balance`;
  assert.notEqual((await all.call('GET', path)).body.held, '0.000000');
  const release = { account: username, callId };
  const released = await all.call('POST', '/holds/release', release);
  assert.deepEqual([released.status, released.body], [200, { released: true }]);
  assert.equal((await all.call('GET', path)).body.held, '0.000000');
  assert.deepEqual((await all.call('POST', '/holds/release', release)).body, { released: false });
  assert.equal(await audited('hold released'), 1);
});

test('a call tells how it ended, and calls are listed by it', async () => {
  const account = await addCustomer(api, { cash: '10' });
  const authorization = await api.feed('generic');
  const start = Date.UTC(2026, 0, 10, 12) / 1_000;
  const call = (n: number, duration: number, outcome?: string) => ({
    ...{ id: `outcome ${n}`, account, start: start + n, duration, outcome },
    ...{ cid: '2125550100', dst: '2125550123', ip: '192.0.2.13' },
  });
  const calls = [call(0, 60), call(1, 0), call(2, 0, 'busy'), call(3, 0, 'NO ANSWER')];
  await post(`${api.url}/ingest/v1/calls/generic`, calls, { authorization });
  const query = `account=${account}&from=2026-01-10T00:00:00Z&to=2026-01-11T00:00:00Z`;
  const list = async (filter = '') => (await all.call('GET', `/calls?${query}${filter}`)).body.data;
  const [, busy] = await list();
  assert.deepEqual(busy, {
    id: busy.id,
    start: '2026-01-10T12:00:02.000Z',
    account: String(account),
    billingAccount: String(account),
    caller: '2125550100',
    callerName: null,
    called: '2125550123',
    sourceIp: '192.0.2.13',
    talkSeconds: 0,
    outcome: 'busy',
    billedSeconds: 0,
    rate: '0.025000',
    amount: '0.000000',
    fee: null,
    debited: true,
    feed: busy.feed,
    receivedAt: busy.receivedAt,
  });
  const one = await all.call('GET', `/calls/${busy.id}?start=${busy.start}`);
  assert.deepEqual(one.body, busy);
  for (const [filter, expected] of [
    ['', ['no answer', 'busy', null, 'answered']],
    ['&outcome=answered', ['answered']],
    ['&outcome=busy&outcome=no%20answer', ['no answer', 'busy']],
    ['&outcome=not%20answered', ['no answer', 'busy', null]],
    ['&outcome=failed', []],
  ] as const) {
    const outcomes = (await list(filter)).map(({ outcome }: { outcome: string }) => outcome);
    assert.deepEqual(outcomes, expected, filter);
  }
  const wrong = await all.call('GET', `/calls?${query}&outcome=engaged`);
  assert.deepEqual(faultsOf(wrong), ['/outcome/0 invalid_value']);
  // Exports leave the newest rows to the next one.
  await api.service.db.query("UPDATE call SET received_at = received_at - interval '10 minutes'");
  const exported = await all.call('GET', '/exports/calls');
  const told = exported.body.split('\n').filter((line: string) => line.includes(busy.id));
  assert.equal(JSON.parse(told[0] ?? '').outcome, 'busy');
});

test('usage is told by hour, day and month, and the summary tells of the service', async () => {
  const master = await addCustomer(api, { cash: '10' });
  const sub = await addCustomer(api, { master });
  const authorization = await api.feed('generic');
  const start = Date.UTC(2026, 0, 15, 12) / 1_000;
  const calls = [master, sub].map((username, n) => ({
    ...{ id: `usage ${n}`, account: String(username), start, duration: 60 },
    ...{ cid: '2125550100', dst: '2125550123' },
  }));
  const sent = await post(`${api.url}/ingest/v1/calls/generic`, calls, { authorization });
  assert.equal(sent.body.stored, 2, JSON.stringify(sent.body));
  const step = (start: string, calls: number, amount: string) => ({
    ...{ start, calls, answered: calls, billedSeconds: calls * 60, amount },
  });
  const days = 'from=2026-01-15&to=2026-01-16';
  const { body } = await all.call('GET', `/accounts/${master}/usage?${days}`);
  assert.deepEqual(body, {
    account: String(master),
    unit: 'day',
    timeZone: 'UTC',
    steps: [
      step('2026-01-15T00:00:00.000Z', 2, '0.050000'),
      step('2026-01-16T00:00:00.000Z', 0, '0.000000'),
    ],
  });
  const own = await all.call(
    'GET',
    `/accounts/${sub}/usage?unit=month&${days}&timeZone=Asia/Tokyo`,
  );
  assert.deepEqual(own.body.steps, [step('2026-01-14T15:00:00.000Z', 1, '0.025000')]);
  const hours = await all.call('GET', `/accounts/${master}/usage?unit=hour&${days}`);
  assert.deepEqual([hours.body.steps.length, hours.body.steps[12].calls], [48, 2]);
  for (const [query, fault] of [
    ['unit=hour&from=2026-01-01&to=2026-02-01', '/from invalid_value'],
    ['from=2026-02-30', '/from invalid_value'],
    ['from=2026-01-02&to=2026-01-01', '/to invalid_value'],
  ]) {
    const refused = await all.call('GET', `/accounts/${master}/usage?${query}`);
    assert.deepEqual(faultsOf(refused), [fault], query);
  }
  const summary = await all.call('GET', '/summary?timeZone=Europe/Berlin');
  assert.equal(summary.status, 200);
  const { accounts, today, rejectedRecords } = summary.body;
  assert.ok(accounts.open >= 3 && accounts.suspended >= 0);
  assert.deepEqual(
    [today, rejectedRecords],
    [{ calls: 0, answered: 0, billedSeconds: 0, amount: '0.000000' }, 0],
  );
  const bound = await operatorClient(api, { accounts: [master], scopes: ['accounts:read'] });
  assert.equal(codeOf(await bound.call('GET', '/summary')), '403 forbidden');
});

test('long work that waits is cancelled, and finished work is not', async () => {
  const other = await operatorClient(api);
  const began = await all.call('POST', '/charge-runs');
  const path = `/operations/${began.body.id}`;
  assert.equal(codeOf(await other.call('POST', `${path}/cancel`)), '404 not_found');
  await waitUntil(async () => (await all.call('GET', path)).body.finishedAt !== null);
  assert.equal(codeOf(await all.call('POST', `${path}/cancel`)), '409 conflict');
  const { db } = api.service;
  await db.query(
    `INSERT INTO operation (id, kind, parameters, unit, actor, origin, created_by, created_at)
     VALUES ('op_waiting', 'rerating', '{}', 'calls', 't', 't', $1, now())`,
    [all.key.id],
  );
  const cancelled = await all.call('POST', '/operations/op_waiting/cancel');
  assert.deepEqual([cancelled.status, cancelled.body.status], [200, 'cancelled']);
  const again = await all.call('POST', '/operations/op_waiting/cancel');
  assert.deepEqual(again.body, cancelled.body);
  await db.query("UPDATE operation SET status = 'running', finished_at = NULL WHERE id = $1", [
    'op_waiting',
  ]);
  const running = await all.call('POST', '/operations/op_waiting/cancel');
  assert.equal(codeOf(running), '409 conflict');
  assert.equal(await audited('operation cancelled'), 1);
});
