import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOTP } from 'otpauth';
import { sharedService, startService } from '../../test/support/service.ts';
import { type Visited, Visitor } from '../../test/support/visitor.ts';
import { describeAccount } from '../domain/account/account-directory.ts';
import { searchAudit } from '../domain/audit.ts';

let administrator: Person;
let operator: Visitor;
const api = sharedService({}, async () => {
  administrator = await api.administrator();
  operator = await signIn(administrator);
});

interface Person {
  username: number;
  password: string;
}

async function signIn({ username, password }: Person, at = api.url): Promise<Visitor> {
  const visitor = new Visitor(at);
  await visitor.open('/sign-in');
  const answer = await visitor.submit('/sign-in', { login: String(username), password });
  assert.equal(answer.status, 303, answer.body);
  return visitor;
}

/** Turns the second factor on. @returns a function that makes the current code */
async function turnOn(visitor: Visitor, { password }: Person): Promise<() => string> {
  const path = '/settings/second-factor';
  await visitor.open(path);
  const begun = await visitor.submitAndFollow(path, { current: password, action: 'begin' });
  const secret = /<pre id="secret"[^>]*><code>([A-Z2-7]{32})</.exec(begun.body)?.[1] ?? '';
  const code = () => new TOTP({ secret }).generate({ timestamp: api.service.clock().getTime() });
  await visitor.submitAndFollow(`${path}/confirm`, { code: code() });
  return code;
}

const isAsked = ({ status, body }: Visited) =>
  status === 403 && /Please confirm that it is you/.test(body) && /name="current"/.test(body);
const actionsOf = async (account: number) =>
  (await searchAudit(api.service.db, { account }, { limit: 20 }))
    .map(({ action }) => action)
    .reverse();

test('credentials of others are renewed for the password of the administrator alone', async () => {
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  for (const [kind, action] of [
    ['password', 'password renewed'],
    ['key', 'key renewed'],
    ['sip-secret', 'sip secret renewed'],
  ] as const) {
    const before = await actionsOf(username);
    await operator.open(`${path}/credentials`);
    assert.ok(isAsked(await operator.submit(`${path}/${kind}`)), kind);
    const wrong = await operator.submit(`${path}/${kind}`, { current: 'not the password' });
    assert.ok(isAsked(wrong), kind);
    assert.match(wrong.body, /This is not your password/);
    assert.deepEqual(await actionsOf(username), before);
    const done = await operator.submit(`${path}/${kind}`, { current: administrator.password });
    assert.deepEqual([done.status, done.location], [303, `${path}/credentials`]);
    assert.deepEqual(await actionsOf(username), [...before, action]);
  }
});

test('an address, which recovers a password, is changed for the password', async () => {
  const { username, email } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  await operator.open(`${path}/settings`);
  const asked = await operator.submit(`${path}/settings`, { email: 'else@example.com' });
  assert.ok(isAsked(asked));
  assert.equal((await describeAccount(api.service.db, username)).email, email);
  const current = administrator.password;
  assert.equal((await operator.submit(`${path}/settings`, { current })).status, 303);
  assert.equal((await describeAccount(api.service.db, username)).email, 'else@example.com');
});

test('money above the setting is posted, reversed and promised for the password, and below without', async () => {
  const { db } = api.service;
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const cash = async () => (await describeAccount(db, username)).cash;
  const current = administrator.password;
  await operator.open(`${path}/money`);
  const small = { amount: '100', reason: 'Cheque', direction: 'credit' };
  assert.equal((await operator.submit(`${path}/money`, small)).status, 303);
  assert.equal(await cash(), '100.000000');
  for (const [direction, after] of [
    ['credit', '200.000001'],
    ['debit', '100.000000'],
  ] as const) {
    await operator.open(`${path}/money`);
    const large = { amount: '100.000001', reason: 'Cheque', direction };
    assert.ok(isAsked(await operator.submit(`${path}/money`, large)), direction);
    // The page asks again, with all typed fields.
    assert.equal((await operator.submit(`${path}/money`, { current })).status, 303);
    assert.equal(await cash(), after);
  }
  const [credit] = await db.query<{ id: number }>(
    `SELECT id FROM ledger_entry WHERE account = $1 AND amount > 100`,
    [username],
  );
  await operator.open(`${path}/money`);
  assert.ok(isAsked(await operator.submit(`${path}/reverse`, { entry: String(credit?.id) })));
  assert.equal(await cash(), '100.000000');
  assert.equal((await operator.submit(`${path}/reverse`, { current })).status, 303);
  assert.equal(await cash(), '-0.000001');
  await operator.open('/admin/promotions');
  const promotion = { code: 'LARGE', amount: '500' };
  assert.ok(isAsked(await operator.submit('/admin/promotions', promotion)));
  assert.equal((await operator.submit('/admin/promotions', { current })).status, 303);
});

test('with a second factor its code is asked for as well, and taken once', async () => {
  const other = await api.administrator();
  const visitor = await signIn(other);
  const code = await turnOn(visitor, other);
  api.advance(30);
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const current = other.password;
  await visitor.open(`${path}/credentials`);
  const asked = await visitor.submit(`${path}/key`);
  assert.match(asked.body, /name="second_factor"/);
  const passwordAlone = await visitor.submit(`${path}/key`, { current });
  assert.ok(isAsked(passwordAlone));
  assert.match(passwordAlone.body, /This code is not right/);
  // A code of its own would be a new one if thirty seconds pass meanwhile.
  const proof = { current, second_factor: code() };
  assert.equal((await visitor.submit(`${path}/key`, proof)).status, 303);
  await visitor.open(`${path}/credentials`);
  await visitor.submit(`${path}/key`);
  assert.ok(isAsked(await visitor.submit(`${path}/key`, proof)));
  assert.deepEqual(await actionsOf(username), ['key renewed']);
});

test('where administrators need a second factor they set it up before anything else', async () => {
  const strict = await startService({ ADMIN_SECOND_FACTOR: 'true' });
  try {
    const person = await strict.administrator();
    const visitor = await signIn(person, strict.url);
    for (const page of ['/admin', '/admin/accounts', '/admin/feeds']) {
      const { status, location } = await visitor.open(page);
      assert.deepEqual([page, status, location], [page, 303, '/settings/second-factor']);
    }
    assert.match((await visitor.follow('/admin')).body, /The staff needs a second factor/);
    await turnOn(visitor, person);
    assert.equal((await visitor.open('/admin')).status, 200);
    const page = await visitor.open('/settings/second-factor');
    assert.doesNotMatch(page.body, /value="off"/);
    const off = { current: person.password, action: 'off' };
    const answer = await visitor.submit('/settings/second-factor', off);
    assert.equal(answer.location, '/settings/second-factor');
    assert.equal((await visitor.open('/admin')).status, 200, 'it stays on');
    const customer = await signIn(await strict.signUp(), strict.url);
    assert.equal((await customer.open('/overview')).status, 200);
  } finally {
    await strict.stop();
  }
});
