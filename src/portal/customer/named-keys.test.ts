import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { listNamedKeys } from '../../domain/access/named-key.ts';

const PATH = '/api/keys';

const api = sharedService();

async function signedIn() {
  const { username, password } = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, { username, password });
  await visitor.open(PATH);
  return { visitor, username, current: password };
}

test('a customer makes and revokes a key for reading, for the password once more', async () => {
  const { visitor, username, current } = await signedIn();
  const { db } = api.service;
  const bad = await visitor.submit(PATH, { name: 'books', networks: '192.0.2.300', days: '0' });
  assert.equal(bad.status, 400);
  assert.match(bad.body, /id="networks-problem"/);
  assert.match(bad.body, /id="days-problem"/);
  assert.match(bad.body, /value="192.0.2.300"/);
  const asked = await visitor.submit(PATH, { name: 'books', networks: '127.0.0.0/8', days: '30' });
  assert.equal(asked.status, 403);
  assert.equal((await visitor.submit(PATH, { current: 'not the password' })).status, 403);
  assert.deepEqual(await listNamedKeys(db, username), []);
  const shown = await visitor.submitAndFollow(PATH, { current });
  const [secret = ''] = /accapi_ro_[0-9A-Za-z]{38}/.exec(shown.body) ?? [];
  const [key] = await listNamedKeys(db, username);
  assert.deepEqual(
    [key?.name, key?.networks, key?.tail, Number(key?.expiresAt) - Number(key?.createdAt)],
    ['books', ['127.0.0.0/8'], secret.slice(-6), 30 * 86_400_000],
  );
  const info = await api.call('info', {}, secret);
  assert.equal(info.body.account[0].username, String(username));
  assert.ok(!(await visitor.open(PATH)).body.includes(secret), 'shown once');

  const stranger = await signedIn();
  await stranger.visitor.submit(PATH, { name: 'own', networks: '', days: '' });
  await stranger.visitor.submitAndFollow(PATH, { current: stranger.current });
  await stranger.visitor.submit(`${PATH}/revoke`, { id: key?.id ?? '' });
  assert.equal((await api.call('info', {}, secret)).status, 200, 'not by another account');
  const [own] = await listNamedKeys(db, stranger.username);
  assert.deepEqual([own?.name, own?.expiresAt], ['own', null]);

  await visitor.open(PATH);
  assert.match((await visitor.submitAndFollow(`${PATH}/revoke`)).body, /No named key yet/);
  assert.equal((await api.call('info', {}, secret)).status, 401);
});
