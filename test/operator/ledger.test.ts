import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { reconcile } from '../../src/domain/books/proof.ts';
import {
  addAccount,
  callsWith,
  codeOf,
  newEmail,
  operatorClient,
  sharedOperators,
} from '../support/operator.ts';
import { untilServed } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const { api, all } = sharedOperators();

const account = (more?: object) => addAccount(all, more);

test('money is posted once for a reference, for ever, and a conflict names the entry', async () => {
  const { username } = await account();
  const path = `/accounts/${username}/ledger-entries`;
  const payment = { type: 'credit', amount: '25.00', reason: 'Card', reference: 'stripe:pi_1' };
  const first = await all.call('POST', path, payment);
  assert.equal(first.status, 201);
  const { posted, entry, balance } = first.body;
  const { id, createdAt } = entry;
  assert.equal(first.headers.get('location'), `/operator/v1${path}/${id}`);
  assert.equal(posted, true);
  assert.deepEqual(entry, {
    id,
    account: username,
    kind: 'payment',
    amount: '25.000000',
    reason: 'Card',
    reference: 'stripe:pi_1',
    actor: `operator key ${all.key.id} (test)`,
    createdAt,
    reversed: false,
    paid: null,
    lines: [],
  });
  assert.deepEqual(balance, {
    account: username,
    cash: '25.000000',
    held: '0.000000',
    available: '25.000000',
    billing: 'prepaid',
    creditLimit: null,
    suspended: false,
    dayLimit: null,
    spentToday: '0.000000',
    limitReached: false,
    asOf: balance.asOf,
  });
  const again = await all.call('POST', path, { ...payment, amount: '25' });
  assert.deepEqual([again.status, again.body.posted, again.body.entry], [200, false, entry]);
  for (const other of [{ amount: '26' }, { type: 'debit' }]) {
    const conflict = await all.call('POST', path, { ...payment, ...other });
    assert.deepEqual([codeOf(conflict), conflict.body.entry], ['409 reference_conflict', id]);
  }
  const reversal = await all.call('POST', `${path}/${id}/reversal`, { reason: 'Bounced' });
  assert.deepEqual([reversal.status, reversal.body.entry.amount], [201, '-25.000000']);
  const twice = await all.call('POST', `${path}/${id}/reversal`, { reason: 'Bounced' });
  assert.deepEqual([twice.status, twice.body.entry], [200, reversal.body.entry]);
  const back = await all.call('POST', `${path}/${reversal.body.entry.id}/reversal`, {
    reason: 'x',
  });
  assert.equal(codeOf(back), '409 entry_is_reversal');
  const listed = await all.call('GET', `${path}?kind=payment`);
  assert.deepEqual(listed.body, { data: [{ ...entry, reversed: true }], next: null });
  assert.deepEqual(
    (await all.call('GET', '/ledger-entries?reference=stripe:pi_1')).body,
    listed.body,
  );
  const sub = await account({ masterAccount: username });
  const refused = await all.call('POST', `/accounts/${sub.username}/ledger-entries`, payment);
  assert.deepEqual(
    [codeOf(refused), refused.body.billedTo],
    ['409 not_a_billing_account', username],
  );
  assert.equal((await all.call('GET', `/accounts/${sub.username}/balance`)).body.account, username);
});

test('100 equal requests at once make one account, and one entry', async () => {
  const headers = { 'idempotency-key': `crm-${randomBytes(6).toString('hex')}` };
  const body = { name: 'Once', email: newEmail(), onboarding: 'credentials' };
  const same = () => all.call('POST', '/accounts', body, headers);
  const answers = await Promise.all(Array.from({ length: 100 }, () => untilServed(same)));
  const texts = new Set(
    answers.filter(({ status }) => status === 201).map((one) => JSON.stringify(one.body)),
  );
  assert.equal(texts.size, 1);
  const others = answers.filter(({ status }) => status !== 201);
  for (const other of others) assert.equal(codeOf(other), '409 idempotency_in_progress');
  const repeated = await same();
  assert.deepEqual([...texts], [JSON.stringify(repeated.body)]);
  assert.equal(repeated.headers.get('idempotent-replayed'), 'true');
  const found = await all.call('GET', `/accounts?email=${body.email}`);
  assert.equal(found.body.data.length, 1);
  const reused = await all.call('POST', '/accounts', { ...body, name: 'Other' }, headers);
  assert.equal(codeOf(reused), '422 idempotency_key_reused');
  const without = await callsWith(api, all.secret)('POST', '/accounts', body, {
    'idempotency-key': '',
  });
  assert.equal(codeOf(without), '400 idempotency_key_required');
  const odd = await all.call('POST', '/accounts', body, { 'idempotency-key': 'a b' });
  assert.equal(codeOf(odd), '400 invalid_header');

  const { username } = repeated.body;
  const entry = { type: 'credit', amount: '1', reason: 'r', reference: 'once' };
  const path = `/accounts/${username}/ledger-entries`;
  const posted = await Promise.all(
    Array.from({ length: 100 }, () => untilServed(() => all.call('POST', path, entry))),
  );
  assert.equal(posted.filter(({ status }) => status === 201).length, 1);
  assert.equal(posted.filter(({ status }) => status === 200).length, 99);
  assert.deepEqual((await reconcile(api.service.db, { account: Number(username) })).imbalances, []);
});

test('long work is asked about until it is done', async () => {
  const finished = async (path: string, body: object) => {
    const begun = await all.call('POST', path, body);
    assert.equal(begun.status, 202, JSON.stringify(begun.body));
    const at = `/operations/${begun.body.id}`;
    assert.equal(begun.headers.get('location'), `/operator/v1${at}`);
    let operation = begun.body;
    await waitUntil(async () => {
      operation = (await all.call('GET', at)).body;
      return operation.finishedAt !== null;
    });
    return operation;
  };
  const books = await finished('/reconciliations', {});
  assert.deepEqual([books.status, books.result.balanced, books.error], ['succeeded', true, null]);
  const run = await finished('/charge-runs', {});
  assert.deepEqual(run.result, { accounts: 0, charges: 0, amount: '0.000000', failures: [] });
  const from = '2026-01-01T00:00:00Z';
  const rerating = { from, to: '2026-02-01T00:00:00+01:00', reason: 'New rates', dryRun: true };
  assert.deepEqual((await finished('/reratings', rerating)).result, {
    calls: 0,
    changed: 0,
    total: '0.000000',
    accounts: 0,
    adjustments: [],
  });
  assert.deepEqual((await finished('/rejected-records/replay', {})).result, {
    replayed: 0,
    resolved: 0,
    rejected: 0,
    stored: 0,
    duplicates: 0,
  });
  assert.deepEqual((await finished('/charge-previews', { month: '2027-01' })).status, 'succeeded');
  const stranger = await operatorClient(api);
  assert.equal(codeOf(await stranger.call('GET', `/operations/${books.id}`)), '404 not_found');
  const listed = await all.call('GET', '/operations?kind=reconciliation');
  assert.deepEqual(listed.body.data, [books]);
  assert.equal((await all.call('GET', '/audit-entries?limit=1')).body.data.length, 1);
  assert.equal((await all.call('GET', '/mails')).status, 200);
});
