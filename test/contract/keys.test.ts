import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  assertFailure,
  bearer,
  type Contract,
  type Customer,
  failure,
  KEYED,
  newUsername,
  startContract,
} from '../support/contract.ts';

const UNKNOWN = '0123456789abcdef0123456789abcdef';

/** Each operation's answer to a wrong key. */
const UNAUTHORIZED = {
  add: 'Unauthorized — administrator access required',
  cdr: 'Unauthorized',
  info: 'Unauthorized',
  mrc: 'Unauthorized',
  registration: 'Unauthorized',
};

let contract: Contract;
let customer: Customer;
let administrator: Pick<Customer, 'username' | 'apikey'>;
before(async () => {
  contract = await startContract();
  customer = await contract.signUp();
  administrator = await contract.api.administrator();
});
after(() => contract.api.stop());

/** The other members that the operation checks before the key. */
const needs = (operation: string) =>
  operation === 'add' ? { name: 'x', username: newUsername(), email: 'x@example.com' } : {};

const goodKey = (operation: string) => (operation === 'add' ? administrator : customer).apikey;

/** With a good key, registration answers 404, because no phone is registered here. */
const GOOD = { add: 200, cdr: 200, info: 200, mrc: 200, registration: 404 };

for (const operation of KEYED) {
  const call = (body?: object, headers?: Record<string, string>) =>
    contract.call(operation, body && { ...needs(operation), ...body }, headers);
  const refused = UNAUTHORIZED[operation];

  describe(operation, () => {
    test('a good key by the header, in any case of the scheme, and by the body', async () => {
      const key = goodKey(operation);
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        const answer = await call({}, { authorization: `${scheme} ${key}` });
        assert.equal(answer.status, GOOD[operation]);
      }
      assert.equal((await call({}, { authorization: `Bearer  ${key}` })).status, GOOD[operation]);
      assert.equal((await call({ apikey: key })).status, GOOD[operation]);
    });

    test('no key at all', async () => {
      for (const apikey of [undefined, null, '']) {
        assertFailure(await call({ apikey }), 400, 'Field Required: apikey');
      }
    });

    test('a header of another scheme is no key', async () => {
      const key = goodKey(operation);
      for (const authorization of [
        '',
        `Basic ${Buffer.from(`x:${key}`).toString('base64')}`,
        key,
        `Token ${key}`,
        `Bearer${key}`,
        `Bearer: ${key}`,
        `NotBearer ${key}`,
      ]) {
        assertFailure(await call({}, { authorization }), 400, 'Field Required: apikey');
        const answer = await call({ apikey: key }, { authorization });
        assert.equal(answer.status, GOOD[operation], authorization);
      }
    });

    test('wrong keys in the header, which decides also where the body has a good one', async () => {
      const key = goodKey(operation);
      for (const wrong of [
        'Bearer',
        'Bearer ',
        'Bearer x',
        `Bearer ${UNKNOWN}`,
        `Bearer ${key.toUpperCase()}`,
        `Bearer ${key.slice(1)}`,
        `Bearer ${key}0`,
        `Bearer "${key}"`,
        `Bearer ${key} ${key}`,
        `Bearer ${key},`,
        `Bearer key=${key}`,
        'Bearer ٠١٢',
      ]) {
        const authorization = Buffer.from(wrong).toString('latin1');
        assertFailure(await call({}, { authorization }), 401, refused);
        assertFailure(await call({ apikey: key }, { authorization }), 401, refused);
      }
    });

    test('a good key in the header, whatever the body has', async () => {
      for (const apikey of [UNKNOWN, 'x', 1, {}, null, '']) {
        const answer = await call({ apikey }, bearer(goodKey(operation)));
        assert.equal(answer.status, GOOD[operation]);
      }
    });

    test('wrong keys in the body', async () => {
      const key = goodKey(operation);
      for (const apikey of [
        UNKNOWN,
        ' ',
        'x',
        key.toUpperCase(),
        `${key} `,
        ` ${key}`,
        `${key}\n`,
        `Bearer ${key}`,
        0,
        1,
        true,
        false,
        [],
        [key],
        {},
        { key },
        Number.MAX_SAFE_INTEGER,
        "' OR '1'='1",
      ]) {
        assertFailure(await call({ apikey }), 401, refused);
      }
    });

    test('a key in the query is no key', async () => {
      const { url } = contract.api;
      const key = goodKey(operation);
      const response = await fetch(`${url}/v2.1/account/${operation}/?apikey=${key}`, {
        method: 'POST',
      });
      assert.equal(response.status, 400);
      assert.deepEqual(await response.json(), failure(400, 'Field Required: apikey'));
    });

    test('the key of a closed account', async () => {
      const closed =
        operation === 'add' ? await contract.api.administrator() : await contract.signUp();
      const { apikey } = closed;
      assert.equal((await call({ apikey })).status, GOOD[operation]);
      await contract.close(closed);
      assertFailure(await call({ apikey }), 401, refused);
      assertFailure(await call({}, bearer(apikey)), 401, refused);
    });

    test('an account that may not call, or is not verified, is answered', async () => {
      const { db } = contract.api.service;
      await db.query('UPDATE account SET enabled = false, verified_at = NULL');
      assert.equal((await call({ apikey: goodKey(operation) })).status, GOOD[operation]);
    });
  });
}
