import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { addNumber, addService } from '../src/domain/billing/recurring-charge.ts';
import { postEntry } from '../src/domain/books/ledger.ts';
import { reconcile } from '../src/domain/books/proof.ts';
import { freeswitchCdr } from './support/freeswitch.ts';
import { linkIn, post, sharedService, submit, TESTER } from './support/service.ts';

const api = sharedService();

test('from signup to a new password, with everything real in between', async () => {
  const { db, clock } = api.service;
  const email = 'story@example.com';
  const created = await api.call('signup', { name: 'Story Ltd', email });
  assert.equal(created.status, 200);
  const { username, password } = created.body.account;
  assert.deepEqual(created.body, {
    statusCode: '200',
    status: 'Success',
    account: { name: 'Story Ltd', username, password, email, masterAccount: username },
    message: 'Account Information',
  });
  assert.match(String(username), /^[2-9][0-9]{9}$/);
  assert.match(password, /^(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z]{10}$/);

  const [welcome] = await api.mails(email);
  const verified = await submit(linkIn(welcome, 'verify'));
  assert.equal(verified.status, 200);
  assert.match(verified.body, /Your e-mail address is verified/);

  const { apikey } = (await api.call('apikey', { username, password })).body;
  assert.match(apikey, /^[0-9a-f]{32}$/);

  await postEntry(db, {
    account: username,
    kind: 'payment',
    amount: '25.5',
    reason: 'Payment',
    actor: 'test',
    at: clock(),
  });
  await db.query('UPDATE account SET rate = 0.025 WHERE username = $1', [username]);
  const feed = await api.feed('freeswitch');
  const uuid = randomUUID();
  const start = Math.floor(clock().getTime() / 1_000) - 120;
  const record = freeswitchCdr({ uuid, accountcode: username, start, talk: 39.54 });
  const delivered = await post(`${api.url}/ingest/v1/calls/freeswitch?uuid=${uuid}`, record, {
    authorization: feed,
  });
  assert.deepEqual(delivered.body, {
    statusCode: '200',
    status: 'Success',
    stored: 1,
    duplicates: 0,
    unbilled: 0,
    rejected: 0,
  });

  const cdr = await api.call('cdr', {}, apikey);
  assert.deepEqual(cdr.body, {
    statusCode: '200',
    status: 'Success',
    cdr: [
      {
        id: uuid.replaceAll('-', ''),
        key: [String(username), String(start)],
        value: {
          cid: '8666326621',
          dst: '8008786160',
          ip: '192.0.2.13',
          dur: '40',
          nr: '0.025',
          ba: '0.017500',
          cn: 'TOLL%20FREE%20CALL',
        },
      },
    ],
  });

  const info = await api.call('info', {}, apikey);
  const { created: createdAt, ...record1 } = info.body.account[0];
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
  assert.deepEqual(record1, {
    name: 'Story Ltd',
    rate: 0.025,
    enabled: true,
    notify_threshold: 5,
    username: String(username),
    caller_id: '',
    notify: true,
    email,
    cash: 25.4825,
  });

  await addService(db, TESTER, { account: username, description: 'E911', monthly: '1.5' }, clock());
  await addNumber(db, TESTER, { account: username, number: '8008786160', monthly: '2' }, clock());
  const mrc = await api.call('mrc', {}, apikey);
  assert.deepEqual(mrc.body.mrc, [{ E911: 1.5 }, { did: 2 }, { total: 3.5 }]);

  const reported = await post(
    `${api.url}/ingest/v1/registrations`,
    {
      event: 'register',
      user: String(username),
      contact: `<sip:${username}@192.0.2.1:5060;transport=UDP>`,
      user_agent: 'Zoiper rv2.8.97/',
      expires: 60,
      ts: Math.floor(clock().getTime() / 1_000),
    },
    { authorization: feed },
  );
  assert.equal(reported.body.stored, 1);
  const registration = await api.call('registration', {}, apikey);
  assert.deepEqual(registration.body, {
    statusCode: '200',
    status: 'Success',
    account: { uri: `sip:${username}@192.0.2.1:5060`, agent: 'Zoiper rv2.8.97/' },
  });

  const recover = await api.call('recover', { email: 'STORY@example.com' });
  assert.deepEqual(recover.body, {
    statusCode: '200',
    status: 'Success',
    message: 'Please check your email (STORY@example.com) for details',
  });
  const [, recovery] = await api.mails(email, 2);
  const link = linkIn(recovery, 'reset');
  const chosen = 'correct horse battery';
  const reset = await submit(link, { password: chosen, repeated: chosen });
  assert.equal(reset.status, 200);
  assert.match(reset.body, new RegExp(`The password of account ${username} is changed`));
  const [, , notice] = await api.mails(email, 3);
  assert.match(notice?.subject ?? '', /password was changed/);

  assert.equal((await api.call('info', {}, apikey)).status, 401);
  assert.equal((await api.call('apikey', { username, password })).status, 401);
  const renewed = (await api.call('apikey', { username, password: chosen })).body.apikey;
  assert.notEqual(renewed, apikey);
  assert.equal((await api.call('info', {}, renewed)).status, 200);
  assert.deepEqual((await reconcile(db)).imbalances, []);
});
