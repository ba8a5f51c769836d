import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  linkIn,
  sharedService,
  startService,
  submit,
  TESTER,
} from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { createPromotion } from '../../domain/account/promotion.ts';

const api = sharedService();

const PASSWORD = 'four words make one';

async function askFor(path: string, fields: Record<string, string>) {
  const visitor = new Visitor(api.url);
  await visitor.open(path);
  return { visitor, answer: await visitor.submit(path, fields) };
}

/** The part of a page between its headline and its footer. */
const mainOf = (body: string) => /<main.*<\/main>/s.exec(body)?.[0] ?? '';

test('from signing up with a promotion to the overview, the password chosen on the way', async () => {
  const { db, clock } = api.service;
  const promo = { code: 'WELCOME5', amount: '5', validUntil: null, usesLimit: 1 };
  await createPromotion(db, TESTER, promo, clock());
  const email = 'portal@example.com';
  const wanted = { name: 'Portal Ltd', email, promo: 'welcome5' };
  const { visitor, answer } = await askFor('/sign-up', wanted);
  assert.equal(answer.status, 200);
  assert.match(answer.body, /Please check your mail: we have written to portal@example\.com/);
  const [mail] = await api.mails(email);
  const link = linkIn(mail, 'verify');
  const form = await visitor.open(link);
  assert.match(form.body, /Choose a password/);
  assert.equal((await visitor.open(link)).status, 200, 'opening the link changes nothing');

  for (const [password, repeated, expected] of [
    ['short', 'short', /at least 10 characters/],
    ['x1y2'.repeat(40), 'x1y2'.repeat(40), /at most 128 characters/],
    ['Password123', 'Password123', /guessed first/],
    ['aaaaaaaaaaaaaa', 'aaaaaaaaaaaaaa', /guessed first/],
    [PASSWORD, 'four words make two', /two passwords differ/],
  ] as const) {
    await visitor.open(link);
    const refused = await visitor.submit('/verify', { password, repeated });
    assert.equal(refused.status, 400);
    assert.match(refused.body, expected);
  }
  const [account] = await db.query<{ username: number }>(
    'SELECT username FROM account WHERE email = $1 AND verified_at IS NULL AND password_unset',
    [email],
  );
  const username = account?.username ?? 0;
  await visitor.open(link);
  const own = await visitor.submit('/verify', { password: `${username}`, repeated: `${username}` });
  assert.match(own.body, /others do not know/);

  const done = await visitor.submit('/verify', { password: PASSWORD, repeated: PASSWORD });
  assert.deepEqual([done.status, done.location], [303, '/overview']);
  const overview = await visitor.open('/overview');
  assert.match(overview.body, /Welcome\. Your address is verified/);
  assert.doesNotMatch((await visitor.open('/overview')).body, /Welcome\./);
  assert.match((await visitor.open(link)).body, /This link has been used already/);

  const key = await api.call('apikey', { username, password: PASSWORD });
  assert.equal(key.status, 200);
  const info = await api.call('info', {}, key.body.apikey);
  assert.deepEqual([info.body.account[0].cash, info.body.account[0].name], [5, 'Portal Ltd']);
  const rows = await db.query('SELECT 1 FROM account WHERE username = $1 AND password_unset', [
    username,
  ]);
  assert.equal(rows.length, 0);
});

test('an address that has an account gets the same page, and a mail that says so', async () => {
  const { email, username } = await api.signUp();
  await api.mails(email);
  const known = await askFor('/sign-up', { name: 'Someone', email });
  const unknown = await askFor('/sign-up', { name: 'Someone', email: 'new@example.com' });
  assert.equal(known.answer.status, 200);
  assert.equal(
    mainOf(known.answer.body),
    mainOf(unknown.answer.body).replaceAll('new@example.com', email),
  );
  const [, notice] = await api.mails(email, 2);
  assert.match(notice?.subject ?? '', /account already/);
  assert.match(notice?.text ?? '', new RegExp(`already:\\s${username}\\.`));
});

test('mail to an address that is not verified tells no name', async () => {
  const email = 'victim@example.com';
  await askFor('/sign-up', { name: 'Win at www.example.net', email });
  const [verification] = await api.mails(email);
  await askFor('/recover', { email });
  const [, recovery] = await api.mails(email, 2);
  for (const mail of [verification, recovery]) {
    assert.doesNotMatch(JSON.stringify(mail), /www\.example\.net/);
    assert.match(mail?.text ?? '', /^Hello,\n/);
  }
  const visitor = new Visitor(api.url);
  const link = linkIn(verification, 'verify');
  await visitor.open(link);
  await visitor.submit('/verify', { password: PASSWORD, repeated: PASSWORD });
  await askFor('/recover', { email });
  const [, , known] = await api.mails(email, 3);
  assert.match(known?.text ?? '', /^Hello Win at www\.example\.net,\n/);
});

test('who signs up again before verifying gets a new link', async () => {
  const email = 'again@example.com';
  await askFor('/sign-up', { name: 'Someone', email });
  const [first] = await api.mails(email);
  await askFor('/sign-up', { name: 'Someone', email });
  const [, second] = await api.mails(email, 2);
  const visitor = new Visitor(api.url);
  assert.match(
    (await visitor.open(linkIn(first, 'verify'))).body,
    /A newer mail with another link/,
  );
  assert.equal((await visitor.open(linkIn(second, 'verify'))).status, 200);
});

test('values that cannot be are named at their field', async () => {
  const { answer } = await askFor('/sign-up', { name: ' ', email: 'nobody', promo: 'NONE' });
  assert.equal(answer.status, 400);
  for (const name of ['name', 'email', 'promo']) {
    assert.match(answer.body, new RegExp(`id="${name}-problem"`));
  }
  assert.match(answer.body, /value="nobody"/);
});

test('the verification mail is sent again to who waits for it, and the page does not tell', async () => {
  const { email } = await api.signUp();
  const [first] = await api.mails(email);
  const waiting = await askFor('/verify/again', { email });
  const [, second] = await api.mails(email, 2);
  const unknown = await askFor('/verify/again', { email: 'nobody@example.com' });
  assert.equal(
    mainOf(waiting.answer.body),
    mainOf(unknown.answer.body).replaceAll('nobody@example.com', email),
  );
  assert.equal((await submit(linkIn(first, 'verify'))).status, 400);
  const verified = await submit(linkIn(second, 'verify'));
  assert.match(verified.body, /Your e-mail address is verified/);
});

test('recovery asks by mail, and the page does not tell either', async () => {
  const { email, username } = await api.signUp();
  await api.mails(email);
  const known = await askFor('/recover', { email: email.toUpperCase() });
  const unknown = await askFor('/recover', { email: 'NOBODY@EXAMPLE.COM' });
  const same = mainOf(unknown.answer.body).replaceAll('NOBODY@EXAMPLE.COM', email.toUpperCase());
  assert.equal(mainOf(known.answer.body), same);
  const [, mail] = await api.mails(email, 2);
  const refused = await submit(linkIn(mail, 'reset'), {
    password: 'Password123',
    repeated: 'Password123',
  });
  assert.match(refused.body, /guessed first/);
  const done = await submit(linkIn(mail, 'reset'), { password: PASSWORD, repeated: PASSWORD });
  assert.equal(done.status, 200);
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in');
  const signedIn = await visitor.submit('/sign-in', {
    login: String(username),
    password: PASSWORD,
  });
  assert.equal(signedIn.status, 303);
});

test('forms are limited by the address they come from', async () => {
  const limited = await startService({ SIGNUP_LIMIT_PER_HOUR: '2', RECOVER_LIMIT_PER_HOUR: '1' });
  try {
    const visitor = new Visitor(limited.url);
    for (const [path, expected] of [
      ['/sign-up', 400],
      ['/sign-up', 400],
      ['/sign-up', 429],
      ['/recover', 400],
      ['/verify/again', 429],
    ] as const) {
      await visitor.open(path);
      const answer = await visitor.submit(path, { email: 'none' });
      assert.deepEqual([path, answer.status], [path, expected]);
    }
  } finally {
    await limited.stop();
  }
});

test('an address that leads nowhere gets a page, or the error envelope for who wants no page', async () => {
  const visitor = new Visitor(api.url);
  const page = await visitor.open('/nowhere', { accept: 'text/html,*/*' });
  assert.equal(page.status, 404);
  assert.match(page.body, /There is no such page/);
  const json = await visitor.open('/nowhere');
  assert.deepEqual(
    [json.status, JSON.parse(json.body)],
    [404, { statusCode: '404', status: 'Error', message: 'Not found' }],
  );
  assert.equal((await visitor.open('/v2.1/account/info/')).status, 405);
  assert.equal((await visitor.open('/sign-in?next=%00')).status, 400);
});
