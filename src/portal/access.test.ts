import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, startService, TESTER } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { closeAccount } from '../domain/account/account.ts';
import { renewPassword } from '../domain/account/credentials.ts';

const WEEK_SECONDS = 604_800;

const api = sharedService();

const SESSION = 'account_api_session';

async function signedIn(): Promise<{ visitor: Visitor; username: number; password: string }> {
  const { username, password } = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, { username, password });
  return { visitor, username, password };
}

const isSignedIn = async (visitor: Visitor) => (await visitor.open('/overview')).status === 200;

test('signing in leads to the page that was asked for, under a new session id', async () => {
  const { username, password, email } = await api.signUp();
  const visitor = new Visitor(api.url);
  const turned = await visitor.open('/overview?x=1');
  assert.deepEqual([turned.status, turned.location], [303, '/sign-in?next=%2Foverview%3Fx%3D1']);
  await visitor.open(turned.location ?? '');
  const answer = await visitor.submit('/sign-in', { login: email.toUpperCase(), password });
  assert.deepEqual([answer.status, answer.location], [303, '/overview?x=1']);
  const first = visitor.cookies.get(SESSION);
  const page = await visitor.open('/overview');
  assert.equal(page.status, 200);
  assert.match(page.body, new RegExp(String(username)));
  assert.equal(page.headers.get('cache-control'), 'no-store');

  const cookie = answer.headers.getSetCookie().find((line) => line.startsWith(SESSION));
  assert.match(cookie ?? '', /^account_api_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);

  await visitor.submit('/sign-out');
  assert.equal(await isSignedIn(visitor), false);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', { login: String(username), password });
  assert.notEqual(visitor.cookies.get(SESSION), first);
  const old = new Visitor(api.url);
  old.cookies.set(SESSION, first ?? '');
  assert.equal(await isSignedIn(old), false);
});

test('after signing in nobody is led to another site', async () => {
  const { username, password } = await api.signUp();
  for (const next of [
    '//evil.example/',
    'https://evil.example/',
    '/\\evil.example',
    '/a\nb',
    '/.//evil.example',
    '/..//evil.example',
    '/x/..//evil.example/?x=1',
    '/%2e//evil.example',
    '/%2E%2e/\\evil.example',
    '/./\\evil.example',
    '//',
    '/.//',
    'javascript:alert(1)',
  ]) {
    const visitor = new Visitor(api.url);
    await visitor.open(`/sign-in?next=${encodeURIComponent(next)}`);
    const answer = await visitor.submit('/sign-in', { login: String(username), password });
    assert.deepEqual([next, answer.location], [next, '/']);
  }
});

test('wrong, unknown, empty and over-long credentials get one answer', async () => {
  const { username, email } = await api.signUp();
  const answers = [];
  for (const [login, password] of [
    [String(username), 'wrong password'],
    [email, 'wrong password'],
    ['2000000001', 'wrong password'],
    ['nobody@example.com', 'wrong password'],
    ['', ''],
    [String(username), 'x'.repeat(10_000)],
  ] as const) {
    const visitor = new Visitor(api.url);
    await visitor.open('/sign-in');
    const answer = await visitor.submit('/sign-in', { login, password });
    const body = answer.body.replace(/ value="[^"]*"/g, '');
    answers.push({ status: answer.status, body, cookie: visitor.cookies.has(SESSION) });
  }
  assert.equal(answers[0]?.status, 400);
  assert.match(answers[0]?.body ?? '', /is not right/);
  for (const answer of answers) assert.deepEqual(answer, answers[0]);
});

test('an address with several accounts signs in by username alone', async () => {
  const { username, password, email } = await api.signUp();
  const { apikey } = await api.administrator();
  const added = await api.call('add', { name: 'Second', email, username: 3_000_000_001 }, apikey);
  assert.equal(added.status, 200);
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in');
  const byAddress = await visitor.submit('/sign-in', { login: email, password });
  assert.equal(byAddress.status, 400);
  assert.match(byAddress.body, /sign in with the 10-digit username/);
  const byUsername = await visitor.submit('/sign-in', { login: String(username), password });
  assert.equal(byUsername.status, 303);
});

test('a form that another site sent is refused', async () => {
  const { visitor } = await signedIn();
  const attempts: [string, Record<string, string>, Record<string, string>][] = [
    ['cross-site by Sec-Fetch-Site', {}, { 'sec-fetch-site': 'cross-site' }],
    ['same-site by Sec-Fetch-Site', {}, { 'sec-fetch-site': 'same-site' }],
    ['another Origin', {}, { origin: 'https://evil.example' }],
    ['no token', { form_token: '' }, {}],
    ['a made-up token', { form_token: 'A'.repeat(43) }, {}],
  ];
  for (const [name, fields, headers] of attempts) {
    await visitor.open('/overview');
    const answer = await visitor.submit('/sign-out', fields, headers);
    assert.deepEqual([name, answer.status], [name, 403]);
    assert.match(answer.body, /This form is no longer valid/);
  }
  assert.equal(await isSignedIn(visitor), true);
  const own = await visitor.open('/overview');
  const token = /name="form_token" value="([^"]*)"/.exec(own.body)?.[1] ?? '';
  const other = await signedIn();
  const foreign = await other.visitor.post('/sign-out', { form_token: token });
  assert.equal(foreign.status, 403);
});

test('forms before signing in are guarded as well', async () => {
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in');
  const fields = { login: '2000000001', password: 'wrong password' };
  const stranger = new Visitor(api.url);
  await stranger.open('/sign-in');
  const crossSite = { 'sec-fetch-site': 'cross-site' };
  assert.equal((await visitor.submit('/sign-in', fields, crossSite)).status, 403);
  await visitor.open('/sign-in');
  visitor.cookies.set('account_api_device', stranger.cookies.get('account_api_device') ?? '');
  assert.equal((await visitor.submit('/sign-in', fields)).status, 403);
  await stranger.open('/sign-in');
  const sameOrigin = { origin: api.url };
  assert.equal((await stranger.submit('/sign-in', fields, sameOrigin)).status, 400);
});

test('a session ends after two hours without use, and after a week in any case', async () => {
  const { visitor } = await signedIn();
  api.advance(7_100);
  assert.equal(await isSignedIn(visitor), true);
  api.advance(7_100);
  assert.equal(await isSignedIn(visitor), true);
  api.advance(7_300);
  assert.equal(await isSignedIn(visitor), false);

  const lasting = await signedIn();
  const step = 7_000;
  for (let age = step; age < WEEK_SECONDS; age += step) {
    api.advance(step);
    assert.equal(await isSignedIn(lasting.visitor), true, `after ${age} seconds`);
  }
  api.advance(step);
  assert.equal(await isSignedIn(lasting.visitor), false);
});

test('a new password and closing end every session', async () => {
  const { db, keyring, clock } = api.service;
  const one = await signedIn();
  await renewPassword(
    db,
    TESTER,
    { keyring, queue: api.service.queue, now: clock() },
    one.username,
  );
  assert.equal(await isSignedIn(one.visitor), false);
  const two = await signedIn();
  await closeAccount(db, TESTER, two.username, clock());
  assert.equal(await isSignedIn(two.visitor), false);
});

test('the database keeps no session id', async () => {
  const { visitor } = await signedIn();
  const id = visitor.cookies.get(SESSION) ?? '';
  const rows = await api.service.db.query<{ digest: Buffer }>('SELECT * FROM session');
  assert.equal(JSON.stringify(rows).includes(id), false);
  assert.equal(
    rows.some((row) => row.digest.equals(Buffer.from(id, 'base64url'))),
    false,
  );
});

test('behind TLS the cookies are Secure and of this host alone', async () => {
  const secure = await startService({ PUBLIC_URL: 'https://portal.example.com' });
  try {
    const { username, password } = await secure.signUp();
    const visitor = new Visitor(secure.url);
    const page = await visitor.open('/sign-in');
    assert.match(page.headers.get('strict-transport-security') ?? '', /max-age=31536000/);
    const answer = await visitor.submit('/sign-in', { login: String(username), password });
    const cookies = answer.headers.getSetCookie();
    assert.equal(answer.status, 303);
    assert.ok(cookies.some((line) => line.startsWith('__Host-session=')));
    for (const line of cookies)
      assert.match(line, /^__Host-\w+=.*; Path=\/; HttpOnly; SameSite=Lax; Secure/);
  } finally {
    await secure.stop();
  }
});

test('the address of a form, opened by itself, leads to the page above it', async () => {
  const { visitor } = await signedIn();
  for (const [path, above] of [
    ['/settings/profile?x=1', '/settings'],
    ['/settings/second-factor/confirm', '/settings/second-factor'],
    ['/sign-in/code', '/sign-in'],
    ['/sign-out', '/'],
  ] as const) {
    const { status, location } = await visitor.open(path);
    assert.deepEqual([path, status, location], [path, 303, above]);
  }
  assert.equal(await isSignedIn(visitor), true);
});
