import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { cleanUp } from '../jobs/clean-up.ts';

const api = sharedService();

const KEY = /<code>([0-9a-f]{32})<\/code>/;

/**
 * Sends a form and opens the resulting page three times. @returns the secret as each page showed it
 */
async function shownBy(
  visitor: Visitor,
  page: string,
  form: { action: string; fields: Record<string, string>; secret: RegExp },
): Promise<{ answer: [status: number, location?: string]; shown: (string | undefined)[] }> {
  await visitor.open(page);
  const { status, location, body } = await visitor.submit(form.action, form.fields);
  assert.doesNotMatch(body, form.secret, `the answer to ${form.action} shows nothing`);
  const shown: (string | undefined)[] = [];
  for (let reload = 0; reload < 3; reload++) {
    const opened = await visitor.open(location ?? page);
    assert.equal(opened.headers.get('cache-control'), 'no-store');
    shown.push(form.secret.exec(opened.body)?.[1]);
  }
  return { answer: [status, location], shown };
}

test('a secret is shown once, on a page that can be reloaded: nothing is replaced again', async () => {
  const customer = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, customer);
  const administrator = await api.administrator();
  const operator = await Visitor.signedIn(api.url, administrator);
  const own = { current: administrator.password };
  const { username } = await api.signUp();
  const account = `/admin/accounts/${username}`;
  const current = customer.password;
  type Form = [who: Visitor, page: string, action: string, fields: Record<string, string>, RegExp];
  const forms: Form[] = [
    [visitor, '/api', '/api', { current, action: 'show' }, KEY],
    [visitor, '/api', '/api', { current, action: 'change' }, KEY],
    [visitor, '/phone', '/phone', { current, action: 'show' }, /<code>(\w{20})<\/code>/],
    [visitor, '/phone', '/phone', { current, action: 'change' }, /<code>(\w{20})<\/code>/],
    [operator, `${account}/credentials`, `${account}/password`, own, /<code>(\w{10})<\/code>/],
    [operator, `${account}/credentials`, `${account}/key`, own, KEY],
    [operator, `${account}/credentials`, `${account}/sip-secret`, own, /<code>(\w{20})<\/code>/],
    [
      operator,
      '/admin/feeds',
      '/admin/feeds',
      { name: 'once', format: 'generic', debits: 'service', timeZone: 'UTC' },
      /<code>([\w-]{32})<\/code>/,
    ],
    [
      operator,
      '/admin/accounts/new',
      '/admin/accounts/new',
      { name: 'New', email: 'new@example.com', username: '2345678901' },
      /<code>(\w{10})<\/code>/,
    ],
  ];
  for (const [who, page, action, fields, secret] of forms) {
    const form = { action, fields, secret };
    const { answer, shown } = await shownBy(who, page, form);
    const location = action === '/admin/accounts/new' ? '/admin/accounts/2345678901' : page;
    assert.deepEqual([action, ...answer], [action, 303, location]);
    assert.match(shown[0] ?? '', /^[\w-]{10,32}$/, `${action} shows its secret`);
    assert.deepEqual(shown.slice(1), [undefined, undefined], `${action} shows it once`);
  }
  const [replaced] = await api.service.db.query(
    `SELECT count(*)::int AS keys FROM audit_entry WHERE account = $1 AND action = 'key renewed'`,
    [customer.username],
  );
  assert.deepEqual(replaced, { keys: 1 });
});

test('the second factor and its recovery codes are shown once', async () => {
  const customer = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, customer);
  const path = '/settings/second-factor';
  const begin = { current: customer.password, action: 'begin' };
  const secret = /<pre id="secret"[^>]*><code>([A-Z2-7]{32})</;
  const begun = await shownBy(visitor, path, { action: path, fields: begin, secret });
  assert.deepEqual(begun.answer, [303, path]);
  assert.match(begun.shown[0] ?? '', /^[A-Z2-7]{32}$/);
  assert.deepEqual(begun.shown.slice(1), [undefined, undefined]);
});

test('what is shown once is sealed, of its session alone, and forgotten within minutes', async () => {
  const { db, keyring } = api.service;
  const customer = await api.signUp();
  const [here, there] = [
    await Visitor.signedIn(api.url, customer),
    await Visitor.signedIn(api.url, customer),
  ];
  const show = async () => {
    await here.open('/api');
    await here.submit('/api', { current: customer.password, action: 'show' });
  };
  await show();
  const stored = JSON.stringify(await db.query('SELECT * FROM kept_for_page'));
  assert.equal(stored.includes(customer.apikey), false);
  assert.equal(stored.includes(Buffer.from(customer.apikey).toString('hex')), false);
  assert.doesNotMatch((await there.open('/api')).body, KEY);
  assert.match((await here.open('/api')).body, KEY);
  assert.equal(api.logged().includes(customer.apikey), false);

  await show();
  const [own = ''] = [here.cookies.get('account_api_session')];
  const [other = ''] = [there.cookies.get('account_api_session')];
  await db.query('UPDATE kept_for_page SET session = $1 WHERE session = $2', [
    keyring.digest(other),
    keyring.digest(own),
  ]);
  assert.equal((await there.open('/api')).status, 500, 'moved to another session it does not open');

  await show();
  api.advance(301);
  assert.doesNotMatch((await here.open('/api')).body, KEY);
  await show();
  api.advance(301);
  await cleanUp(api.service);
  assert.deepEqual(await db.query('SELECT * FROM kept_for_page'), []);
});

test("an administrator's own new password is shown, and the session goes on", async () => {
  const administrator = await api.administrator();
  const operator = await Visitor.signedIn(api.url, administrator);
  const path = `/admin/accounts/${administrator.username}`;
  await operator.open(`${path}/credentials`);
  const renewed = await operator.submitAndFollow(`${path}/password`, {
    current: administrator.password,
  });
  const [, password = ''] = /<code>(\w{10})<\/code>/.exec(renewed.body) ?? [];
  await Visitor.signedIn(api.url, { ...administrator, password });
  assert.equal((await operator.open('/admin')).status, 200);
});
