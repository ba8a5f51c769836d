import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkIn, sharedService, submit, TESTER } from '../../test/support/service.ts';
import { replayRejected } from '../ingest/replay.ts';
import { changeAccount, closeAccount } from './account/account.ts';
import { renewKey, renewPassword } from './account/credentials.ts';
import { createPromotion } from './account/promotion.ts';
import { audit, searchAudit } from './audit.ts';
import { addNumber, addService, removeNumber, removeService } from './billing/recurring-charge.ts';
import { postByHand } from './books/ledger.ts';
import { addFeed, removeFeed } from './calls/feed.ts';
import { keepRejected } from './calls/rejected-record.ts';

const api = sharedService();

/** Returns a reader of the entries since this call, oldest first, without values that vary. */
async function trail(): Promise<() => Promise<unknown[]>> {
  const { db } = api.service;
  const [last] = await searchAudit(db, {}, { limit: 1 });
  return async () => {
    const entries = await searchAudit(db, {}, { limit: 1_000 });
    return entries
      .filter(({ id }) => id > (last?.id ?? 0))
      .reverse()
      .map(({ id: _, at: __, ...entry }) => entry);
  };
}

test('every change of an account leaves an entry with what was before and after', async () => {
  const { db, keyring, clock } = api.service;
  const { username: account, email } = await api.signUp();
  const since = await trail();
  const entry = { actor: 'tester', origin: 'test', account };

  await changeAccount(db, TESTER, { queue: api.service.queue, now: clock() }, account, {
    rate: '0.025',
    callerId: '2125550100',
  });
  // The second change has no effect.
  for (let time = 1; time <= 2; time++) {
    const changes = { email, billing: 'postpaid' } as const;
    await changeAccount(db, TESTER, { queue: api.service.queue, now: clock() }, account, changes);
  }
  await postByHand(db, TESTER, {
    account,
    kind: 'payment',
    amount: '25',
    reason: 'Payment',
    reference: 'invoice-1',
    at: clock(),
  });
  const repeated = {
    kind: 'payment',
    amount: '25',
    reason: 'Payment',
    reference: 'invoice-1',
  } as const;
  await postByHand(db, TESTER, { account, ...repeated, at: clock() });
  await addService(db, TESTER, { account, description: 'E911', monthly: '1.5' }, clock());
  await removeService(db, TESTER, { account, description: 'E911' }, clock());
  await addNumber(db, TESTER, { account, number: '2125550199', monthly: '2' }, clock());
  await removeNumber(db, TESTER, { account, number: '2125550199' }, clock());
  const apikey = await renewKey(
    db,
    TESTER,
    { keyring, queue: api.service.queue, now: clock() },
    account,
  );
  const renewed = await renewPassword(
    db,
    TESTER,
    { keyring, queue: api.service.queue, now: clock() },
    account,
  );
  await closeAccount(db, TESTER, account, clock());

  const entries = await since();
  assert.deepEqual(entries, [
    {
      ...entry,
      action: 'account changed',
      detail: {
        rate: { before: '0.007500', after: '0.025000' },
        callerId: { before: '', after: '2125550100' },
      },
    },
    {
      ...entry,
      action: 'account changed',
      detail: { billing: { before: 'prepaid', after: 'postpaid' } },
    },
    {
      ...entry,
      action: 'balance posted',
      detail: {
        kind: 'payment',
        amount: '25',
        reason: 'Payment',
        reference: 'invoice-1',
        cash: '25.000000',
      },
    },
    { ...entry, action: 'service added', detail: { description: 'E911', monthly: '1.5' } },
    { ...entry, action: 'service removed', detail: { description: 'E911', monthly: '1.500000' } },
    { ...entry, action: 'number added', detail: { number: '2125550199', monthly: '2' } },
    { ...entry, action: 'number removed', detail: { number: '2125550199', monthly: '2.000000' } },
    { ...entry, action: 'key renewed', detail: {} },
    { ...entry, action: 'password renewed', detail: {} },
    { ...entry, action: 'account closed', detail: {} },
  ]);
  const text = JSON.stringify(entries);
  for (const secret of [apikey, renewed.apikey, renewed.password]) {
    assert.ok(!text.includes(secret));
  }
  assert.deepEqual(
    (await searchAudit(db, { account }, { limit: 2 })).map(({ action }) => action),
    ['account closed', 'password renewed'],
  );
});

test('feeds, promotions, administrators and replays leave entries of no account', async () => {
  const { db, keyring, clock } = api.service;
  const since = await trail();
  const feed = {
    name: 'pbx1',
    format: 'generic',
    networks: [],
    debits: 'service',
    timeZone: 'UTC',
  } as const;
  const secret = await addFeed(db, TESTER, { keyring, now: clock() }, { ...feed, networks: [] });
  await removeFeed(db, TESTER, 'pbx1', clock());
  const promotion = { code: 'WELCOME', amount: '5', validUntil: null, usesLimit: 9 };
  await createPromotion(db, TESTER, promotion, clock());
  const { username } = await api.administrator();
  // The first replay finds nothing.
  await replayRejected(db, TESTER, {
    now: clock(),
    retentionMonths: 24,
    emergencyNumbers: new Set(),
  });
  const record = { reason: 'malformed', detail: 'no JSON', raw: Buffer.from('x') } as const;
  await keepRejected(db, feed, [record], clock());
  await replayRejected(db, TESTER, {
    now: clock(),
    retentionMonths: 24,
    emergencyNumbers: new Set(),
  });

  const entries = await since();
  const entry = { actor: 'tester', origin: 'test', account: null };
  const created = entries[3] as { detail: { email: string } };
  assert.deepEqual(entries, [
    { ...entry, action: 'feed added', detail: feed },
    { ...entry, action: 'feed removed', detail: { name: 'pbx1' } },
    { ...entry, action: 'promotion created', detail: promotion },
    {
      ...entry,
      action: 'administrator created',
      account: username,
      detail: { name: 'Administrator', email: created.detail.email, role: 'administrator' },
    },
    { ...entry, action: 'replay started', detail: { records: 'all' } },
    {
      ...entry,
      action: 'replay finished',
      detail: { replayed: 1, resolved: 0, rejected: 1, stored: 0, duplicates: 0 },
    },
  ]);
  assert.ok(!JSON.stringify(entries).includes(secret));
});

test('an administrator of the API and a recovery are named with their address', async () => {
  const { apikey, username: administrator } = await api.administrator();
  const { username, email } = await api.signUp();
  const since = await trail();
  const added = { name: 'Sub', username: 3456789012, email: 'sub@example.com' };
  await api.call('add', { ...added, masterAccount: username }, apikey);
  await api.call('recover', { email });
  const [, recovery] = await api.mails(email, 2);
  const password = 'correct horse battery';
  await submit(linkIn(recovery, 'reset'), { password, repeated: password });

  assert.deepEqual(await since(), [
    {
      actor: `administrator ${administrator}`,
      origin: 'api 127.0.0.1',
      action: 'account added',
      account: 3456789012,
      detail: { name: 'Sub', email: 'sub@example.com', masterAccount: username },
    },
    {
      actor: 'recovery',
      origin: 'portal 127.0.0.1',
      action: 'password reset',
      account: username,
      detail: {},
    },
  ]);
});

test('an entry comes and goes with its transaction, and is never changed', async () => {
  const { db, clock } = api.service;
  const since = await trail();
  const undone = db.transaction(async (tx) => {
    await audit(tx, TESTER, { action: 'nothing done' }, clock());
    throw new Error('undone');
  });
  await assert.rejects(undone, /undone/);
  assert.deepEqual(await since(), []);
  for (const sql of [
    "UPDATE audit_entry SET actor = 'nobody'",
    'DELETE FROM audit_entry',
    'TRUNCATE audit_entry',
  ]) {
    await assert.rejects(db.query(sql), { message: 'the audit trail is append-only' });
  }
});
