import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  addNumber,
  addService,
  removeNumber,
  removeService,
} from '../../src/domain/billing/recurring-charge.ts';
import { assertFailure, assertSuccess, type Contract, startContract } from '../support/contract.ts';
import { TESTER } from '../support/service.ts';

let contract: Contract;
before(async () => {
  contract = await startContract();
});
after(() => contract.api.stop());

const service = (account: number, description: string, monthly: string) =>
  addService(contract.api.service.db, TESTER, { account, description, monthly }, new Date());
const number = (account: number, number: string, monthly: string) =>
  addNumber(contract.api.service.db, TESTER, { account, number, monthly }, new Date());

test('200: nothing to pay', async () => {
  const { apikey } = await contract.signUp();
  assertSuccess(await contract.call('mrc', { apikey }), { mrc: [{ did: 0 }, { total: 0 }] });
});

test('200: services by name with their sums, numbers as one, the total last', async () => {
  const { username, apikey } = await contract.signUp();
  await service(username, 'E911', '1.5');
  await service(username, 'Fax', '0.1');
  await service(username, 'E911', '1.5');
  await service(username, 'Fax', '0.2');
  await service(username, 'Extra "quoted"', '0');
  await service(username, '__proto__', '0.000001');
  await number(username, '8008786160', '2');
  await number(username, '8008786161', '0.25');
  const { status, body } = await contract.call('mrc', { apikey });
  assert.equal(status, 200);
  const rows = body.mrc.map((row: object) => Object.entries(row));
  assert.deepEqual(rows, [
    [['E911', 3]],
    [['Extra "quoted"', 0]],
    [['Fax', 0.3]],
    [['__proto__', 0.000001]],
    [['did', 2.25]],
    [['total', 5.550001]],
  ]);
  await removeService(
    contract.api.service.db,
    TESTER,
    { account: username, description: 'E911' },
    new Date(),
  );
  await removeNumber(
    contract.api.service.db,
    TESTER,
    { account: username, number: '8008786160' },
    new Date(),
  );
  const after = (await contract.call('mrc', { apikey })).body.mrc;
  assert.deepEqual(after[0], { E911: 1.5 });
  assert.deepEqual(after.slice(-2), [{ did: 0.25 }, { total: 2.050001 }]);
});

test('200: who pays sees the whole, who is paid for its own', async () => {
  const payer = await contract.signUp();
  const first = await contract.addSubAccount(payer.username);
  const second = await contract.addSubAccount(payer.username);
  const stranger = await contract.signUp();
  await service(payer.username, 'E911', '1');
  await service(first.username, 'E911', '2');
  await service(first.username, 'Fax', '4');
  await service(second.username, 'Fax', '8');
  await number(second.username, '8008786170', '16');
  await service(stranger.username, 'E911', '32');
  assertSuccess(await contract.call('mrc', { apikey: payer.apikey }), {
    mrc: [{ E911: 3 }, { Fax: 12 }, { did: 16 }, { total: 31 }],
  });
  assertSuccess(await contract.call('mrc', { apikey: first.apikey }), {
    mrc: [{ E911: 2 }, { Fax: 4 }, { did: 0 }, { total: 6 }],
  });
  assertSuccess(await contract.call('mrc', { apikey: second.apikey }), {
    mrc: [{ Fax: 8 }, { did: 16 }, { total: 24 }],
  });
});

test('a service cannot be called did or total', async () => {
  const { username } = await contract.signUp();
  for (const description of ['did', 'total']) {
    await assert.rejects(service(username, description, '1'), { code: 'malformed' });
  }
});

test('400, 401, 429', async () => {
  assertFailure(await contract.call('mrc', {}), 400, 'Field Required: apikey');
  assertFailure(await contract.call('mrc', { apikey: 'x' }), 401, 'Unauthorized');
  const { apikey } = await contract.signUp();
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 6; request++) {
    assert.equal((await contract.call('mrc', { apikey }, address)).status, 200);
  }
  assertFailure(await contract.call('mrc', { apikey }, address), 429, 'Rate limit exceeded');
  contract.assertAllSeen('mrc');
});
