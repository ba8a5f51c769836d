import assert from 'node:assert/strict';
import type { Client } from 'openapi-fetch';
// The test generates it, beside its configuration of the compiler.
import type { paths } from './paths-v2.2.ts';

/** Calls each operation of v2.2; the generated types must contain all sent and read members. */
export async function callAll(
  client: Client<paths>,
  customer: { username: number; password: string; apikey: string },
  administrator: { apikey: string },
): Promise<void> {
  const { username, password, apikey } = customer;
  const email = `typed-${username}@example.com`;
  const as = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

  const key = await client.POST('/v2.2/account/api-key', { body: { username, password } });
  assert.equal(key.data?.data.apikey, apikey);
  // @ts-expect-error the password is missing
  const incomplete = await client.POST('/v2.2/account/api-key', { body: { username } });
  const told: [number, string] | undefined = incomplete.error && [
    incomplete.error.error.code,
    incomplete.error.message,
  ];
  assert.deepEqual(told, [400, 'Field Required: password']);

  const { data: account } = await client.GET('/v2.2/account', as(apikey));
  const cash: number | undefined = account?.data.cash;
  const callerId: string | undefined = account?.data.callerId;
  assert.deepEqual([cash, callerId], [0, undefined]);
  const change = { body: { notify: false, notifyThreshold: 7 } };
  const { data: changed } = await client.PUT('/v2.2/account', { ...as(apikey), ...change });
  const updated: string[] | undefined = changed?.data.updated;
  assert.deepEqual(updated, ['notify', 'notifyThreshold']);

  const query = { start: 9, end: 1 };
  const { data: calls } = await client.GET('/v2.2/account/cdr', {
    ...as(apikey),
    params: { query },
  });
  assert.deepEqual(calls?.data, { ...query, cdr: [] });
  const { data: credits } = await client.GET('/v2.2/account/credits', {
    ...as(apikey),
    params: { query: { status: 'unpaid' } },
  });
  assert.deepEqual(credits?.data.credits, []);
  const { data: payments } = await client.GET('/v2.2/account/payments', as(apikey));
  assert.deepEqual(payments?.data.payments, []);
  const { data: monthly } = await client.GET('/v2.2/account/recurring-charges', as(apikey));
  const total: number | undefined = monthly?.data.total;
  assert.deepEqual([monthly?.data.charges, total], [[], 0]);
  const { error, response } = await client.GET('/v2.2/account/registration', as(apikey));
  assert.deepEqual([response.status, error?.error.code], [404, 404]);

  const { data: created } = await client.POST('/v2.2/accounts', { body: { name: 'x', email } });
  const mailed: string | undefined = created?.data.email;
  assert.equal(mailed, email);
  const { data: recovered } = await client.POST('/v2.2/account/recovery', { body: { email } });
  const sentence: string | undefined = recovered?.data.message;
  assert.match(sentence ?? '', /typed-/);
  const { data: added } = await client.POST('/v2.2/account', {
    ...as(administrator.apikey),
    body: { username: username + 1, name: 'x', email, masterAccount: username },
  });
  const master: string | undefined = added?.data.masterAccount;
  assert.equal(master, String(username));
}
