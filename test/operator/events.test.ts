import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from '../../src/db/database.ts';
import { closeAccount } from '../../src/domain/account/account.ts';
import { announceFailedMails } from '../../src/domain/account/mail-queue.ts';
import { postMonthlyCharges } from '../../src/domain/billing/charge-run.ts';
import { addService } from '../../src/domain/billing/recurring-charge.ts';
import { postByHand } from '../../src/domain/books/ledger.ts';
import { storeCalls } from '../../src/domain/calls/call.ts';
import { announceRecords } from '../../src/domain/calls/rejected-record.ts';
import { recordEvent } from '../../src/domain/event.ts';
import { PARKED_MAIL_QUEUE } from '../../src/domain/mail/message.ts';
import { dropOldEvents } from '../../src/domain/webhook/event-log.ts';
import { codeOf, faultsOf, operatorClient, sharedOperators } from '../support/operator.ts';
import { linkIn, post as postJson, submit, TESTER } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

// 100,000 for the figure in docs/reliability.md
const GAP_EVENTS = Number(process.env.GAP_EVENTS ?? 1_000);
const IS_FULL = GAP_EVENTS > 10_000;
const WRITERS = IS_FULL ? 50 : 10;
const LONGEST_COMMIT_MS = IS_FULL ? 3_000 : 200;

const { api, all } = sharedOperators();

interface Shown {
  type: string;
  sequence: number;
  account: string | null;
  data: Record<string, unknown>;
}

/** Waits until all events so far have numbers. @returns those about an account, oldest first */
async function eventsOf(account: number | string): Promise<Shown[]> {
  await numbered();
  const { body } = await all.call('GET', `/events?account=${account}&limit=1000`);
  return body.data;
}

const numbered = () =>
  waitUntil(async () => {
    const waiting = await api.service.db.query('SELECT FROM event WHERE sequence IS NULL');
    return waiting.length === 0;
  });

const typesOf = (events: Shown[]) => events.map(({ type }) => type);

const post = (account: number, amount: string) =>
  postByHand(api.service.db, TESTER, {
    account,
    kind: amount.startsWith('-') ? 'adjustment' : 'payment',
    amount,
    reason: 'Test',
    at: new Date(),
  });

const callOf = (account: number, seconds: number) => ({
  id: randomUUID().replaceAll('-', ''),
  account,
  startedAt: new Date(),
  talkMicroseconds: seconds * 1_000_000,
  outcome: undefined,
  caller: '2125550100',
  called: '2125550101',
  sourceIp: undefined,
  callerName: undefined,
  switchDebit: undefined,
  callId: undefined,
});

test('the life of an account is told in order, each change once, with what it did', async () => {
  const { db, queue } = api.service;
  const email = `events-${randomBytes(4).toString('hex')}@example.com`;
  const made = await all.call('POST', '/accounts', {
    name: 'Events',
    email,
    externalId: 'crm-events',
  });
  const { username } = made.body;
  const path = `/accounts/${username}`;
  await submit(linkIn((await api.mails(email))[0], 'verify'), {
    password: 'correct horse 4711',
    repeated: 'correct horse 4711',
  });
  await all.call('PATCH', path, { maxCalls: 3 });
  await all.call('PATCH', path, { maxCalls: 3 });
  const service = await all.call('POST', `${path}/services`, {
    description: 'E911',
    monthly: '1.50',
  });
  await all.call('PUT', '/numbers/2125550177', { account: username, monthly: '2' });
  await all.call('POST', `${path}/sip-credentials`, {});
  await all.call('POST', `${path}/api-key`);
  await all.call('POST', `${path}/ledger-entries`, {
    type: 'credit',
    amount: '25',
    reason: 'Card',
    reference: 'pi_1',
  });
  await all.call('POST', `${path}/ledger-entries`, {
    type: 'credit',
    amount: '25',
    reason: 'Card',
    reference: 'pi_1',
  });
  await closeAccount(db, TESTER, Number(username), new Date());
  const events = await eventsOf(username);
  assert.deepEqual(typesOf(events), [
    'account.created',
    'account.verified',
    'account.updated',
    'service.added',
    'number.assigned',
    'account.sip_secret_changed',
    'account.key_changed',
    'ledger.posted',
    'balance.recovered',
    'service.removed',
    'number.removed',
    'account.closed',
  ]);
  const data = Object.fromEntries(events.map((event) => [event.type, event.data]));
  const {
    id: entry,
    createdAt,
    ...posted
  } = (data['ledger.posted'] as { entry: Record<string, string> }).entry;
  assert.match(`${entry} ${createdAt}`, /^[1-9]\d* \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const item = { id: service.body.id, description: 'E911', monthly: '1.50' };
  assert.deepEqual(
    {
      ...data,
      'ledger.posted': { entry: posted, cash: data['ledger.posted']?.cash },
      'account.closed': {},
      'account.verified': { promotion: data['account.verified']?.promotion },
    },
    {
      'account.created': { name: 'Events', email, masterAccount: username, origin: 'operator' },
      'account.verified': { promotion: null },
      'account.updated': { changes: { maxCalls: { before: null, after: 3 } } },
      'service.added': item,
      'number.assigned': { number: '2125550177', monthly: '2' },
      'account.sip_secret_changed': { by: 'operator' },
      'account.key_changed': { by: 'operator' },
      'ledger.posted': {
        entry: {
          kind: 'payment',
          amount: '25.000000',
          reason: 'Card',
          reference: 'pi_1',
          actor: `operator key ${all.key.id} (test)`,
        },
        cash: '25.000000',
      },
      'balance.recovered': { cash: '25.000000', threshold: 5 },
      'service.removed': { ...item, monthly: '1.500000' },
      'number.removed': { number: '2125550177', monthly: '2.000000' },
      'account.closed': {},
    },
  );
  const [first] = events;
  assert.deepEqual(Object.keys(first ?? {}), [
    'id',
    'type',
    'timestamp',
    'sequence',
    'apiVersion',
    'account',
    'externalId',
    'data',
  ]);
  assert.equal((first as unknown as { externalId: string }).externalId, 'crm-events');
  await postMonthlyCharges(db, queue, { now: new Date(), prorate: false });
});

test('a balance that crosses a line is told once, whatever moved it', async () => {
  const { db, queue } = api.service;
  const cases: Record<string, (account: number) => Promise<unknown>> = {
    calls: (account) => storeCalls(db, 'test', [callOf(account, 3_600 * 24)], new Date()),
    'a debit': (account) => post(account, '-10.5'),
    'a monthly charge': async (account) => {
      await addService(
        db,
        TESTER,
        { account, description: 'Line', monthly: '11' },
        new Date('2030-01-10'),
      );
      await postMonthlyCharges(db, queue, { now: new Date('2030-02-02'), prorate: false, account });
    },
  };
  for (const [name, debit] of Object.entries(cases)) {
    const { username } = await api.signUp();
    await post(username, '10');
    await debit(username);
    await sleep(10);
    await post(username, '100');
    const events = (await eventsOf(username)).filter(
      ({ type }) => !/^(account\.created|service|ledger|charges)/.test(type),
    );
    assert.deepEqual(
      typesOf(events),
      [
        'balance.recovered',
        'balance.low',
        'balance.exhausted',
        'account.suspended',
        'balance.recovered',
        'account.resumed',
      ],
      name,
    );
    const [, low, , suspended, , resumed] = events;
    const cash = low?.data.cash;
    assert.deepEqual(low?.data, { cash, threshold: 5 }, name);
    assert.deepEqual(
      suspended?.data,
      { reason: 'balance_used_up', cash, billing: 'prepaid', creditLimit: null, subAccounts: 0 },
      name,
    );
    assert.deepEqual(Object.keys(resumed?.data ?? {}).sort(), ['cash', 'subAccounts'], name);
  }
});

test('new terms and a new threshold cross lines, too', async () => {
  const { username } = await api.signUp();
  const path = `/accounts/${username}`;
  await all.call('PATCH', path, { billing: 'postpaid', creditLimit: '20' });
  await post(username, '-15');
  await all.call('PATCH', path, { creditLimit: '10' });
  await all.call('PATCH', path, { creditLimit: null });
  await post(username, '22');
  await all.call('PATCH', path, { notifyThreshold: 10 });
  await all.call('PATCH', path, { notifyThreshold: 5 });
  const events = (await eventsOf(username)).filter(({ type }) =>
    /^balance|suspended|resumed/.test(type),
  );
  assert.deepEqual(
    events.map(({ type, data }) => [type, data.creditLimit ?? data.threshold ?? data.subAccounts]),
    [
      ['account.suspended', '10.000000'],
      ['account.resumed', 0],
      ['balance.recovered', 5],
      ['balance.low', 10],
      ['balance.recovered', 5],
    ],
  );
});

test('of 100 batches at once that use a balance up, one is told', async () => {
  const { username } = await api.signUp();
  await post(username, '10');
  const { db } = api.service;
  // 0.18 dollars each, at 0.0075 a minute
  await Promise.all(
    Array.from({ length: 100 }, () =>
      storeCalls(db, 'test', [callOf(username, 1_440)], new Date()),
    ),
  );
  const events = (await eventsOf(username)).filter(({ type }) => /^balance|suspended/.test(type));
  assert.deepEqual(typesOf(events), [
    'balance.recovered',
    'balance.low',
    'balance.exhausted',
    'account.suspended',
  ]);
});

test('a reader of the log misses nothing, however long transactions take to commit', async (t) => {
  const { db } = api.service;
  await numbered();
  const { body } = await all.call('GET', '/events?limit=1');
  let after = Number(body.next);
  const seen: number[] = [];
  let isWriting = true;
  const read = async () => {
    for (;;) {
      const wasWriting =
        isWriting || (await db.query('SELECT FROM event WHERE sequence IS NULL')).length > 0;
      const page = await all.call('GET', `/events?after=${after}&limit=1000`);
      seen.push(...page.body.data.map(({ sequence }: Shown) => sequence));
      for (const { data } of page.body.data) if (data.name) marks.push(data.name);
      after = Number(page.body.next);
      if (!wasWriting && page.body.data.length === 0) return;
    }
  };
  const marks: string[] = [];
  // Past what other tests have written.
  for (let next = -1; next !== after; ) {
    next = after;
    after = Number((await all.call('GET', `/events?after=${after}&limit=1000`)).body.next);
  }
  const start = after;
  const reading = read();
  const writers = new Database({
    connection: { connectionString: api.env.DATABASE_URL },
    poolSize: WRITERS,
  });
  t.after(() => writers.close());
  let written = 0;
  const write = async () => {
    while (written < GAP_EVENTS) {
      const mine = Array.from({ length: Math.min(10, GAP_EVENTS - written) }, () => written++);
      await writers.transaction(async (tx) => {
        for (const n of mine) {
          await recordEvent(tx, { type: 'feed.removed', data: { name: `mark ${n}` } }, new Date());
        }
        if (Math.random() < 0.2) await sleep(Math.random() * LONGEST_COMMIT_MS);
      });
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, write)).finally(() => {
    isWriting = false;
  });
  await reading;
  assert.deepEqual(
    seen,
    Array.from({ length: GAP_EVENTS }, (_, n) => start + 1 + n),
  );
  assert.equal(new Set(marks).size, GAP_EVENTS);
});

test('records set aside and settled, and mails given up, are told once', async () => {
  const { db, queue, clock } = api.service;
  const since = (await all.call('GET', '/events?limit=1000')).body.next;
  const told = async (client = all) => {
    await announceRecords(db, clock());
    await announceFailedMails(db, queue, clock());
    await numbered();
    const types = ['record.rejected', 'record.resolved', 'mail.failed'];
    const path = `/events?after=${since}&${types.map((type) => `type=${type}`).join('&')}`;
    const { data } = (await client.call('GET', path)).body;
    return data.map(({ type, data: about }: Shown) => [type, about]);
  };
  const authorization = await api.feed('generic');
  const account = '2000000002';
  const call = { cid: '2125550100', start: Math.floor(Date.now() / 1_000), duration: 6 };
  const calls = ['one', 'two'].map((id) => ({ id, account, dst: '2125550123', ...call }));
  await postJson(`${api.url}/ingest/v1/calls/generic`, calls, { authorization });
  const mail = { to: 'parked@example.com', message: { kind: 'password changed' } };
  await db.transaction((tx) => queue.send(tx, PARKED_MAIL_QUEUE, mail));
  const records = (await all.call('GET', '/rejected-records')).body.data;
  const [{ id: first, feed, reason, detail }, { id: last }] = records;
  const [{ id }] = (await all.call('GET', '/mails')).body.data;
  const rejected = { count: 2, feed, reason, detail, firstId: first, lastId: last };
  const failed = { id, to: mail.to, kind: 'password changed', failure: null };
  const expected: unknown[] = [
    ['record.rejected', rejected],
    ['mail.failed', failed],
  ];
  assert.deepEqual(await told(), expected);
  const added = { username: account, name: 'Late', email: 'late@example.com', onboarding: 'none' };
  assert.equal((await all.call('POST', '/accounts', added)).status, 201);
  for (const record of [first, last]) {
    const { body } = await all.call('POST', `/rejected-records/${record}/replay`);
    assert.equal(body.resolved, true);
  }
  expected.push(['record.resolved', { feed, count: 2 }]);
  assert.deepEqual(await told(), expected);
  const { to: _, ...withoutName } = failed;
  assert.deepEqual(await told(await operatorClient(api, { scopes: ['events:read'] })), [
    ['record.rejected', rejected],
    ['mail.failed', withoutName],
    ['record.resolved', { feed, count: 2 }],
  ]);
  // What says that it was told does not go with the mail.
  assert.deepEqual(await db.transaction((tx) => queue.take(tx, PARKED_MAIL_QUEUE, id)), mail);
});

test('a page says where to go on, filters pass over the rest, and old events are gone', async () => {
  const { db } = api.service;
  const limited = await operatorClient(api, { scopes: ['events:read'] });
  await numbered();
  const none = await all.call('GET', '/events?type=books.imbalance');
  for (const after of [Number(none.body.next) + 1, 2 ** 31, Number.MAX_SAFE_INTEGER]) {
    const beyond = await all.call('GET', `/events?after=${after}`);
    assert.equal(codeOf(beyond), '422 invalid', String(after));
    assert.deepEqual(faultsOf(beyond), ['/after invalid_value']);
  }
  assert.deepEqual(none.body.data, []);
  const page = await all.call('GET', '/events?limit=2');
  assert.equal(page.body.next, String(page.body.data[1].sequence));
  const plain = await limited.call('GET', '/events?type=account.created&limit=1');
  assert.deepEqual(Object.keys(plain.body.data[0].data).sort(), ['masterAccount', 'origin']);
  await dropOldEvents(db, new Date('2031-01-01'), 30);
  assert.equal((await all.call('GET', '/events')).body.next, none.body.next);
  const gone = await all.call('GET', '/events?after=1');
  assert.equal(codeOf(gone), '410 events_gone');
  assert.equal(gone.body.oldest, String(Number(none.body.next) + 1));
  const { username } = await api.signUp();
  const [next] = await eventsOf(username);
  assert.equal(next?.sequence, Number(none.body.next) + 1);
});
