import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authenticateOperators } from '../../src/domain/access/operator-key-use.ts';
import { searchAudit } from '../../src/domain/audit.ts';
import { runCommand } from '../support/command.ts';
import { sharedService } from '../support/service.ts';
import { sharedJson } from '../support/shared-command.ts';

const api = sharedService();

const json = (...args: string[]) => sharedJson(api.env, 'operator-key', ...args);
const run = (...args: string[]) => runCommand(api.env, 'operator-key', ...args);
const known = (secret: string) =>
  authenticateOperators(api.service.db, api.service.keyring)(secret, new Date()).then(
    ({ id }) => id,
    () => undefined,
  );

test('a key is made, listed, rotated and revoked', async () => {
  const [created, refused, unknown] = await Promise.all([
    json(
      ...['create', 'payments', '--scopes', 'ledger:write,balances:read', '--day-limit', '500'],
      ...['--network', '192.0.2.0/24', '--network', '2001:db8::1'],
    ),
    run('create', 'nothing'),
    run('create', 'wrong', '--scopes', 'ledger:mint'),
  ]);
  const { secret, ...key } = created;
  assert.equal(refused.stderr, 'account-api: give --scopes, --set or both\n');
  assert.equal(refused.status, 1);
  assert.match(unknown.stderr, /There is no scope ledger:mint; there are accounts:read, /);
  assert.equal(unknown.status, 2);
  assert.match(secret, /^accapi_op_[0-9A-Za-z]{38}$/);
  assert.deepEqual(key, {
    id: key.id,
    name: 'payments',
    scopes: ['ledger:write', 'balances:read'],
    networks: ['192.0.2.0/24', '2001:db8::1'],
    accounts: [],
    amountLimits: { entry: null, day: '500.000000' },
    expiresAt: key.expiresAt,
    tail: secret.slice(-6),
    createdBy: key.createdBy,
    createdAt: key.createdAt,
    revokedAt: null,
    previousExpiresAt: null,
    lastUsedAt: null,
    lastAddress: null,
  });
  assert.match(key.id, /^key_[0-9A-Za-z]{16}$/);
  assert.match(key.createdBy, /^operator /);
  const days = (Date.parse(key.expiresAt) - Date.parse(key.createdAt)) / 86_400_000;
  assert.equal(Math.round(days), 365);
  assert.equal(await known(secret), key.id);

  const [rotated, forever] = await Promise.all([
    json('rotate', key.id),
    json('create', 'crm', '--set', 'crm', '--no-expiry'),
  ]);
  assert.equal(forever.expiresAt, null);
  assert.ok(forever.scopes.includes('accounts:write'));
  assert.deepEqual([await known(secret), await known(rotated.secret)], [key.id, key.id]);
  const { stdout } = await run('list');
  assert.match(stdout, new RegExp(`${key.id} +payments +${rotated.tail} +active `));
  assert.ok(!stdout.includes(rotated.secret));
  assert.deepEqual(await json('revoke', key.id), { id: key.id, revoked: true });
  assert.deepEqual(await json('revoke', key.id), { id: key.id, revoked: false });
  assert.equal(
    (await run('rotate', key.id)).stderr,
    `account-api: there is no operator key ${key.id}\n`,
  );
  assert.deepEqual([await known(secret), await known(rotated.secret)], [undefined, undefined]);
  const trail = (await searchAudit(api.service.db, {}, { limit: 10 })).filter(
    ({ detail }) => (detail as { id?: string }).id === key.id,
  );
  assert.deepEqual(
    trail.map(({ action }) => action),
    ['operator key revoked', 'operator key rotated', 'operator key created'],
  );
  assert.ok(!JSON.stringify(trail).includes('accapi_op_'));
});
