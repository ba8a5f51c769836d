import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { changeAccount } from '../../domain/account/account.ts';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { sipSecret } from '../../domain/account/credentials.ts';
import { searchAudit } from '../../domain/audit.ts';
import { addNumber, removeNumber } from '../../domain/billing/recurring-charge.ts';

const api = sharedService({ RATE_LIMIT_PER_HOUR: '6' });

// The API's limits are counted per address, and all tests here share one address.
async function signUp() {
  const email = `user-${crypto.randomUUID()}@example.com`;
  const { body } = await api.call('signup', { name: 'Example Company', email });
  const { username, password } = body.account;
  return { username, password, email };
}

async function signIn(username: number, password: string): Promise<Visitor> {
  return Visitor.signedIn(api.url, { username, password });
}

test('any time zone that the account has stays, and places have their names of today', async () => {
  const { db, clock, queue } = api.service;
  const { username, password } = await signUp();
  const visitor = await signIn(username, password);
  for (const timeZone of ['US/Eastern', 'Asia/Calcutta', 'Asia/Kolkata']) {
    await changeAccount(db, TESTER, { queue, now: clock() }, username, { timeZone });
    const { body } = await visitor.open('/settings');
    assert.match(body, new RegExp(`<option value="${timeZone}" selected>`));
    const profile = { name: 'Example', caller_id: '', time_zone: timeZone };
    assert.equal((await visitor.submit('/settings/profile', profile)).status, 303, timeZone);
    assert.equal((await describeAccount(db, username)).timeZone, timeZone);
  }
  const { body } = await visitor.open('/settings');
  assert.doesNotMatch(body, /Asia\/Calcutta/);
});

test('the profile and the warning are changed, and the audit trail says by whom', async () => {
  const { db } = api.service;
  const { username, password } = await signUp();
  const visitor = await signIn(username, password);
  const number = { account: username, number: '2125550147', monthly: '0' };
  await addNumber(db, TESTER, number, api.service.clock());
  await visitor.open('/settings');
  const saved = await visitor.submit('/settings/profile', {
    name: ' New Name ',
    caller_id: '(212) 555-0147',
    time_zone: 'America/New_York',
  });
  assert.deepEqual([saved.status, saved.location], [303, '/settings']);
  assert.match((await visitor.open('/settings')).body, /role="status">Saved\./);
  await visitor.submit('/settings/warning', { notify: 'on', threshold: '25' });
  await visitor.open('/settings');
  const changed = await describeAccount(db, username);
  assert.deepEqual(
    [changed.name, changed.callerId, changed.timeZone, changed.notify, changed.notifyThreshold],
    ['New Name', '2125550147', 'America/New_York', true, 25],
  );
  // Browsers do not send a box that is not ticked.
  const page = (await visitor.open('/settings')).body;
  const [, form = ''] = /action="\/settings\/warning">([\s\S]*?)<\/form>/.exec(page) ?? [];
  const hidden = [...form.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)];
  const fields = hidden.map(([, name = '', value = '']) => [name, value.replaceAll('&#34;', '"')]);
  const warning = { ...Object.fromEntries(fields), threshold: '25' };
  await visitor.post('/settings/warning', warning);
  assert.equal((await describeAccount(db, username)).notify, false);
  const [entry] = await searchAudit(db, { account: username }, { limit: 1 });
  assert.deepEqual(
    [entry?.actor, entry?.origin, entry?.action],
    [`customer ${username}`, 'portal 127.0.0.1', 'account changed'],
  );
});

test("customers show none but the account's own numbers, where the operator does not allow more", async () => {
  const { db, clock } = api.service;
  const { username, password } = await signUp();
  const other = await signUp();
  const visitor = await signIn(username, password);
  const add = (account: number, number: string) =>
    addNumber(db, TESTER, { account, number, monthly: '0' }, clock());
  await add(username, '2125550160');
  await add(username, '2125550161');
  await add(other.username, '2125550162');
  await removeNumber(db, TESTER, { account: username, number: '2125550161' }, clock());
  const set = async (callerId: string) => {
    await visitor.open('/settings');
    const answer = await visitor.submit('/settings/profile', { caller_id: callerId });
    const [, problem] = /id="caller_id-problem">([^<]*)</.exec(answer.body) ?? [];
    return [answer.status, problem, (await describeAccount(db, username)).callerId];
  };
  const said = 'This is not a phone number of your account. Please give one of them, or nothing.';
  assert.deepEqual(await set('+1 212 555 0160'), [303, undefined, '2125550160']);
  for (const number of ['2125550161', '2125550162', '2125550163']) {
    assert.deepEqual(await set(number), [400, said, '2125550160'], number);
  }
  assert.deepEqual(await set(''), [303, undefined, '']);
  api.service.config.callerIdAny = true;
  try {
    assert.deepEqual(await set('2125550163'), [303, undefined, '2125550163']);
  } finally {
    api.service.config.callerIdAny = false;
  }
});

test('what cannot be is named at its field and changes nothing', async () => {
  const { username, password } = await signUp();
  const visitor = await signIn(username, password);
  const before = await describeAccount(api.service.db, username);
  for (const [path, fields, problem] of [
    ['/settings/profile', { name: '  ' }, 'name-problem'],
    ['/settings/profile', { caller_id: '911' }, 'caller_id-problem'],
    ['/settings/profile', { time_zone: 'Mars/Olympus' }, 'time_zone-problem'],
    ['/settings/profile', { time_zone: "'" }, 'time_zone-problem'],
    ['/settings/warning', { threshold: '-1' }, 'threshold-problem'],
    ['/settings/warning', { threshold: '99999999' }, 'threshold-problem'],
    ['/settings/warning', { threshold: '' }, 'threshold-problem'],
  ] as const) {
    await visitor.open('/settings');
    const fill = { time_zone: 'UTC', ...fields };
    const answer = await visitor.submit(path, fill);
    assert.equal(answer.status, 400);
    assert.match(answer.body, new RegExp(`id="${problem}"`));
  }
  assert.deepEqual(await describeAccount(api.service.db, username), before);
});

test('a new password ends the other sessions, keeps this one under a new id, and changes the key', async () => {
  const { username, password, email } = await signUp();
  const here = await signIn(username, password);
  const there = await signIn(username, password);
  const chosen = 'another four words';
  const change = (fields: Record<string, string>) => here.submit('/settings/password', fields);
  await here.open('/settings');
  const wrong = await change({ current: 'not this one', password: chosen, repeated: chosen });
  assert.match(wrong.body, /This is not your password/);
  await here.open('/settings');
  const common = await change({
    current: password,
    password: 'password123',
    repeated: 'password123',
  });
  assert.match(common.body, /guessed first/);
  assert.equal((await there.open('/overview')).status, 200);
  await here.open('/settings');
  const id = here.cookies.get('account_api_session');
  const done = await change({ current: password, password: chosen, repeated: chosen });
  assert.equal(done.status, 303);
  assert.notEqual(here.cookies.get('account_api_session'), id);
  const told = (await here.open('/settings')).body;
  assert.match(told, /Your password is changed.* Phones keep their SIP secret: replace it, too/);
  assert.equal((await there.open('/overview')).status, 303);
  const [, notice] = await api.mails(email, 2);
  assert.match(notice?.subject ?? '', /password was changed/);
  assert.match(notice?.text ?? '', /Your phones keep their SIP secret\. If someone else may know/);
  await signIn(username, chosen);
});

test('sessions are listed and ended, and never those of another account', async () => {
  const { username, password } = await signUp();
  const other = await signUp();
  const [here, there, third] = [
    await signIn(username, password),
    await signIn(username, password),
    await signIn(username, password),
  ];
  const foreign = await signIn(other.username, other.password);
  const page = await here.open('/settings');
  assert.equal(page.body.match(/127\.0\.0\.1/g)?.length, 3);
  const handles = [...page.body.matchAll(/name="end" value="(\d+)"/g)].map((match) => match[1]);
  assert.equal(handles.length, 2);
  const rows = await api.service.db.query<{ handle: number }>(
    'SELECT handle FROM session WHERE account = $1',
    [other.username],
  );
  await here.submit('/settings/sessions', { end: String(rows[0]?.handle) });
  assert.equal((await foreign.open('/overview')).status, 200);
  await here.open('/settings');
  await here.submit('/settings/sessions', { end: 'others' });
  assert.equal((await there.open('/overview')).status, 303);
  assert.equal((await third.open('/overview')).status, 303);
  assert.equal((await here.open('/overview')).status, 200);
});

test('of many thousand sessions a hundred are listed, and all others can be ended', async () => {
  const { db } = api.service;
  const { username, password } = await signUp();
  const visitor = await signIn(username, password);
  await db.query(
    `INSERT INTO session (digest, account, address, user_agent, created_at, last_seen_at)
     SELECT sha256(convert_to(n || digest::text, 'UTF8')), account, address, user_agent, created_at,
       last_seen_at - interval '1 second'
     FROM session, generate_series(1, 20000) AS n WHERE account = $1`,
    [username],
  );
  const page = await visitor.open('/settings');
  assert.equal(page.body.match(/name="end" value="\d+"/g)?.length, 99);
  await visitor.submit('/settings/sessions', { end: 'others' });
  const left = await db.query('SELECT 1 FROM session WHERE account = $1', [username]);
  assert.equal(left.length, 1);
});

/** Subjects of the mails to an address, without the mail after signing up. */
async function subjectsTo(address: string): Promise<string[]> {
  return (await api.mails(address, 2)).map(({ subject = '' }) => subject).slice(1);
}

test('the key is shown and replaced for the password alone, and the owner is told', async () => {
  const { username, password, email } = await signUp();
  const { apikey } = (await api.call('apikey', { username, password })).body;
  const visitor = await signIn(username, password);
  const hidden = await visitor.open('/api');
  assert.doesNotMatch(hidden.body, new RegExp(apikey));
  assert.match(hidden.body, /YOUR_API_KEY/);
  assert.match(hidden.body, /5 of 6/);
  const wrong = await visitor.submit('/api', { current: 'wrong', action: 'show' });
  assert.equal(wrong.status, 400);
  assert.doesNotMatch(wrong.body, new RegExp(apikey));
  const shown = await visitor.submitAndFollow('/api', { current: password, action: 'show' });
  assert.match(shown.body, new RegExp(`<code>${apikey}</code>`));
  assert.match(shown.body, new RegExp(`Bearer ${apikey}&#39; http://127`));
  assert.equal(shown.headers.get('cache-control'), 'no-store');
  await visitor.open('/api');
  const changed = await visitor.submitAndFollow('/api', { current: password, action: 'change' });
  const key = /<code>([0-9a-f]{32})<\/code>/.exec(changed.body)?.[1] ?? '';
  assert.notEqual(key, apikey);
  assert.equal((await api.call('info', {}, apikey)).status, 401);
  assert.equal((await api.call('info', {}, key)).status, 200);
  assert.equal((await visitor.open('/overview')).status, 200);
  assert.deepEqual(await subjectsTo(email), ['Your Account API API key was changed']);
});

test('the SIP secret is shown and replaced for the password alone, and the owner is told', async () => {
  const { db, keyring, config, clock } = api.service;
  const { username, password, email } = await signUp();
  const tools = { keyring, realm: config.sipRealm };
  const { secret } = await sipSecret(db, tools, username, clock());
  const visitor = await signIn(username, password);
  assert.doesNotMatch((await visitor.open('/phone')).body, new RegExp(secret));
  const wrong = await visitor.submit('/phone', { current: 'wrong', action: 'show' });
  assert.doesNotMatch(wrong.body, new RegExp(secret));
  const shown = await visitor.submitAndFollow('/phone', { current: password, action: 'show' });
  assert.match(shown.body, new RegExp(`<code>${secret}</code>`));
  await visitor.open('/phone');
  const changed = await visitor.submitAndFollow('/phone', { current: password, action: 'change' });
  assert.doesNotMatch(changed.body, new RegExp(secret));
  const now = await sipSecret(db, tools, username, clock());
  assert.match(changed.body, new RegExp(`<code>${now.secret}</code>`));
  assert.deepEqual(await subjectsTo(email), ['Your Account API SIP secret was changed']);
});

test('guessing the password of an open session is slowed down', async () => {
  const { username, password } = await signUp();
  const visitor = await signIn(username, password);
  const statuses = [];
  for (let guess = 0; guess < 7; guess++) {
    await visitor.open('/api');
    statuses.push((await visitor.submit('/api', { current: 'wrong', action: 'show' })).status);
  }
  assert.deepEqual(statuses, [400, 400, 400, 400, 400, 400, 429]);
});
