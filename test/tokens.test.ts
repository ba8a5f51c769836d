import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { changePassword, renewPassword } from '../src/domain/account/credentials.ts';
import { sendVerification } from '../src/domain/account/verification.ts';
import { linkIn, sharedService, submit, TESTER } from './support/service.ts';
import { Visitor } from './support/visitor.ts';
import { waitUntil } from './support/wait.ts';

const CHOSEN = 'correct horse battery';

const api = sharedService({ PUBLIC_URL: 'https://voip.example.com/portal/' });

/** The link of a mail, with the real address of the service. */
function linkOf(mail: Parameters<typeof linkIn>[0], page: 'verify' | 'reset'): string {
  const link = linkIn(mail, page);
  assert.ok(link.startsWith(`https://voip.example.com/portal/${page}?token=`), link);
  return link.replace('https://voip.example.com/portal', api.url);
}

async function verificationLink(email: string): Promise<string> {
  const [mail] = await api.mails(email);
  return linkOf(mail, 'verify');
}

/** @param count how many mails the address has got, including this one */
async function recoveryLink(email: string, count = 2): Promise<string> {
  assert.equal((await api.call('recover', { email })).status, 200);
  return linkOf((await api.mails(email, count))[count - 1], 'reset');
}

const reset = (link: string, password = CHOSEN) => submit(link, { password, repeated: password });

async function isVerified(username: number): Promise<boolean> {
  const [row] = await api.service.db.query<{ verified: boolean }>(
    'SELECT verified_at IS NOT NULL AS verified FROM account WHERE username = $1',
    [username],
  );
  return row?.verified ?? false;
}

/** Opens a link once and sends its form a hundred times in parallel. */
async function submitAHundredTimes(link: string, fields: (n: number) => Record<string, string>) {
  const visitor = new Visitor(api.url);
  const { body } = await visitor.open(link);
  const hidden = Object.fromEntries(
    [...body.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  );
  const { pathname } = new URL(link);
  return Promise.all(
    Array.from({ length: 100 }, (_, n) => visitor.post(pathname, { ...hidden, ...fields(n) })),
  );
}

test('opening a link changes nothing, however often it is opened', async () => {
  const { username, password, email } = await api.signUp();
  const links = [await verificationLink(email), await recoveryLink(email)];
  for (const link of links) {
    for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS', 'GET']) {
      const { status, headers } = await fetch(link, { method });
      if (method === 'GET') assert.equal(status, 200);
      assert.match(headers.get('cache-control') ?? '', /no-store/);
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
    }
  }
  assert.equal(await isVerified(username), false);
  assert.equal((await api.call('apikey', { username, password })).status, 200);
  assert.equal((await submit(links[0] ?? '')).status, 200);
  assert.equal(await isVerified(username), true);
  assert.equal((await reset(links[1] ?? '')).status, 200);
});

test('of a hundred verifications at once one is taken', async () => {
  const { username, email } = await api.signUp();
  const answers = await submitAHundredTimes(await verificationLink(email), () => ({}));
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.equal(answers.filter(({ body }) => body.includes('used already')).length, 99);
  assert.equal(await isVerified(username), true);
});

test('of a hundred resets at once one is taken, and its password and one key are in force', async () => {
  const { username, password, apikey, email } = await api.signUp();
  const answers = await submitAHundredTimes(await recoveryLink(email), (n) => {
    return { password: `${CHOSEN} ${n}`, repeated: `${CHOSEN} ${n}` };
  });
  const taken = answers.map(({ status }) => status === 200);
  assert.equal(taken.filter(Boolean).length, 1);
  const winner = `${CHOSEN} ${taken.indexOf(true)}`;
  assert.equal((await api.call('apikey', { username, password })).status, 401);
  const renewed = (await api.call('apikey', { username, password: winner })).body.apikey;
  assert.notEqual(renewed, apikey);
  assert.equal((await api.call('info', {}, renewed)).status, 200);
  assert.equal((await api.call('info', {}, apikey)).status, 401);
  const mails = await api.mails(email, 3);
  assert.equal(mails.filter(({ subject }) => /was changed/.test(subject ?? '')).length, 1);
});

test('links expire: 24 hours and 30 minutes', async () => {
  const { email } = await api.signUp();
  const verify = await verificationLink(email);
  const recover = await recoveryLink(email);
  api.advance(1_799 - 5);
  assert.equal((await fetch(recover)).status, 200);
  api.advance(6);
  assert.match(await (await fetch(recover)).text(), /has expired/);
  assert.equal((await reset(recover)).status, 400);
  api.advance(86_400 - 1_810);
  assert.equal((await fetch(verify)).status, 200);
  api.advance(11);
  assert.match(await (await fetch(verify)).text(), /has expired/);
  assert.equal((await submit(verify)).status, 400);
});

test('a form that was opened in time is too late afterwards', async () => {
  const { username, email } = await api.signUp();
  const visitor = new Visitor(api.url);
  await visitor.open(await verificationLink(email));
  api.advance(86_400);
  const answer = await visitor.submit('/verify');
  assert.equal(answer.status, 400);
  assert.match(answer.body, /has expired/);
  assert.equal(await isVerified(username), false);
});

test('a clock that is set back lengthens no token, nor one that jumps ahead', async () => {
  const { email } = await api.signUp();
  const recover = await recoveryLink(email);
  api.advance(-86_400);
  assert.match(await (await fetch(recover)).text(), /has expired/);
  assert.equal((await reset(recover)).status, 400);
  api.advance(86_400 + 3 * 3_600);
  assert.equal((await reset(recover)).status, 400);
});

test('a newer link voids the older one, of its own kind', async () => {
  const { email, username } = await api.signUp();
  const { db, keyring, queue, clock } = api.service;
  const firstVerify = await verificationLink(email);
  const first = await recoveryLink(email);
  const second = await recoveryLink(email, 3);
  assert.match(await (await fetch(first)).text(), /newer mail/);
  assert.equal((await reset(first)).status, 400);
  assert.equal((await fetch(firstVerify)).status, 200);
  assert.equal((await reset(second)).status, 200);
  assert.match(await (await fetch(second)).text(), /used already/);
  api.advance(3_601);
  await db.transaction((tx) =>
    sendVerification(
      tx,
      { keyring, queue, now: clock() },
      { username, name: 'x', email, language: null },
    ),
  );
  const secondVerify = linkOf((await api.mails(email, 5))[4], 'verify');
  assert.match(await (await fetch(firstVerify)).text(), /newer mail/);
  assert.equal((await submit(secondVerify)).status, 200);
});

test('a token opens the page of its kind alone, and only whole', async () => {
  const { email } = await api.signUp();
  const verify = await verificationLink(email);
  const recover = await recoveryLink(email);
  const wrong = [
    verify.replace('/verify', '/reset'),
    recover.replace('/reset', '/verify'),
    recover.slice(0, -1),
    `${recover}x`,
    recover.toUpperCase().replace(/^.*TOKEN/, `${api.url}/reset?token`),
    `${api.url}/reset`,
    `${api.url}/reset?token=`,
    `${api.url}/verify?token[]=${recover.slice(-43)}`,
    `${recover}&token=${'x'.repeat(43)}`,
  ];
  for (const link of wrong) {
    const response = await fetch(link);
    assert.equal(response.status, 400, link);
    assert.match(await response.text(), /not known/);
  }
  assert.equal((await fetch(recover)).status, 200);
});

test('a new password ends the links that were mailed for the old one', async () => {
  const { username, email } = await api.signUp();
  const older = await recoveryLink(email);
  const newer = await recoveryLink(email, 3);
  assert.equal((await reset(newer)).status, 200);
  assert.equal((await reset(older)).status, 400);
  assert.equal((await api.call('apikey', { username, password: CHOSEN })).status, 200);
});

test('a password that is chosen or renewed while signed in ends the links mailed before', async () => {
  const { db, keyring, queue, clock } = api.service;
  const ways: ((username: number) => Promise<unknown>)[] = [
    (username) =>
      changePassword(db, TESTER, { keyring, queue, now: clock() }, { username, password: CHOSEN }),
    (username) => renewPassword(db, TESTER, { keyring, queue, now: clock() }, username),
  ];
  for (const change of ways) {
    const { username, email } = await api.signUp();
    const link = await recoveryLink(email);
    await change(username);
    assert.equal((await reset(link)).status, 400);
  }
});

test('the Host of a request is in no link', async () => {
  const email = 'host@example.com';
  const body = JSON.stringify({ name: 'x', email });
  const status = await new Promise((resolve, reject) => {
    const asked = request(`${api.url}/v2.1/account/signup/`, {
      method: 'POST',
      headers: {
        host: 'evil.example',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'gopher',
        forwarded: 'host=evil.example',
        origin: 'https://evil.example',
        'content-type': 'application/json',
      },
    });
    asked.on('response', (response) => resolve(response.resume().statusCode));
    asked.on('error', reject);
    asked.end(body);
  });
  assert.equal(status, 200);
  const [mail] = await api.mails(email);
  assert.ok(linkOf(mail, 'verify'));
  assert.ok(!`${mail?.text}${mail?.html}`.includes('evil.example'));
});

test('three mails with links an hour to one address, whatever is asked at once', async () => {
  const { email } = await api.signUp();
  const { db } = api.service;
  const jobs = async (name: string, state: string) => {
    const [row] = await db.query<{ jobs: number }>(
      `SELECT count(*)::int AS jobs FROM pgboss.job
       WHERE name = $1 AND state::text ~ $2 AND data::text ~ $3`,
      [name, state, email],
    );
    return row?.jobs ?? 0;
  };
  // A request that finds a waiting job joins it.
  for (let round = 0; round < 4; round++) {
    await Promise.all(Array.from({ length: 5 }, () => api.call('recover', { email })));
    await waitUntil(async () => (await jobs('send-recovery', '^(created|active)$')) === 0);
  }
  assert.equal(await jobs('deliver-mail', '.*'), 3);
  assert.equal((await api.mails(email, 3)).length, 3);
  api.advance(3_601);
  await recoveryLink(email, 4);
});
