import assert from 'node:assert/strict';
import type { Client } from 'openapi-fetch';
// The test generates it, beside its configuration of the compiler.
import type { paths } from './paths-v2.1.ts';

/** Calls each operation of v2.1; the generated types must contain all sent and read members. */
export async function callAll(
  client: Client<paths>,
  customer: { username: number; password: string; apikey: string },
  administrator: { apikey: string },
): Promise<void> {
  const { username, password, apikey } = customer;
  const email = `typed-${username}@example.com`;
  const body = { apikey };

  const key = await client.POST('/v2.1/account/apikey/', { body: { username, password } });
  assert.equal(key.data?.apikey, apikey);
  // @ts-expect-error the password is missing
  const incomplete = await client.POST('/v2.1/account/apikey/', { body: { username } });
  const message: string | undefined = incomplete.error?.message;
  assert.equal(message, 'Field Required: password');

  const { data: info } = await client.POST('/v2.1/account/info/', { body });
  const cash: number | undefined = info?.account[0]?.cash;
  assert.equal(cash, 0);
  const { data: calls } = await client.POST('/v2.1/account/cdr/', {
    body: { ...body, start: 9, end: 1 },
  });
  const dialled: string | undefined = calls?.cdr[0]?.value.dst;
  assert.deepEqual([calls?.cdr, dialled], [[], undefined]);
  const { data: mrc } = await client.POST('/v2.1/account/mrc/', { body });
  assert.equal(mrc?.status, 'Success');
  const { error: none, response } = await client.POST('/v2.1/account/registration/', { body });
  assert.deepEqual([response.status, none?.statusCode], [404, '404']);
  const { data: mailed } = await client.POST('/v2.1/account/signup/', {
    body: { name: 'x', email },
  });
  const named: string | undefined = mailed?.account.email;
  assert.equal(named, email);
  const { data: recovered } = await client.POST('/v2.1/account/recover/', { body: { email } });
  assert.equal(recovered?.statusCode, '200');
  const { data: added } = await client.POST('/v2.1/account/add/', {
    body: { ...administrator, username: username + 1, name: 'x', email, masterAccount: username },
  });
  const master: number | undefined = added?.account.masterAccount;
  assert.equal(master, username);
}
