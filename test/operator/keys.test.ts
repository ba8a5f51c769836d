import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addAccount,
  type Client,
  callsWith,
  codeOf,
  faultsOf,
  operatorClient,
  sharedOperators,
} from '../support/operator.ts';

const { api, all } = sharedOperators({ TRUST_PROXY: '127.0.0.1' });

test('a key is held to its networks, its limits, and a number of requests a minute', async () => {
  const inside = await operatorClient(api, { networks: ['192.0.2.0/24'] });
  const from = (client: Client, ip: string) =>
    client.call('GET', '/self', undefined, { 'x-forwarded-for': ip });
  assert.equal((await from(inside, '192.0.2.9')).status, 200);
  assert.equal(codeOf(await from(inside, '198.51.100.1')), '403 network_not_allowed');
  assert.equal(codeOf(await from(inside, '192.0.2.9, 198.51.100.1')), '403 network_not_allowed');

  const { username } = await addAccount(all);
  const poor = await operatorClient(api, {
    scopes: ['ledger:write'],
    entryLimit: '100',
    dayLimit: '150',
  });
  const pay = (amount: string, reference: string) =>
    poor.call('POST', `/accounts/${username}/ledger-entries`, {
      type: 'credit',
      amount,
      reason: 'r',
      reference,
    });
  assert.equal(codeOf(await pay('100.01', 'a')), '403 amount_limit');
  assert.equal((await pay('100', 'a')).status, 201);
  assert.equal((await pay('100', 'a')).status, 200);
  assert.equal(codeOf(await pay('60', 'b')), '403 amount_limit');
  assert.equal((await pay('50', 'b')).status, 201);
  const { body } = await all.call('GET', `/accounts/${username}/balance`);
  assert.equal(body.cash, '150.000000');

  const guesser = { authorization: 'Bearer nothing', 'x-forwarded-for': '203.0.113.5' };
  const answers: number[] = [];
  for (let n = 0; n < 22; n++) {
    answers.push((await fetch(`${api.url}/operator/v1/self`, { headers: guesser })).status);
  }
  assert.deepEqual(answers, [...Array(20).fill(401), 429, 429]);
  assert.equal((await from(all, '203.0.113.6')).status, 200);
});

test('a key makes keys that may do no more, and renews itself', async () => {
  const maker = await operatorClient(api, { scopes: ['keys:write', 'keys:read', 'ledger:write'] });
  const made = await maker.call('POST', '/keys', { name: 'child', scopes: ['ledger:write'] });
  assert.equal(made.status, 201);
  const { secret, etag, ...key } = made.body;
  assert.equal((await callsWith(api, secret)('GET', '/self')).body.id, key.id);
  assert.equal(
    codeOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['keys:write'] })),
    '403 wider_key',
  );
  assert.equal(
    codeOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['mail:read'] })),
    '403 wider_key',
  );
  assert.deepEqual(faultsOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['nope'] })), [
    '/scopes/0 invalid_value',
  ]);
  const changed = await maker.call(
    'PATCH',
    `/keys/${key.id}`,
    { networks: ['192.0.2.1'] },
    { 'if-match': etag },
  );
  assert.deepEqual(changed.body.networks, ['192.0.2.1']);
  const wider = await maker.call('PATCH', `/keys/${all.key.id}`, { name: 'x' });
  assert.equal(codeOf(wider), '403 wider_key');
  const rotated = await maker.call('POST', `/keys/${maker.key.id}/rotate`, { overlapHours: 0 });
  assert.equal(
    (await callsWith(api, rotated.body.secret)('DELETE', `/keys/${key.id}`)).status,
    204,
  );
  assert.equal(codeOf(await maker.call('GET', '/self')), '401 unauthorized');
  assert.equal(codeOf(await callsWith(api, secret)('GET', '/self')), '401 unauthorized');
});
