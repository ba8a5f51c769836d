import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../test/support/service.ts';
import { type Visited, Visitor } from '../../test/support/visitor.ts';
import { endSessions } from '../domain/access/session.ts';
import { describeAccount } from '../domain/account/account-directory.ts';

const api = sharedService();

const ENDED = /Your session has ended, so nothing was changed\. Please sign in again\./;
const KEPT = /Your session had ended before the form was sent\. What you typed is below/;

interface Person {
  username: number;
  password: string;
  visitor: Visitor;
}

async function signedIn(account?: { username: number; password: string }): Promise<Person> {
  const { username, password } = account ?? (await api.signUp());
  const visitor = await Visitor.signedIn(api.url, { username, password });
  return { username, password, visitor };
}

const endSessionsOf = (username: number) => endSessions(api.service.db, username);
const inputOf = (page: Visited, id: string) =>
  new RegExp(`id="${id}"[^>]* value="([^"]*)"`).exec(page.body)?.[1];

test('what was typed while the session ended is in the form again after signing in', async () => {
  const { username, password, visitor } = await signedIn();
  await visitor.open('/settings');
  await endSessionsOf(username);
  const asked = await visitor.submit('/settings/profile', { name: 'A & "B"', caller_id: '212' });
  assert.equal(asked.status, 403, asked.body);
  assert.match(asked.body, ENDED);
  const login = String(username);
  const wrong = await visitor.submit('/sign-in', { login, password: 'wrong password' });
  assert.equal(wrong.status, 400);
  const back = await visitor.submit('/sign-in', { login, password });
  assert.deepEqual([back.status, back.location], [303, '/settings/profile']);
  const page = await visitor.follow('/settings/profile');
  assert.equal(page.status, 200);
  assert.match(page.body, KEPT);
  assert.deepEqual(
    [inputOf(page, 'name'), inputOf(page, 'caller_id')],
    ['A &#38; &#34;B&#34;', '212'],
  );
  const { name } = await describeAccount(api.service.db, username);
  assert.notEqual(name, 'A & "B"', 'nothing is saved before it is sent again');
  const sent = await visitor.submit('/settings/profile', { caller_id: '' });
  assert.deepEqual([sent.status, sent.location], [303, '/settings']);
  assert.equal((await describeAccount(api.service.db, username)).name, 'A & "B"');
  const later = await visitor.open('/settings');
  assert.doesNotMatch(later.body, KEPT);
});

test('each form of an operator that is typed into keeps what was typed', async () => {
  const administrator = await api.administrator();
  const { username, password, visitor } = await signedIn(administrator);
  const { username: customer } = await api.signUp();
  const account = `/admin/accounts/${customer}`;
  for (const [page, action, typed] of [
    [`${account}/settings`, `${account}/settings`, { maxCalls: '77', callerId: '2125550123' }],
    [`${account}/money`, `${account}/money`, { amount: '12.5', reason: 'bank transfer' }],
    [`${account}/services`, `${account}/services`, { description: 'Fax', descriptionMonthly: '3' }],
    [`${account}/numbers`, `${account}/numbers`, { number: '12125550124', numberMonthly: '4' }],
    ['/admin/accounts/new', '/admin/accounts/new', { name: 'New', email: 'new@example.com' }],
    ['/admin/feeds', '/admin/feeds', { name: 'sw9', networks: '192.0.2.0/24' }],
    ['/admin/promotions', '/admin/promotions', { code: 'SPRING', amount: '5' }],
  ] as const) {
    await visitor.open(page);
    await endSessionsOf(username);
    // The step-up page sends a form again, together with its own fields.
    await visitor.submit(action, { ...typed, current: 'the password', second_factor: '123456' });
    const back = await visitor.submit('/sign-in', { login: String(username), password });
    const shown = await visitor.follow(back.location ?? '');
    assert.match(shown.body, KEPT, action);
    const values = Object.keys(typed).map((name) => [name, inputOf(shown, name)]);
    assert.deepEqual([action, Object.fromEntries(values)], [action, typed]);
  }
});

test('a password that was typed is not kept, and the page says why it asks', async () => {
  const { username, password, visitor } = await signedIn();
  await visitor.open('/settings');
  await endSessionsOf(username);
  const fields = { current: password, password: 'another long one', repeated: 'another long one' };
  const asked = await visitor.submitAndFollow('/settings/password', fields);
  assert.match(asked.body, ENDED);
  assert.doesNotMatch(asked.body, /another long one/);
  const back = await visitor.submit('/sign-in', { login: String(username), password });
  assert.equal(back.location, '/settings/password');
  assert.equal((await visitor.follow('/settings/password')).status, 200);
});

test('a draft of another account or of another site is dropped', async () => {
  const one = await signedIn();
  const two = await signedIn();
  await one.visitor.open('/settings');
  await endSessionsOf(one.username);
  await one.visitor.submit('/settings/profile', { name: 'Of the first' });
  const login = String(two.username);
  const taken = await one.visitor.submitAndFollow('/sign-in', { login, password: two.password });
  assert.equal(taken.status, 200);
  assert.doesNotMatch(taken.body, /Of the first|What you typed/);

  await endSessionsOf(two.username);
  const forged = await two.visitor.post('/settings/profile', {
    form_token: 'A'.repeat(43),
    name: 'Forged',
  });
  assert.equal(forged.status, 403);
  const mine = await two.visitor.submitAndFollow('/sign-in', { login, password: two.password });
  assert.equal(mine.status, 200);
  assert.doesNotMatch(mine.body, /Forged|What you typed/);
});

test('a hidden draft that was tampered with is no error', async () => {
  const { username, password, visitor } = await signedIn();
  const login = String(username);
  for (const draft of [
    '{',
    'null',
    '[]',
    '{"action":1,"token":[],"fields":{"a":{}}}',
    '{"fields":null}',
  ]) {
    await endSessionsOf(username);
    await visitor.open('/sign-in?next=%2Fsettings');
    const answer = await visitor.submit('/sign-in', { login, password, draft });
    assert.deepEqual([draft, answer.status, answer.location], [draft, 303, '/settings']);
  }
});

test('a form is good again once another tab has signed in anew', async () => {
  const { username, password, visitor } = await signedIn();
  const tab = new Visitor(api.url);
  for (const [name, value] of visitor.cookies) tab.cookies.set(name, value);
  await tab.open('/settings');
  await endSessionsOf(username);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', { login: String(username), password });
  for (const [name, value] of visitor.cookies) tab.cookies.set(name, value);
  const sent = await tab.submit('/settings/profile', { name: 'Second tab' });
  assert.deepEqual([sent.status, sent.location], [303, '/settings']);
  assert.equal((await describeAccount(api.service.db, username)).name, 'Second tab');
});

test('browsers keep the answer to a form to go back to it, until signing out', async () => {
  const { visitor } = await signedIn();
  const page = await visitor.open('/settings');
  assert.equal(page.headers.get('cache-control'), 'no-store');
  const refused = await visitor.submit('/settings/profile', { name: '' });
  assert.equal(refused.status, 400);
  assert.equal(refused.headers.get('cache-control'), 'private, no-cache');
  const out = await visitor.submit('/sign-out');
  assert.deepEqual([out.status, out.headers.get('clear-site-data')], [303, '"cache"']);
});
