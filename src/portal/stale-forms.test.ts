import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { describeAccount } from '../domain/account/account-directory.ts';
import { addNumber } from '../domain/billing/recurring-charge.ts';

let operator: Visitor;
let administrator: { username: number; password: string };
const api = sharedService({}, async () => {
  administrator = await api.administrator();
  operator = await Visitor.signedIn(api.url, administrator);
});

/** The same person's second tab: another open page, the same cookies. */
async function secondTab(of: Visitor, path: string): Promise<Visitor> {
  const tab = new Visitor(api.url);
  for (const [name, value] of of.cookies) tab.cookies.set(name, value);
  await tab.open(path);
  return tab;
}

const problemAt = (body: string, field: string) =>
  new RegExp(`id="${field}-problem">([^<]*)<`).exec(body)?.[1];

test('a form changes what it changed and nothing that was changed meanwhile', async () => {
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const [one, two] = [
    await secondTab(operator, `${path}/settings`),
    await secondTab(operator, `${path}/settings`),
  ];
  // Browsers do not send a box that is not ticked.
  const stopped = await one.submit(`${path}/settings`, { enabled: 'off', rate: '0.02' });
  assert.equal(stopped.status, 303, stopped.body);
  const saved = await two.submit(`${path}/settings`, { callerId: '2125550100', maxCalls: '4' });
  assert.equal(saved.status, 303, saved.body);
  const { enabled, rate, callerId, maxCalls } = await describeAccount(api.service.db, username);
  assert.deepEqual(
    { enabled, rate, callerId, maxCalls },
    { enabled: false, rate: '0.020000', callerId: '2125550100', maxCalls: 4 },
  );
});

test('a field that was changed meanwhile is not overwritten, and the page says so', async () => {
  const { db } = api.service;
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const [one, two] = [
    await secondTab(operator, `${path}/settings`),
    await secondTab(operator, `${path}/settings`),
  ];
  const first = { enabled: 'off', callerId: '2125550100', billing: 'postpaid', creditLimit: '50' };
  assert.equal((await one.submit(`${path}/settings`, first)).status, 303);
  const fields = { name: 'Renamed', callerId: '2125550199', creditLimit: '70' };
  const late = await two.submit(`${path}/settings`, { ...fields, billing: 'postpaid' });
  assert.equal(late.status, 400, late.body);
  const by = `Meanwhile administrator ${administrator.username} changed this to`;
  assert.deepEqual(
    ['callerId', 'billing', 'creditLimit', 'name', 'enabled'].map((name) =>
      problemAt(late.body, name),
    ),
    [
      `${by} “2125550100”. Save again to have yours in its place.`,
      `${by} “postpaid”. Save again to have yours in its place.`,
      `${by} “50”. Save again to have yours in its place.`,
      undefined,
      undefined,
    ],
  );
  const kept = await describeAccount(db, username);
  assert.deepEqual(
    [kept.name, kept.callerId, kept.creditLimit],
    ['Example Company', '2125550100', '50.000000'],
  );
  // The page shows the typed fields, and current values elsewhere: calls stay off.
  const again = await two.submit(`${path}/settings`);
  assert.equal(again.status, 303, again.body);
  const { name, callerId, creditLimit, enabled } = await describeAccount(db, username);
  assert.deepEqual(
    { name, callerId, creditLimit, enabled },
    { name: 'Renamed', callerId: '2125550199', creditLimit: '70.000000', enabled: false },
  );
});

test('of two that change one field at once, one does, and the other is told', async () => {
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const rates = ['0.01', '0.02', '0.03', '0.04'];
  const tabs = await Promise.all(rates.map(() => secondTab(operator, `${path}/settings`)));
  const answers = await Promise.all(
    tabs.map((tab, index) => tab.submit(`${path}/settings`, { rate: rates[index] ?? '' })),
  );
  assert.deepEqual(answers.map(({ status }) => status).sort(), [303, 400, 400, 400]);
  const winner = rates[answers.findIndex(({ status }) => status === 303)];
  assert.equal((await describeAccount(api.service.db, username)).rate, `${winner}0000`);
});

test("a customer's own forms do the same, and tell who it was", async () => {
  const customer = await api.signUp();
  const { username } = customer;
  const number = { account: username, number: '2125550111', monthly: '0' };
  await addNumber(api.service.db, TESTER, number, api.service.clock());
  const visitor = await Visitor.signedIn(api.url, customer);
  const tab = await secondTab(visitor, '/settings');
  const other = await secondTab(visitor, '/settings');
  const mine = { caller_id: '2125550111' };
  assert.equal((await other.submit('/settings/profile', mine)).status, 303);
  await operator.open(`/admin/accounts/${username}/settings`);
  const theirs = { name: 'Named by staff', notifyThreshold: '9' };
  await operator.submit(`/admin/accounts/${username}/settings`, theirs);
  const untouched = await tab.submit('/settings/warning', { notify: 'off' });
  assert.equal(untouched.status, 303, untouched.body);
  const stale = await secondTab(visitor, '/settings');
  await operator.open(`/admin/accounts/${username}/settings`);
  await operator.submit(`/admin/accounts/${username}/settings`, { name: 'Named again' });
  const profile = { name: 'Mine' };
  const late = await stale.submit('/settings/profile', profile);
  assert.equal(late.status, 400);
  assert.equal(
    problemAt(late.body, 'name'),
    'Meanwhile our staff changed this to “Named again”. Save again to have yours in its place.',
  );
  const before = await describeAccount(api.service.db, username);
  assert.deepEqual(
    [before.name, before.notify, before.notifyThreshold, before.callerId],
    ['Named again', false, 9, '2125550111'],
  );
  assert.equal((await stale.submit('/settings/profile')).status, 303);
  assert.equal((await describeAccount(api.service.db, username)).name, 'Mine');
});

test('a form that does not say what it showed is refused', async () => {
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  for (const shown of ['', '{', '[1]', '{"rate":1}', '{"rate":"\\u0000"}', '{"rate":"\\ud800"}']) {
    await operator.open(`${path}/settings`);
    const answer = await operator.submit(`${path}/settings`, { shown, rate: '1' });
    assert.deepEqual([shown, answer.status], [shown, 400]);
  }
  assert.equal((await describeAccount(api.service.db, username)).rate, '0.007500');
});
