import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { changeAccount, closeAccount } from '../account/account.ts';
import { addAccount, NO_LIMITS } from '../account/new-account.ts';
import { listEntries, postByHand, reverseEntry } from '../books/ledger.ts';
import { findEntry, searchEntries } from '../books/ledger-search.ts';
import { reconcile } from '../books/proof.ts';
import { postMonthlyCharges, previewMonthlyCharges } from './charge-run.ts';
import type { MonthlyCharge } from './monthly-charge.ts';
import { addNumber, addService, removeService } from './recurring-charge.ts';

const api = sharedService();

/** A billing account in a time zone, created at the beginning of 2030, with $100. */
async function billingAccount(timeZone = 'UTC') {
  const { username, email } = await api.signUp();
  const { db } = api.service;
  await changeAccount(db, TESTER, { queue: api.service.queue, now: at('2030-01-01') }, username, {
    timeZone,
  });
  await postByHand(db, TESTER, {
    account: username,
    kind: 'payment',
    amount: '100',
    reason: 'Payment',
    at: at('2030-01-01'),
  });
  return { username, email };
}

async function subAccount(masterAccount: number, username: number) {
  await addAccount(api.service.db, TESTER, api.service.keyring, {
    name: 'Sub',
    email: 'sub@example.com',
    username,
    masterAccount,
    role: 'customer',
    rate: '0.01',
    limits: NO_LIMITS,
    sipRealm: 'localhost',
    now: at('2030-01-01'),
  });
  return username;
}

/** A day or a time, in UTC. */
const at = (text: string) => new Date(text.includes('T') ? text : `${text}T12:00:00Z`);

const service = (account: number, description: string, monthly: string, when: string) =>
  addService(api.service.db, TESTER, { account, description, monthly }, at(when));

const unservice = (account: number, description: string, when: string) =>
  removeService(api.service.db, TESTER, { account, description }, at(when));

const post = (account: number, when: string, prorate = false) =>
  postMonthlyCharges(api.service.db, api.service.queue, { now: at(when), prorate, account });

async function preview(account: number, when: string, options: { month?: string } = {}) {
  const charges: MonthlyCharge[] = [];
  for await (const charge of previewMonthlyCharges(api.service.db, {
    now: at(when),
    prorate: false,
    account,
    ...options,
  })) {
    charges.push(charge);
  }
  return charges;
}

/** The monthly charges of an account, oldest first: month and amount. */
async function charged(account: number): Promise<[string, string][]> {
  const entries = await listEntries(api.service.db, account, { limit: 100 });
  return entries
    .filter(({ kind }) => kind === 'monthly charge')
    .map(({ reference, amount }): [string, string] => [
      reference?.replace('monthly charge ', '') ?? '',
      amount,
    ])
    .reverse();
}

/** The lines of an account's newest charge: name, month, days and amount. */
async function newestLines(account: number) {
  const [entry] = await searchEntries(api.service.db, { account }, { limit: 1 });
  return entry?.lines.map(({ name, month, days, amount }) => [name, month, days, amount]);
}

test('a month is charged once, on its first day, in advance, and the customer is told', async () => {
  const { username, email } = await billingAccount();
  const { db } = api.service;
  await service(username, 'E911', '1.50', '2030-11-15');
  await service(username, 'E911', '1.25', '2030-11-16');
  await addNumber(
    db,
    TESTER,
    { account: username, number: '8005550100', monthly: '2' },
    at('2030-11-20'),
  );
  assert.deepEqual(await post(username, '2030-11-30T23:59:59Z'), {
    accounts: 0,
    charges: 0,
    amount: '0.000000',
    failures: [],
  });

  assert.deepEqual(await post(username, '2030-12-01T00:05:00Z'), {
    accounts: 1,
    charges: 1,
    amount: '4.750000',
    failures: [],
  });
  assert.equal((await post(username, '2030-12-31T23:59:59Z')).charges, 0);
  const [entry] = await listEntries(db, username, { limit: 1 });
  assert.deepEqual(entry, {
    id: entry?.id,
    kind: 'monthly charge',
    amount: '-4.750000',
    reason: 'Monthly charge 2030-12',
    reference: 'monthly charge 2030-12',
    actor: 'monthly charges',
    createdAt: at('2030-12-01T00:05:00Z'),
    reversed: false,
    paid: null,
  });
  const { lines } = await findEntry(db, username, entry?.id ?? 0);
  const line = { month: '2030-12', owner: String(username), days: 31 };
  assert.deepEqual(lines, [
    { ...line, item: 'service', name: 'E911', amount: '1.500000' },
    { ...line, item: 'service', name: 'E911', amount: '1.250000' },
    { ...line, item: 'number', name: '8005550100', amount: '2.000000' },
  ]);
  const [, mail] = await api.mails(email, 2);
  assert.match(mail?.text ?? '', /E911 × 2 +\$2\.75/);
  assert.match(mail?.text ?? '', /95\.25/);
});

test('the first of the month is that of the billing account, a few minutes late', async () => {
  const early = (await billingAccount('Pacific/Kiritimati')).username;
  const late = (await billingAccount('Pacific/Pago_Pago')).username;
  for (const account of [early, late]) await service(account, 'Line', '3', '2031-01-10');
  const due = async (account: number, when: string) => (await preview(account, when)).length;
  assert.equal(await due(early, '2031-01-31T10:04:59Z'), 0);
  assert.equal(await due(early, '2031-01-31T10:05:00Z'), 1);
  assert.equal(await due(late, '2031-02-01T11:04:59Z'), 0);
  assert.equal(await due(late, '2031-02-01T11:05:00Z'), 1);
});

test('what is there as a month begins for the account is charged for it, and no more', async () => {
  const { username } = await billingAccount('America/New_York');
  await service(username, 'Line', '3', '2030-12-01T04:59:59Z');
  await service(username, 'Fax', '1', '2030-12-01T05:00:01Z');
  await post(username, '2030-12-01T05:05:00Z');
  assert.deepEqual(await charged(username), [['2030-12', '-3.000000']]);
});

test('every month that was missed is caught up, none before the service was there', async () => {
  const { username } = await billingAccount();
  await service(username, 'Trunk', '10', '2030-01-31');
  await service(username, 'Fax', '1', '2030-03-15');
  await unservice(username, 'Trunk', '2030-05-01T00:00:00Z');
  await unservice(username, 'Fax', '2030-05-01T00:00:01Z');
  assert.deepEqual(await post(username, '2030-07-20'), {
    accounts: 1,
    charges: 4,
    amount: '32.000000',
    failures: [],
  });
  assert.deepEqual(await charged(username), [
    ['2030-02', '-10.000000'],
    ['2030-03', '-10.000000'],
    ['2030-04', '-11.000000'],
    ['2030-05', '-1.000000'],
  ]);
  await service(username, 'Fax', '2', '2030-07-31');
  await post(username, '2030-08-01');
  assert.deepEqual((await charged(username)).at(-1), ['2030-08', '-2.000000']);
});

test('a billing account pays for its sub-accounts, until they are closed', async () => {
  const { db } = api.service;
  const { username } = await billingAccount();
  const kept = await subAccount(username, 5_550_000_001);
  const closed = await subAccount(username, 5_550_000_002);
  await service(kept, 'Line', '3', '2030-01-10');
  await service(closed, 'Line', '4', '2030-01-10');
  const number = { account: closed, number: '8005550101' };
  await addNumber(db, TESTER, { ...number, monthly: '1' }, at('2030-01-10'));
  await post(username, '2030-02-01');
  await closeAccount(db, TESTER, closed, at('2030-02-10'));
  await addNumber(
    db,
    TESTER,
    { account: kept, number: number.number, monthly: '1' },
    at('2030-02-11'),
  );
  await post(username, '2030-03-01');
  assert.deepEqual(await charged(username), [
    ['2030-02', '-8.000000'],
    ['2030-03', '-4.000000'],
  ]);
  assert.deepEqual(await charged(kept), []);

  await closeAccount(db, TESTER, kept, at('2030-03-05'));
  await closeAccount(db, TESTER, username, at('2030-03-06'));
  assert.equal((await post(username, '2031-03-01')).charges, 0);
  const due = await db.query(
    'SELECT FROM account WHERE username = $1 AND next_charge IS NOT NULL',
    [username],
  );
  assert.equal(due.length, 0, 'no month of a closed account is looked at again');
});

test('pro-rated, a month is settled with the charge of the next one', async () => {
  const { username } = await billingAccount('Europe/Berlin');
  await service(username, 'Whole', '31', '2030-09-15');
  await service(username, 'Ends', '31', '2030-09-15');
  await post(username, '2030-10-01', false);
  assert.deepEqual(await newestLines(username), [
    ['Ends', '2030-10', 31, '31.000000'],
    ['Whole', '2030-10', 31, '31.000000'],
  ]);

  // 23:30 on 11 October in Berlin. The clocks go back on the 27th; this must not add a day.
  await unservice(username, 'Ends', '2030-10-11T21:30:00Z');
  await service(username, 'Replacement', '62', '2030-10-11T21:31:00Z');
  await service(username, 'Odd', '0.10', '2030-10-30');
  await service(username, 'Never', '31', '2030-10-20T08:00:00Z');
  await unservice(username, 'Never', '2030-10-20T09:00:00Z');
  await unservice(username, 'Odd', '2030-10-31');
  await post(username, '2030-11-01', true);
  assert.deepEqual(await newestLines(username), [
    ['Replacement', '2030-11', 30, '62.000000'],
    ['Whole', '2030-11', 30, '31.000000'],
    // 10 of 31 paid days were used, so 21 days at $1; 0.1 / 31 rounded; 21 days at $2
    ['Ends', '2030-10', 10, '-21.000000'],
    ['Odd', '2030-10', 1, '0.003226'],
    ['Replacement', '2030-10', 21, '42.000000'],
  ]);
  await post(username, '2030-12-01', true);
  assert.deepEqual(await newestLines(username), [
    ['Replacement', '2030-12', 31, '62.000000'],
    ['Whole', '2030-12', 31, '31.000000'],
  ]);
});

test('pro-rated, a closed account gets the rest of its last month back, and then no more', async () => {
  const { db } = api.service;
  const { username, email } = await billingAccount();
  await service(username, 'Line', '30', '2030-03-31');
  await post(username, '2030-04-01', true);
  await closeAccount(db, TESTER, username, at('2030-04-21'));
  await post(username, '2030-06-01', true);
  assert.deepEqual(await charged(username), [
    // one day of March at 30 / 31
    ['2030-04', '-30.967742'],
    ['2030-05', '10.000000'],
  ]);
  assert.equal((await preview(username, '2031-01-01')).length, 0);
  // One mail for the sign-up, one for the charge of April; a closed account gets no mail.
  assert.equal((await api.mails(email, 2)).length, 2);
});

test('a month that was reversed or posted by hand is not settled', async () => {
  const { db } = api.service;
  const reversed = (await billingAccount()).username;
  const byHand = (await billingAccount()).username;
  for (const account of [reversed, byHand]) await service(account, 'Line', '30', '2030-03-31');
  await postByHand(db, TESTER, {
    account: byHand,
    kind: 'adjustment',
    amount: '-1',
    reason: 'Agreed',
    reference: 'monthly charge 2030-04',
    at: at('2030-03-31'),
  });
  for (const account of [reversed, byHand]) await post(account, '2030-04-01');
  const [entry] = await listEntries(db, reversed, { limit: 1 });
  const reversal = { account: reversed, entry: entry?.id ?? 0, reason: 'Mistake' };
  await reverseEntry(db, TESTER, reversal, at('2030-04-02'));
  for (const account of [reversed, byHand]) {
    await unservice(account, 'Line', '2030-04-16');
    await post(account, '2030-05-01', true);
  }
  assert.deepEqual(await charged(reversed), [['2030-04', '-30.000000']]);
  assert.deepEqual(await charged(byHand), []);
});

for (const [from, to] of [
  ['America/Los_Angeles', 'Pacific/Auckland'],
  ['Pacific/Auckland', 'America/Los_Angeles'],
] as const) {
  test(`moving from ${from} to ${to} neither doubles nor skips a month`, async () => {
    const { username } = await billingAccount(from);
    await service(username, 'Line', '30', '2030-10-10');
    await post(username, '2030-11-15');
    // December has begun in only one of the two zones.
    await post(username, '2030-11-30T18:00:00Z', true);
    await service(username, 'New', '31', '2030-11-30T19:00:00Z');
    const move = { timeZone: to };
    await changeAccount(
      api.service.db,
      TESTER,
      { queue: api.service.queue, now: at('2030-11-30T20:00:00Z') },
      username,
      move,
    );
    for (const day of ['2030-11-30T21:00:00Z', '2030-12-01T23:00:00Z', '2030-12-20']) {
      await post(username, day, true);
    }
    await post(username, '2031-01-02', true);
    const months = await charged(username);
    assert.deepEqual(
      months.map(([month]) => month),
      ['2030-11', '2030-12', '2031-01'],
    );
    const lines = (await newestLines(username))?.filter(([name]) => name === 'Line');
    assert.deepEqual(lines, [['Line', '2031-01', 31, '30.000000']]);
    // The day on which the new service was added makes a difference of at most one day's price.
    const total = months.reduce((sum, [, amount]) => sum - Number(amount), 0);
    assert.ok(total >= 3 * 30 + 2 * 31 - 0.01 && total <= 3 * 30 + 2 * 31 + 1.1, String(total));
  });
}

test('midnights that clocks skip or repeat begin a month once', async () => {
  const { username } = await billingAccount('America/Asuncion');
  const second = (await billingAccount('America/Havana')).username;
  await service(username, 'Line', '1', '2017-09-15');
  await service(second, 'Line', '1', '2026-10-15');
  // In Asuncion, 23:59:59 was followed by 01:00 on 1 October 2017, at 04:00 UTC.
  assert.equal((await preview(username, '2017-10-01T04:04:59Z')).length, 0);
  assert.equal((await post(username, '2017-10-01T04:05:00Z')).charges, 1);
  // In Havana the hour from 00:00 on 1 November 2026 comes twice, from 04:00 and from 05:00 UTC.
  assert.equal((await post(second, '2026-11-01T04:30:00Z')).charges, 1);
  assert.equal((await post(second, '2026-11-01T05:30:00Z')).charges, 0);
});

test('a preview tells what would be posted and changes nothing', async () => {
  const { username } = await billingAccount();
  await service(username, 'Line', '60', '2030-02-10');
  const [line] = (await preview(username, '2030-03-02'))[0]?.lines ?? [];
  const month = (name: string, days: number, cash: string) => ({
    account: username,
    month: name,
    amount: '60.000000',
    lines: [{ ...line, month: name, days }],
    cash,
  });
  const expected = [month('2030-03', 31, '40.000000'), month('2030-04', 30, '-20.000000')];
  assert.deepEqual(await preview(username, '2030-04-02'), expected);
  assert.deepEqual(await preview(username, '2030-02-20', { month: '2030-04' }), [expected[1]]);
  assert.deepEqual(await charged(username), []);
  const [balance] = await api.service.db.query(
    'SELECT cash::text, suspended FROM balance WHERE account = $1',
    [username],
  );
  assert.deepEqual(balance, { cash: '100.000000', suspended: false });

  await post(username, '2030-04-02');
  const [after] = await api.service.db.query(
    'SELECT cash::text, suspended FROM balance WHERE account = $1',
    [username],
  );
  assert.deepEqual(after, { cash: '-20.000000', suspended: true });
});

test('runs at the same time post each month once; one account that fails stops no other', async () => {
  const { db, queue } = api.service;
  const accounts: number[] = [];
  for (let n = 0; n < 12; n++) accounts.push((await billingAccount()).username);
  for (const account of accounts) await service(account, 'Line', '1', '2032-01-10');
  // Years of months of the accounts before them would be caught up, too.
  await db.query('UPDATE account SET next_charge = NULL WHERE username <> ALL($1)', [accounts]);
  const broken = accounts.pop() ?? 0;
  await db.query('DELETE FROM balance WHERE account = $1', [broken]);
  const options = { now: at('2032-03-02'), prorate: false };
  const runs = await Promise.all([1, 2, 3].map(() => postMonthlyCharges(db, queue, options)));
  for (const account of accounts) {
    assert.deepEqual(await charged(account), [
      ['2032-02', '-1.000000'],
      ['2032-03', '-1.000000'],
    ]);
  }
  for (const { failures } of runs) {
    assert.deepEqual(
      failures.map(({ account, error }) => [account, error.message]),
      [[broken, `${broken} has no balance of its own`]],
    );
  }
  await db.query('INSERT INTO balance (account, cash) VALUES ($1, 100)', [broken]);
  assert.deepEqual((await reconcile(db)).imbalances, []);
});
