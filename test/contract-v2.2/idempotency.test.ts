import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashesComputed } from '../../src/domain/access/password.ts';
import {
  assertData,
  assertError,
  type ContractV22,
  newUsername,
  startContractV22,
} from '../support/contract-v2.2.ts';
import type { Answer } from '../support/service.ts';

const REPLAYED = 'idempotent-replayed';
const ADDRESS = { 'x-forwarded-for': '198.18.0.9' };

let contract: ContractV22;
before(async () => {
  contract = await startContractV22({ SIGNUP_LIMIT_PER_HOUR: '0' });
});
after(() => contract.api.stop());

function signUp(key: string, body: object, headers: Record<string, string> = ADDRESS) {
  return contract.call('POST', 'accounts', {
    body,
    headers: { 'idempotency-key': key, ...headers },
  });
}

function assertReplayed(answer: Answer, first: Answer): void {
  assert.deepEqual(answer.body, first.body);
  assert.deepEqual([answer.status, answer.headers.get(REPLAYED)], [201, 'true']);
}

test('a sign-up that is sent again is answered as before, its password included', async () => {
  const body = { name: 'Again', email: 'again@example.com' };
  const first = await signUp('9cd7:a_b.c-1', body);
  const { username, password } = first.body.data;
  assertData(first, { username, password, ...body }, 201);
  assert.equal(first.headers.get(REPLAYED), null);
  assertReplayed(await signUp('9cd7:a_b.c-1', body), first);
  assertReplayed(await signUp('"9cd7:a_b.c-1"', { ...body, promo: null }), first);
  const { body: own } = await contract.call('POST', 'account/api-key', {
    body: { username, password },
  });
  assert.match(own.data.apikey, /^[0-9a-f]{32}$/);
  assert.equal((await contract.api.mails(body.email)).length, 1);

  const reused = 'The Idempotency-Key came with another request before';
  assertError(await signUp('9cd7:a_b.c-1', { ...body, name: 'Other' }), 422, reused);
  // A stranger who guesses the key does not get the password.
  const stranger = await signUp('9cd7:a_b.c-1', body, { 'x-forwarded-for': '198.18.0.10' });
  assertError(stranger, 409, 'Account creation failed');
  contract.api.advance(72 * 3_600);
  assertError(await signUp('9cd7:a_b.c-1', body), 409, 'Account creation failed');
});

test('of what was refused nothing is kept', async () => {
  const email = 'refused@example.com';
  assertError(await signUp('k', { email }), 400, 'Field Required: name');
  const invalid = 'Field Invalid: email: Must be valid';
  assertError(await signUp('k', { name: 'x', email: 'x' }), 400, invalid);
  const promo = 'Field Invalid: promo: Must be a valid promotion code';
  assertError(await signUp('k', { name: 'x', email, promo: 'none' }), 400, promo);
  const form = 'Must be 1 to 255 characters of A-Z a-z 0-9 _ : . -';
  for (const key of ['a b', 'ä', '"', '"a', 'a'.repeat(256)]) {
    const answer = await signUp(key, { name: 'x', email });
    assertError(answer, 400, `Field Invalid: Idempotency-Key: ${form}`);
  }
  const first = await signUp('k', { name: 'x', email });
  assert.equal(first.status, 201);
  assertReplayed(await signUp('k', { name: 'x', email }), first);
});

test('a sub-account is added once for each key of its administrator', async () => {
  const [one, other] = [await contract.api.administrator(), await contract.api.administrator()];
  const body = { username: newUsername(), name: 'Sub', email: 'sub@example.com' };
  const add = (key: string, sent: object = body) =>
    contract.call('POST', 'account', { key, body: sent, headers: { 'idempotency-key': 'sub-1' } });
  const first = await add(one.apikey);
  const { username, password } = first.body.data;
  assert.equal(username, String(body.username));
  assert.equal(typeof password, 'string');
  assertReplayed(await add(one.apikey), first);
  assertError(await add(other.apikey), 409, 'Account creation failed');
  const reused = 'The Idempotency-Key came with another request before';
  assertError(await add(one.apikey, { ...body, name: 'Other' }), 422, reused);
  assertError(await add('x'), 401, 'Unauthorized');
  const added = await contract.api.service.db.query(
    "SELECT 1 FROM audit_entry WHERE action = 'account added' AND account = $1",
    [username],
  );
  assert.equal(added.length, 1);
});

test('of a hundred equal sign-ups at once one account comes, and a hundred equal answers', async () => {
  const body = { name: 'Many', email: 'many@example.com' };
  const hashes = hashesComputed();
  const answers = await Promise.all(Array.from({ length: 100 }, () => signUp('many', body)));
  assert.equal(hashesComputed() - hashes, 1, 'those that wait compute no hash');
  const done = answers.filter(({ status }) => status === 201);
  const inProgress = 'The first request with this Idempotency-Key is still in progress';
  for (const answer of answers) {
    if (answer.status === 201) assert.deepEqual(answer.body, done[0]?.body);
    else assertError(answer, 409, inProgress);
    if (answer.status === 409) assert.equal(answer.headers.get('retry-after'), '1');
  }
  assert.equal(done.filter(({ headers }) => !headers.has(REPLAYED)).length, 1);
  assertReplayed(await signUp('many', body), done[0] as Answer);
  const { db } = contract.api.service;
  const accounts = await db.query('SELECT 1 FROM account WHERE email = $1', [body.email]);
  assert.equal(accounts.length, 1);
});
