import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOTP } from 'otpauth';
import { linkIn, sharedService, submit, TESTER } from '../../../test/support/service.ts';
import { type Visited, Visitor } from '../../../test/support/visitor.ts';
import { removeSecondFactor, takeSecondFactor } from '../../domain/access/second-factor.ts';

const api = sharedService();

const PATH = '/settings/second-factor';

async function signIn(username: number, password: string): Promise<[Visitor, Visited]> {
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in?next=%2Fcalls');
  return [visitor, await visitor.submit('/sign-in', { login: String(username), password })];
}

const codeOf = (secret: string) =>
  new TOTP({ secret }).generate({ timestamp: api.service.clock().getTime() });
const copied = (page: Visited, id: string) =>
  new RegExp(`<pre id="${id}"[^>]*><code>([^<]*)</code>`).exec(page.body)?.[1] ?? '';

/** An account whose second factor is on, and the browser that turned it on. */
async function withFactor() {
  const { username, password, email } = await api.signUp();
  const [visitor] = await signIn(username, password);
  await visitor.open(PATH);
  const begun = await visitor.submitAndFollow(PATH, { current: password });
  const secret = copied(begun, 'secret');
  assert.match(secret, /^[A-Z2-7]{32}$/);
  const on = await visitor.submitAndFollow(`${PATH}/confirm`, { code: codeOf(secret) });
  const codes = copied(on, 'codes').split('\n');
  // The next code differs.
  api.advance(30);
  return { username, password, email, visitor, secret, codes };
}

test('it is turned on by a code, and then asked for at the next sign-in', async () => {
  const { username, password, email } = await api.signUp();
  const [visitor] = await signIn(username, password);
  const [other] = await signIn(username, password);
  await visitor.open(PATH);
  assert.match((await visitor.submit(PATH, { current: 'wrong' })).body, /not your password/);
  const begun = await visitor.submitAndFollow(PATH, { current: password });
  assert.match(begun.body, /<svg[^>]*viewBox/);
  assert.doesNotMatch(begun.body, /style=/);
  const secret = copied(begun, 'secret');
  const wrong = await visitor.submitAndFollow(`${PATH}/confirm`, { code: '000000' });
  assert.match(wrong.body, /This code is not right/);
  assert.equal(copied(wrong, 'secret'), secret, 'a mistyped code does not change the secret');
  const [plain] = await signIn(username, password);
  assert.equal((await plain.open('/overview')).status, 200, 'not asked for before it is on');

  const on = await visitor.submitAndFollow(`${PATH}/confirm`, { code: codeOf(secret) });
  const codes = copied(on, 'codes').split('\n');
  assert.equal(codes.length, 10);
  for (const code of codes) assert.match(code, /^[a-z2-9]{5}-[a-z2-9]{5}$/);
  assert.equal((await visitor.open('/overview')).status, 200);
  assert.equal((await other.open('/overview')).status, 303, 'other sessions have ended');
  const mails = await api.mails(email, 2);
  assert.match(mails.at(-1)?.subject ?? '', /second step/);

  const [again, asked] = await signIn(username, password);
  assert.match(asked.body, /Second factor/);
  assert.equal(again.cookies.has('account_api_session'), false);
  api.advance(30);
  const done = await again.submit('/sign-in/code', { code: codeOf(secret) });
  assert.deepEqual([done.status, done.location], [303, '/calls']);
  assert.equal((await again.open('/overview')).status, 200);

  const { db } = api.service;
  const stored = JSON.stringify([
    await db.query('SELECT * FROM second_factor'),
    await db.query('SELECT * FROM recovery_code'),
  ]);
  assert.equal(stored.includes(secret), false);
  assert.equal(
    codes.some((code) => stored.includes(code)),
    false,
  );
});

test('a code is taken once, also of many attempts at once', async () => {
  const { username, secret } = await withFactor();
  const { db, keyring, clock } = api.service;
  const code = codeOf(secret);
  const now = clock();
  const taken = await Promise.all(
    Array.from({ length: 10 }, () => takeSecondFactor(db, keyring, { username, code, now })),
  );
  assert.equal(taken.filter(Boolean).length, 1);
  assert.equal(await takeSecondFactor(db, keyring, { username, code, now }), false);
});

test('a recovery code works once, however it is written', async () => {
  const { username, password, codes } = await withFactor();
  const [visitor] = await signIn(username, password);
  const typed = ` ${(codes[0] ?? '').toUpperCase().replace('-', ' ')} `;
  assert.equal((await visitor.submit('/sign-in/code', { code: typed })).status, 303);
  assert.match((await visitor.open(PATH)).body, /9 recovery codes left/);
  const [second] = await signIn(username, password);
  assert.equal((await second.submit('/sign-in/code', { code: codes[0] ?? '' })).status, 400);
  const fresh = await visitor.submitAndFollow(PATH, { current: password, action: 'codes' });
  assert.equal(copied(fresh, 'codes').split('\n').length, 10);
  const old = await second.submit('/sign-in/code', { code: codes[1] ?? '' });
  assert.equal(old.status, 400, 'new codes replace the old ones');
});

test('guesses are slowed down, and the proof of the password is good for five minutes, here alone', async () => {
  const { username, password, secret } = await withFactor();
  const [visitor, asked] = await signIn(username, password);
  const statuses = [];
  for (let guess = 0; guess < 7; guess++) {
    statuses.push((await visitor.submit('/sign-in/code', { code: '000000' })).status);
    if (statuses.at(-1) === 429) break;
  }
  assert.deepEqual(statuses, [400, 400, 400, 400, 400, 400, 429]);
  api.advance(60);

  const step = /name="step" value="([^"]*)"/.exec(asked.body)?.[1] ?? '';
  const stranger = new Visitor(api.url);
  const page = await stranger.open('/sign-in');
  const token = /name="form_token" value="([^"]*)"/.exec(page.body)?.[1] ?? '';
  const elsewhere = await stranger.post('/sign-in/code', {
    form_token: token,
    step,
    code: codeOf(secret),
  });
  assert.match(elsewhere.body, /This took too long/);

  const [late] = await signIn(username, password);
  api.advance(301);
  const expired = await late.submit('/sign-in/code', { code: codeOf(secret) });
  assert.match(expired.body, /This took too long/);
});

test('a new password by mail leaves it on; the operator and its owner turn it off', async () => {
  const { username, email, secret, visitor, password } = await withFactor();
  await visitor.open(PATH);
  await api.call('recover', { email });
  const mails = await api.mails(email, 3);
  const chosen = 'four words by mail';
  const reset = await submit(linkIn(mails.at(-1), 'reset'), { password: chosen, repeated: chosen });
  assert.equal(reset.status, 200);
  assert.notEqual(password, chosen);
  const [again, asked] = await signIn(username, chosen);
  assert.match(asked.body, /name="step"/);
  assert.equal((await again.submit('/sign-in/code', { code: codeOf(secret) })).status, 303);
  await again.open(PATH);
  const off = await again.submit(PATH, { current: chosen, action: 'off' });
  assert.deepEqual([off.status, off.location], [303, '/settings']);
  assert.equal((await signIn(username, chosen))[1].status, 303);

  const other = await withFactor();
  const { db, queue, clock } = api.service;
  assert.equal(await removeSecondFactor(db, TESTER, { queue, now: clock() }, other.username), true);
  assert.equal(
    await removeSecondFactor(db, TESTER, { queue, now: clock() }, other.username),
    false,
  );
  assert.equal((await signIn(other.username, other.password))[1].status, 303);
});
