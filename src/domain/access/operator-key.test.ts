import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { checkDigits, isSecret, newSecret, OPERATOR_KEY } from './key-text.ts';
import {
  changeOperatorKey,
  createOperatorKey,
  type KeySettings,
  listOperatorKeys,
  revokeOperatorKey,
  rotateOperatorKey,
} from './operator-key.ts';
import { authenticateOperators, spendLimit } from './operator-key-use.ts';
import { requireNoWider } from './wider-key.ts';

const HOUR_MS = 3_600_000;
const NOW = new Date('2030-06-15T12:00:00.000Z');
const SETTINGS: KeySettings = {
  name: 'payments',
  scopes: ['ledger:write', 'balances:read'],
  networks: [],
  accounts: [],
  entryLimit: null,
  dayLimit: null,
  expiresAt: new Date('2031-01-01T00:00:00.000Z'),
};

const api = sharedService();

const create = (settings: Partial<KeySettings> = {}) =>
  createOperatorKey(
    api.service.db,
    TESTER,
    { keyring: api.service.keyring, now: NOW },
    { ...SETTINGS, ...settings },
  );
const idOf = (secret: string, now: Date) =>
  authenticateOperators(api.service.db, api.service.keyring)(secret, now).then(
    ({ id }) => id,
    ({ code, reason }) => `${code}: ${reason}`,
  );

test('a secret has check digits, which no change of one character passes', () => {
  assert.equal(checkDigits(`accapi_op_${'EXAMPLE0'.repeat(4)}`), '2lKw38');
  const secret = newSecret(OPERATOR_KEY);
  assert.match(secret, /^accapi_op_[0-9A-Za-z]{38}$/);
  assert.equal(isSecret(OPERATOR_KEY, secret), true);
  const characters = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'];
  for (let at = 'accapi_op_'.length; at < secret.length; at++) {
    for (const character of characters.filter((other) => other !== secret[at])) {
      const changed = secret.slice(0, at) + character + secret.slice(at + 1);
      assert.equal(isSecret(OPERATOR_KEY, changed), false, changed);
    }
  }
});

test('a key is told by its secret alone, until it expires or is revoked', async () => {
  const { key, secret } = await create();
  assert.equal(await idOf(secret, NOW), key.id);
  assert.equal(await idOf(newSecret(OPERATOR_KEY), NOW), 'unauthorized: unauthorized');
  assert.equal(await idOf(`${secret.slice(0, -1)}!`, NOW), 'unauthorized: unauthorized');
  assert.equal(
    await idOf(secret, new Date('2031-01-01T00:00:00.000Z')),
    'unauthorized: key expired',
  );
  assert.equal(await revokeOperatorKey(api.service.db, TESTER, { id: key.id }, NOW), true);
  assert.equal(await revokeOperatorKey(api.service.db, TESTER, { id: key.id }, NOW), false);
  assert.equal(await idOf(secret, NOW), 'unauthorized: unauthorized');
  const [listed] = await listOperatorKeys(api.service.db, { limit: 1 });
  assert.deepEqual(listed, { ...key, revokedAt: NOW });
});

test('a secret is looked up once a second; a change in this process counts at once', async () => {
  const { db, keyring } = api.service;
  const authenticate = authenticateOperators(db, keyring);
  const seen = (secret: string, now = NOW) =>
    authenticate(secret, now).then(
      ({ id, name }) => `${id} ${name}`,
      ({ code, reason }) => `${code}: ${reason}`,
    );
  const { key, secret } = await create();
  const { key: other, secret: otherSecret } = await create();
  assert.equal(await seen(secret), `${key.id} ${key.name}`);
  assert.equal(await seen(otherSecret), `${other.id} ${other.name}`);
  const later = new Date('2031-01-01T00:00:00.000Z');
  assert.equal(await seen(secret, later), 'unauthorized: key expired');
  await changeOperatorKey(db, TESTER, { id: key.id, changes: { name: 'new' } }, NOW);
  assert.equal(await seen(secret), `${key.id} new`);
  assert.equal(await seen(otherSecret), `${other.id} ${other.name}`);
  await revokeOperatorKey(db, TESTER, { id: key.id }, NOW);
  assert.equal(await seen(secret), 'unauthorized: unauthorized');
  assert.equal(await seen(otherSecret), `${other.id} ${other.name}`);
  await sleep(1_100);
  const looked = performance.now();
  assert.equal(await seen(otherSecret), `${other.id} ${other.name}`);
  // As another process does.
  await db.query('UPDATE operator_key SET revoked_at = $2 WHERE id = $1', [other.id, NOW]);
  const known = await seen(otherSecret);
  if (performance.now() - looked < 1_000) assert.equal(known, `${other.id} ${other.name}`);
  await sleep(1_100);
  assert.equal(await seen(otherSecret), 'unauthorized: unauthorized');
});

test('after a rotation the secret before counts for the overlap, the one before that no longer', async () => {
  const { db, keyring } = api.service;
  const { key, secret: first } = await create();
  const rotate = (overlapHours: number) =>
    rotateOperatorKey(db, TESTER, { keyring, now: NOW }, { id: key.id, overlapHours });
  const { secret: second } = await rotate(24);
  const later = (hours: number) => new Date(NOW.getTime() + hours * HOUR_MS);
  assert.deepEqual([await idOf(first, later(23)), await idOf(second, later(23))], [key.id, key.id]);
  assert.equal(await idOf(first, later(24)), 'unauthorized: key expired');
  assert.equal(await idOf(second, later(24)), key.id);
  const { secret: third } = await rotate(1);
  assert.equal(await idOf(first, NOW), 'unauthorized: unauthorized');
  assert.deepEqual([await idOf(second, NOW), await idOf(third, NOW)], [key.id, key.id]);
  await rotate(0);
  assert.equal(await idOf(third, NOW), 'unauthorized: unauthorized');
});

test('the database has no secret, only its digest and its last characters', async () => {
  const { key, secret } = await create();
  const [row] = await api.service.db.query(
    'SELECT to_jsonb(k) #>> $2 AS text FROM operator_key k WHERE id = $1',
    [key.id, []],
  );
  const text = String((row as { text: string }).text);
  assert.ok(text.includes(secret.slice(-6)));
  assert.ok(
    !text.includes(secret.slice(0, -6)) && !text.includes(Buffer.from(secret).toString('hex')),
  );
});

test('what a key posts is limited for an entry and for a day in UTC, whatever comes at once', async () => {
  const { db } = api.service;
  const { key } = await create({ entryLimit: '50', dayLimit: '100' });
  const post = (amount: string, now = NOW) =>
    db
      .transaction((tx) => spendLimit(tx, key, amount, now))
      .then(
        () => 'posted',
        ({ code, reason, message }) => `${code}: ${reason}: ${message}`,
      );
  const tooMuch = 'forbidden: amount limit: the key has a limit: ';
  assert.equal(await post('50.000001'), `${tooMuch}an entry may move 50.000000 at most`);
  const all = await Promise.all(Array.from({ length: 8 }, (_, n) => post(n % 2 ? '25' : '-25')));
  assert.deepEqual(all.filter((one) => one === 'posted').length, 4);
  assert.equal(
    await post('0.000001'),
    `${tooMuch}the entries of a day may move 100.000000 at most`,
  );
  assert.equal(await post('50', new Date('2030-06-16T00:00:00.000Z')), 'posted');
});

test('a key for some accounts has scopes of accounts alone', async () => {
  const { username } = await api.signUp();
  const { key } = await create({ accounts: [username] });
  assert.deepEqual(key.accounts, [username]);
  await assert.rejects(create({ accounts: [username], scopes: ['feeds:read', 'ledger:write'] }), {
    code: 'field invalid',
    field: 'scopes',
    requirement: 'A key for some accounts cannot have feeds:read',
  });
  await assert.rejects(create({ accounts: [1234567890] }), { field: 'accounts' });
  await assert.rejects(
    changeOperatorKey(
      api.service.db,
      TESTER,
      { id: key.id, changes: { scopes: ['audit:read'] } },
      NOW,
    ),
    { field: 'scopes' },
  );
});

test('a key makes none that may do more than itself', () => {
  const maker: KeySettings = {
    ...SETTINGS,
    scopes: ['keys:write', 'ledger:write', 'balances:read'],
    networks: ['192.0.2.0/24', '2001:db8::/32'],
    entryLimit: '100',
  };
  const narrow: KeySettings = { ...SETTINGS, networks: ['192.0.2.7'], entryLimit: '100.00' };
  const wider: Partial<KeySettings>[] = [
    { scopes: ['keys:write'] },
    { scopes: ['accounts:read'] },
    { networks: [] },
    { networks: ['192.0.2.0/23'] },
    { networks: ['198.51.100.1'] },
    { networks: ['::ffff:0:0/96'] },
    { entryLimit: '100.000001' },
    { entryLimit: null },
    { expiresAt: null },
    { expiresAt: new Date('2031-01-01T00:00:00.001Z') },
  ];
  requireNoWider(maker, narrow);
  requireNoWider(maker, { ...narrow, networks: ['2001:db8:1::/48'], entryLimit: '0.5' });
  for (const change of wider) {
    assert.throws(() => requireNoWider(maker, { ...narrow, ...change }), { reason: 'wider key' });
  }
});
