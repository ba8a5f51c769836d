import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { postMonthlyCharges } from '../billing/charge-run.ts';
import { addService } from '../billing/recurring-charge.ts';
import { listEntries, postByHand, postEntry, reverseEntry } from './ledger.ts';

const api = sharedService();

test('what was posted cannot be changed or deleted, not even by the owner of the tables', async () => {
  const { db, queue } = api.service;
  const { username: account } = await api.signUp();
  await addService(
    db,
    TESTER,
    { account, description: 'Line', monthly: '1' },
    new Date('2030-01-10'),
  );
  await postMonthlyCharges(db, queue, { now: new Date('2030-02-02'), prorate: false });
  for (const table of ['ledger_entry', 'charge_line']) {
    for (const statement of [
      `UPDATE ${table} SET amount = 0`,
      `UPDATE ${table} SET amount = 0 WHERE account = 1`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
    ]) {
      await assert.rejects(db.query(statement), { message: `${table} is append-only` }, statement);
    }
    // Users without superuser rights cannot set this parameter.
    await assert.rejects(
      db.query(`SET LOCAL session_replication_role = replica; DELETE FROM ${table}`),
      /append-only|permission denied to set parameter/,
    );
  }
});

test('an entry is taken back once, whatever it was, and a reversal never', async () => {
  const { db } = api.service;
  const { username: account } = await api.signUp();
  const other = (await api.signUp()).username;
  const at = new Date('2030-01-01');
  const payment = { account, kind: 'payment', reason: 'Payment', at } as const;
  const { id } = await postByHand(db, TESTER, { ...payment, amount: '10.123456' });
  const reversals = await Promise.all(
    [1, 2, 3].map(() => reverseEntry(db, TESTER, { account, entry: id, reason: 'Bounced' }, at)),
  );
  const reversal = reversals[0]?.id ?? 0;
  assert.deepEqual(
    reversals.map(({ posted: _, ...rest }) => rest),
    Array(3).fill({ id: reversal, amount: '-10.123456', cash: '0.000000' }),
  );
  assert.deepEqual(reversals.filter(({ posted }) => posted).length, 1);
  const refused = (entry: number, of: number) =>
    reverseEntry(db, TESTER, { account: of, entry, reason: 'x' }, at);
  await assert.rejects(refused(reversal, account), {
    code: 'conflict',
    message: `entry ${reversal} is a reversal; post a credit or a debit`,
  });
  await assert.rejects(refused(id, other), {
    code: 'not found',
    message: `${other} has no ledger entry ${id}`,
  });
});

test('nobody posts by hand what passes for an entry of the service', async () => {
  const { db } = api.service;
  const { username: account } = await api.signUp();
  const at = new Date('2030-01-01');
  const payment = { account, kind: 'payment', reason: 'Payment', at } as const;
  const { id } = await postByHand(db, TESTER, { ...payment, amount: '10' });
  const own = [
    `reversal of ${id}`,
    'Reversal of 1',
    'promotion X',
    'rerating 1',
    'settlement of 1',
    'opening balance',
  ];
  for (const reference of own) {
    await assert.rejects(
      postByHand(db, TESTER, { ...payment, kind: 'adjustment', amount: '-10', reference }),
      { code: 'field invalid', reason: 'reference reserved', field: 'reference' },
      reference,
    );
  }
  for (const reference of ['monthly charge 2030-12', 'opening balances', 'a reversal of 1']) {
    const { posted } = await postByHand(db, TESTER, { ...payment, amount: '1', reference });
    assert.equal(posted, true, reference);
  }
  const reversal = await reverseEntry(db, TESTER, { account, entry: id, reason: 'Bounced' }, at);
  assert.deepEqual([reversal.posted, reversal.cash], [true, '3.000000']);
});

test('a debit of older days that calls itself a reversal is none', async () => {
  const { db } = api.service;
  const { username: account } = await api.signUp();
  const at = new Date('2030-01-01');
  const payment = { account, kind: 'payment', reason: 'Payment', at } as const;
  const { id } = await postByHand(db, TESTER, { ...payment, amount: '10' });
  const forged = { ...payment, amount: '-10', reference: `reversal of ${id}`, actor: 'operator' };
  await postEntry(db, { ...forged, kind: 'adjustment' });
  const entries = await listEntries(db, account, { limit: 10 });
  assert.deepEqual(
    entries.map(({ reversed }) => reversed),
    [false, false],
  );
  await assert.rejects(reverseEntry(db, TESTER, { account, entry: id, reason: 'Bounced' }, at), {
    code: 'conflict',
    reason: 'reference conflict',
  });
});

test('a credit on invoice is paid by one payment that names it, and lent once in all', async () => {
  const { db } = api.service;
  const { username: account } = await api.signUp();
  const book = { account, reason: 'Invoice 7', at: new Date('2030-01-01') } as const;
  const lend = (amount: string) =>
    postByHand(db, TESTER, { ...book, kind: 'credit on invoice', amount });
  const pay = (settles: number, amount: string, reference?: string) =>
    postByHand(db, TESTER, { ...book, kind: 'payment', amount, reference, settles });
  const reverse = (entry: number) => reverseEntry(db, TESTER, { ...book, entry }, book.at);
  const paid = async () =>
    (await listEntries(db, account, { limit: 20 })).map((entry) => [entry.kind, entry.paid]);
  const refusal = (code: string, message: string) => ({ code, message });

  const { id, cash } = await lend('50');
  assert.equal(cash, '50.000000');
  assert.deepEqual(await paid(), [['credit on invoice', false]]);
  await assert.rejects(
    pay(id, '49.99'),
    refusal('conflict', `entry ${id} is to be paid by exactly 50`),
  );
  const unknown = `${account} has no credit on invoice ${id + 1_000}`;
  await assert.rejects(pay(id + 1_000, '50'), refusal('not found', unknown));

  const payments = await Promise.allSettled(['a', 'b', 'c'].map((name) => pay(id, '50', name)));
  const [first, ...others] = payments.toSorted((a, b) => a.status.localeCompare(b.status));
  assert.deepEqual(
    [first, ...others].map((result) => result?.status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  for (const other of others) {
    assert.equal(
      String((other as PromiseRejectedResult).reason.message),
      `entry ${id} is paid already`,
    );
  }
  const payment = (first as PromiseFulfilledResult<Awaited<ReturnType<typeof pay>>>).value;
  assert.equal(payment.cash, '50.000000');
  assert.deepEqual(await paid(), [
    ['credit on invoice', null],
    ['payment', null],
    ['credit on invoice', true],
  ]);
  const [settlement] = await listEntries(db, account, { limit: 1 });
  assert.deepEqual(
    [settlement?.amount, settlement?.reference],
    ['-50.000000', `settlement of ${id}`],
  );
  const [, made] = await listEntries(db, account, { limit: 2 });
  const reference = made?.reference ?? '';
  assert.equal((await pay(id, '50', reference)).posted, false);
  await assert.rejects(
    postByHand(db, TESTER, { ...book, kind: 'payment', amount: '50', reference }),
    { reason: 'reference conflict' },
  );
  const isPaid = `entry ${id} is paid; reverse the payment first`;
  await assert.rejects(reverse(id), refusal('conflict', isPaid));
  const isPart = `entry ${settlement?.id} is a part of a payment; reverse that`;
  await assert.rejects(reverse(settlement?.id ?? 0), refusal('conflict', isPart));

  assert.equal((await reverse(payment.id)).cash, '50.000000');
  assert.equal((await reverse(payment.id)).posted, false);
  assert.deepEqual((await paid()).at(-1), ['credit on invoice', false]);
  const again = `the payment of entry ${id} was reversed; reverse that entry and give the credit again`;
  await assert.rejects(pay(id, '50'), refusal('conflict', again));
  assert.equal((await reverse(id)).cash, '0.000000');
  await assert.rejects(pay(id, '50'), refusal('conflict', `entry ${id} was reversed`));
  const [books] = await db.query(
    `SELECT cash = (SELECT sum(amount) FROM ledger_entry e WHERE e.account = b.account) AS balanced
     FROM balance b WHERE account = $1`,
    [account],
  );
  assert.deepEqual(books, { balanced: true });
});
