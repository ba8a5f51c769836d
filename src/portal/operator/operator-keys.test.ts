import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { listOperatorKeys } from '../../domain/access/operator-key.ts';
import { authenticateOperators } from '../../domain/access/operator-key-use.ts';

const PATH = '/admin/operator-keys';

const api = sharedService();

test('an administrator makes, renews and revokes a key, for the password once more', async () => {
  const { username, password: current } = await api.administrator();
  const { db, keyring } = api.service;
  const operator = await Visitor.signedIn(api.url, { username, password: current });
  await operator.open(PATH);
  const none = await operator.submit(PATH, { name: 'payments' });
  assert.equal(none.status, 400);
  assert.match(none.body, /choose a kind of system, or give a scope/);
  const wanted = { name: 'payments', set: 'payments', networks: '192.0.2.0/24', dayLimit: '500' };
  const asked = await operator.submit(PATH, wanted);
  assert.equal(asked.status, 403);
  assert.match(asked.body, /Please confirm that it is you/);
  assert.deepEqual(await listOperatorKeys(db), []);

  const shown = await operator.submitAndFollow(PATH, { current });
  const [secret = ''] = /accapi_op_[0-9A-Za-z]{38}/.exec(shown.body) ?? [];
  const authenticate = authenticateOperators(db, keyring);
  const key = await authenticate(secret, new Date());
  assert.deepEqual(
    [key.name, key.scopes, key.networks, key.dayLimit, key.createdBy],
    [
      'payments',
      ['ledger:write', 'balances:read'],
      ['192.0.2.0/24'],
      '500.000000',
      `administrator ${username}`,
    ],
  );
  const again = await operator.open(PATH);
  assert.ok(!again.body.includes(secret));
  assert.ok(again.body.includes(secret.slice(-6)));

  assert.equal((await operator.submit(`${PATH}/rotate`, { id: key.id })).status, 403);
  const renewed = await operator.submitAndFollow(`${PATH}/rotate`, { current });
  const [second = ''] = /accapi_op_[0-9A-Za-z]{38}/.exec(renewed.body) ?? [];
  assert.notEqual(second, secret);
  assert.equal((await authenticate(second, new Date())).id, key.id);
  await operator.submit(`${PATH}/revoke`, { id: key.id });
  await assert.rejects(authenticate(second, new Date()), {
    code: 'unauthorized',
  });
});

test('customers have no such page', async () => {
  const customer = await api.signUp();
  const visitor = new Visitor(api.url);
  await visitor.open('/sign-in');
  await visitor.submit('/sign-in', {
    login: String(customer.username),
    password: customer.password,
  });
  assert.equal((await visitor.open(PATH)).status, 404);
});
