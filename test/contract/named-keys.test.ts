import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  createNamedKey,
  listNamedKeys,
  MOST_NAMED_KEYS,
  type NamedKeySettings,
  revokeNamedKey,
} from '../../src/domain/access/named-key.ts';
import { renewPassword } from '../../src/domain/account/credentials.ts';
import { searchAudit } from '../../src/domain/audit.ts';
import {
  bearer,
  type Contract,
  type Customer,
  newUsername,
  startContract,
} from '../support/contract.ts';
import { TESTER } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

const DAY_MS = 86_400_000;
const FROM = '198.18.0.7';

/** Reads of both versions, and their statuses with a good key. */
const READS: [method: string, path: string, status: number][] = [
  ['POST', '/v2.1/account/info/', 200],
  ['POST', '/v2.1/account/cdr/', 200],
  ['POST', '/v2.1/account/mrc/', 200],
  // No phone is registered.
  ['POST', '/v2.1/account/registration/', 404],
  ['GET', '/v2.2/account', 200],
  ['GET', '/v2.2/account/cdr', 200],
  ['GET', '/v2.2/account/recurring-charges', 200],
  ['GET', '/v2.2/account/credits', 200],
  ['GET', '/v2.2/account/payments', 200],
  ['GET', '/v2.2/account/registration', 404],
];
const NEW = { name: 'x', email: 'x@example.com' };
/** Changes of both versions, and their statuses with a named key of an administrator. */
const CHANGES: [
  method: string,
  path: string,
  body: () => object,
  status: number,
  message: string,
][] = [
  [
    'POST',
    '/v2.1/account/add/',
    () => ({ ...NEW, username: newUsername() }),
    401,
    'Unauthorized — administrator access required',
  ],
  [
    'POST',
    '/v2.2/account',
    () => ({ ...NEW, username: newUsername() }),
    403,
    'This key may only read',
  ],
  ['PUT', '/v2.2/account', () => ({ notify: false }), 403, 'This key may only read'],
  // It is told what the key may do before what is wrong with a value.
  ['PUT', '/v2.2/account', () => ({ notify: 'x' }), 403, 'This key may only read'],
];

let contract: Contract;
let customer: Customer;
before(async () => {
  contract = await startContract({ RATE_LIMIT_PER_HOUR: '0' });
  customer = await contract.signUp();
});
after(() => contract.api.stop());

const create = ({ username }: { username: number }, settings: Partial<NamedKeySettings> = {}) => {
  const { db, keyring, clock } = contract.api.service;
  const given = { name: 'bookkeeping', networks: [], expiresAt: null, ...settings };
  return createNamedKey(db, TESTER, { keyring, now: clock() }, username, given);
};

async function call(method: string, path: string, key: string, options: Options = {}) {
  const { body, from = FROM } = options;
  const response = await fetch(`${contract.api.url}${path}`, {
    method,
    headers: {
      ...bearer(key),
      'x-forwarded-for': from,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}
interface Options {
  body?: object;
  from?: string;
}

const statuses = async (key: string, from?: string) => {
  const all: number[] = [];
  for (const [method, path] of READS) {
    all.push((await call(method, path, key, from === undefined ? {} : { from })).status);
  }
  return all;
};
const each = (status: number) => READS.map(() => status);

test('every read of both versions answers a named key as it does the API key', async () => {
  const key = await create(customer);
  for (const [method, path, status] of READS) {
    // Left out, the bounds of `cdr` follow the clock.
    const asked = path === '/v2.2/account/cdr' ? `${path}?start=1700000000&end=1699913600` : path;
    const named = await call(method, asked, key);
    assert.equal(named.status, status, path);
    assert.deepEqual(named.body, (await call(method, asked, customer.apikey)).body, path);
  }
  const { body } = await contract.call('info', { apikey: key });
  assert.equal(body.account[0].username, String(customer.username), 'also in the body of v2.1');
});

test('no change is made with a named key, also an administrator’s', async () => {
  const administrator = await contract.api.administrator();
  const key = await create(administrator);
  for (const [method, path, body, status, message] of CHANGES) {
    const answer = await call(method, path, key, { body: body() });
    assert.deepEqual([answer.status, answer.body.message], [status, message], path);
  }
  const { db } = contract.api.service;
  const [row] = await db.query<{ notify: boolean }>(
    'SELECT notify FROM account WHERE username = $1',
    [administrator.username],
  );
  assert.equal(row?.notify, true);
});

test('a key is refused when it is wrong, expired, revoked, or its account is closed', async () => {
  const closing = await contract.signUp();
  const { db, clock } = contract.api.service;
  const soon = new Date(clock().getTime() + DAY_MS);
  const [expiring, revoked, closed] = [
    await create(customer, { expiresAt: soon }),
    await create(customer, { name: 'revoked' }),
    await create(closing),
  ];
  const good = READS.map(([, , status]) => status);
  for (const key of [expiring, revoked, closed]) assert.deepEqual(await statuses(key), good);
  const last = revoked.at(-1) === '0' ? '1' : '0';
  for (const wrong of [revoked.slice(0, -1) + last, `${revoked}0`, 'accapi_ro_', 'accapi_ro_x']) {
    assert.deepEqual(await statuses(wrong), each(401), wrong);
  }
  const { username } = customer;
  const found = (await listNamedKeys(db, username)).find(({ name }) => name === 'revoked');
  const id = found?.id ?? '';
  assert.equal(
    await revokeNamedKey(db, TESTER, { username: closing.username, id }, clock()),
    false,
  );
  assert.deepEqual(await statuses(revoked), good, 'of another account');
  assert.equal(await revokeNamedKey(db, TESTER, { username, id }, clock()), true);
  assert.equal(await revokeNamedKey(db, TESTER, { username, id }, clock()), false);
  assert.deepEqual(await statuses(revoked), each(401));
  await contract.close(closing);
  assert.deepEqual(await statuses(closed), each(401));
  contract.api.advance(DAY_MS / 1_000);
  assert.deepEqual(await statuses(expiring), each(401));
  const audited = (await searchAudit(db, { account: username }, { limit: 100 })).map(
    ({ action }) => action,
  );
  assert.deepEqual(audited.filter((action) => action.startsWith('named key')).sort(), [
    ...['created', 'created', 'created'].map((what) => `named key ${what}`),
    'named key revoked',
  ]);
});

test('a key is valid only from its networks, and tells when and from where it was used', async () => {
  const owner = await contract.signUp();
  const key = await create(owner, { networks: ['192.0.2.0/24', '2001:db8::/32'] });
  assert.deepEqual(await statuses(key), each(403));
  assert.deepEqual((await call('GET', '/v2.2/account', key)).body, {
    status: 'error',
    message: 'This key is not valid from this address',
    error: { code: 403, message: 'This key is not valid from this address' },
  });
  const { db, clock } = contract.api.service;
  const used = async () => {
    const [{ lastUsedAt, lastAddress } = { lastUsedAt: null, lastAddress: null }] =
      await listNamedKeys(db, owner.username);
    return { at: lastUsedAt?.getTime() ?? 0, from: lastAddress };
  };
  assert.deepEqual(await used(), { at: 0, from: null });
  const began = clock().getTime();
  assert.equal((await call('GET', '/v2.2/account', key, { from: '2001:db8:1::1' })).status, 200);
  await waitUntil(async () => (await used()).at !== 0);
  const first = await used();
  assert.ok(first.at >= began);
  assert.equal(first.from, '2001:db8:1::1');
  assert.equal((await call('GET', '/v2.2/account', key, { from: '192.0.2.9' })).status, 200);
  assert.deepEqual(await used(), first, 'at most once a minute');
});

test('a new password revokes them, and an account has 20 at most', async () => {
  const owner = await contract.signUp();
  const made = await Promise.allSettled(
    Array.from({ length: MOST_NAMED_KEYS + 5 }, (_, n) => create(owner, { name: `key ${n}` })),
  );
  const keys = made.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  assert.equal(keys.length, MOST_NAMED_KEYS);
  const { db, keyring, queue, clock } = contract.api.service;
  assert.equal((await listNamedKeys(db, owner.username)).length, MOST_NAMED_KEYS);
  await renewPassword(db, TESTER, { keyring, queue, now: clock() }, owner.username);
  assert.deepEqual(await listNamedKeys(db, owner.username), []);
  assert.deepEqual(await statuses(keys[0] ?? ''), each(401));
});

test('the limits of an address count requests of all its keys, and wrong ones', async () => {
  const limited = await startContract({ RATE_LIMIT_PER_HOUR: '2' });
  try {
    const { db, keyring, clock } = limited.api.service;
    const { username, apikey } = await limited.signUp();
    const settings = { name: 'x', networks: [], expiresAt: null };
    const named = await createNamedKey(db, TESTER, { keyring, now: clock() }, username, settings);
    const info = async (key: string) =>
      (await limited.call('info', {}, { ...bearer(key), 'x-forwarded-for': FROM })).status;
    assert.deepEqual([await info(named), await info(apikey), await info(named)], [200, 200, 429]);
    const wrong = [];
    for (let n = 0; n <= 40; n++) {
      const key = { ...bearer(`accapi_ro_${n}`), 'x-forwarded-for': FROM };
      wrong.push((await limited.call('registration', {}, key)).status);
    }
    assert.deepEqual(wrong, [...Array.from({ length: 40 }, () => 401), 429]);
  } finally {
    await limited.api.stop();
  }
});
