import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  startContract,
} from '../support/contract.ts';
import { post } from '../support/service.ts';

let contract: Contract;
let feed: string;
before(async () => {
  contract = await startContract();
  feed = await contract.api.feed('generic');
});
after(() => contract.api.stop());

async function report(username: number, contact: string, more: object = {}): Promise<void> {
  const ts = contract.api.service.clock().getTime() / 1_000;
  const event = {
    event: 'register',
    user: String(username),
    contact,
    user_agent: 'Zoiper rv2.8.97/',
    expires: 60,
    ts,
    ...more,
  };
  const { body } = await post(`${contract.api.url}/ingest/v1/registrations`, event, {
    authorization: feed,
  });
  assert.equal(body.stored, 1);
}

test('200: the contact that a switch reported', async () => {
  const { username, apikey } = await contract.signUp();
  const agent = 'Zoiper rv2.8.97/';
  const uri = `sip:${username}@192.0.2.1:5060`;
  await report(username, `<sip:${username}@192.0.2.1:5060;transport=UDP>`);
  assertSuccess(await contract.call('registration', { apikey }), { account: { uri, agent } });
  assertSuccess(await contract.call('registration', undefined, bearer(apikey)), {
    account: { uri, agent },
  });
});

test('200: the newest contact that has not expired', async () => {
  const { username, apikey } = await contract.signUp();
  const uri = async () => (await contract.call('registration', { apikey })).body.account?.uri;
  await report(username, 'sip:x@192.0.2.1:5060', { expires: 600 });
  await report(username, 'sip:x@[2001:db8::1]:5061;transport=tls', { expires: 60, user_agent: '' });
  assertSuccess(await contract.call('registration', { apikey }), {
    account: { uri: `sip:${username}@[2001:db8::1]:5061`, agent: '' },
  });
  contract.api.advance(61);
  assert.equal(await uri(), `sip:${username}@192.0.2.1:5060`);
  await report(username, 'sip:x@192.0.2.2', { expires: 60 });
  assert.equal(await uri(), `sip:${username}@192.0.2.2`);
  await report(username, 'sip:x@192.0.2.2', { event: 'unregister' });
  assert.equal(await uri(), `sip:${username}@192.0.2.1:5060`);
  contract.api.advance(600);
  assertFailure(await contract.call('registration', { apikey }), 404, 'Not registered');
});

test('429: many wrong keys from one address; a good one is let through', async () => {
  const headers = { 'x-forwarded-for': '203.0.113.51' };
  const ask = (key: string) => contract.call('registration', {}, { ...headers, ...bearer(key) });
  const wrong = await Promise.all(Array.from({ length: 120 }, (_, n) => ask(`wrong ${n}`)));
  assert.ok(wrong.every(({ status }) => status === 401));
  assertFailure(await ask('wrong'), 429, 'Rate limit exceeded');
  const { apikey } = await contract.signUp();
  assertFailure(await ask(apikey), 404, 'Not registered');
});

test('400, 401, 404', async () => {
  assertFailure(await contract.call('registration'), 400, 'Field Required: apikey');
  assertFailure(await contract.call('registration', { apikey: 'x' }), 401, 'Unauthorized');
  const payer = await contract.signUp();
  const sub = await contract.addSubAccount(payer.username);
  await report(sub.username, 'sip:x@192.0.2.3');
  const { apikey } = payer;
  assertFailure(await contract.call('registration', { apikey }), 404, 'Not registered');
  contract.assertAllSeen('registration');
});

test('there is no limit', async () => {
  const { apikey } = await contract.signUp();
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 30; request++) {
    assert.equal((await contract.call('registration', { apikey }, address)).status, 404);
  }
});
