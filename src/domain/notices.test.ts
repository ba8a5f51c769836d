import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkIn, sharedService, submit } from '../../test/support/service.ts';
import { changeAccount } from './account/account.ts';
import { renewKey, renewPassword } from './account/credentials.ts';
import { requestRecovery } from './account/recovery.ts';
import type { Actor } from './audit.ts';

const STAFF: Actor = { who: 'operator test', from: 'command line' };
const CUSTOMER: Actor = { who: 'customer 2125550100', from: 'portal 192.0.2.7' };

const api = sharedService();

test('a new address is told to the old and the new one, and ends the links mailed before', async () => {
  const { db, queue, clock } = api.service;
  const { username, email: before } = await api.signUp();
  await requestRecovery(db, queue, before);
  const [, recovery] = await api.mails(before, 2);
  const email = `new-${username}@example.com`;
  await changeAccount(db, CUSTOMER, { queue, now: clock() }, username, { email, rate: '0.02' });

  const [, , toOld] = await api.mails(before, 3);
  const [toNew] = await api.mails(email);
  for (const mail of [toOld, toNew]) {
    assert.equal(mail?.subject, 'Your Account API e-mail address was changed');
    const facts = [`Old address  ${before}`, `New address  ${email}`, `From         192.0.2.7`];
    for (const fact of facts) assert.ok(mail?.text?.includes(`\n  ${fact}\n`), fact);
  }
  const password = 'correct horse battery';
  const reset = await submit(linkIn(recovery, 'reset'), { password, repeated: password });
  assert.equal(reset.status, 400);

  await changeAccount(db, CUSTOMER, { queue, now: clock() }, username, {
    email: email.toUpperCase(),
  });
  await changeAccount(db, CUSTOMER, { queue, now: clock() }, username, { rate: '0.03' });
  await renewKey(db, CUSTOMER, { keyring: api.service.keyring, queue, now: clock() }, username);
  assert.deepEqual(
    (await api.mails(email, 2)).map(({ subject }) => subject),
    ['Your Account API e-mail address was changed', 'Your Account API API key was changed'],
  );
});

test('whoever has a new key or password is told, and by whom', async () => {
  const { db, keyring, queue, clock } = api.service;
  const { username, email } = await api.signUp();
  const zone = { timeZone: 'Asia/Kolkata' };
  await changeAccount(db, STAFF, { queue, now: clock() }, username, zone);
  await renewKey(db, CUSTOMER, { keyring, queue, now: new Date('2030-01-01T00:00Z') }, username);
  const [, key] = await api.mails(email, 2);
  assert.equal(key?.subject, 'Your Account API API key was changed');
  assert.match(key?.text ?? '', /When {5}January 1, 2030 at 5:30\sAM GMT\+5:30\n {2}From {5}192/);
  await renewPassword(db, STAFF, { keyring, queue, now: clock() }, username);
  const [, , password] = await api.mails(email, 3);
  assert.equal(password?.subject, 'Your Account API password was changed');
  assert.match(password?.text ?? '', /From {5}our staff\n/);
});
