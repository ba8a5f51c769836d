import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertFailure,
  assertSuccess,
  bearer,
  type Contract,
  startContract,
} from '../support/contract.ts';

const message = (email: string) => ({
  message: `Please check your email (${email}) for details`,
});

let contract: Contract;
let disclosing: Contract;
before(async () => {
  [contract, disclosing] = await Promise.all([
    startContract(),
    startContract({ RECOVERY_DISCLOSES: 'true' }),
  ]);
});
after(() => Promise.all([contract.api.stop(), disclosing.api.stop()]));

const recover = (email: unknown) => contract.call('recover', { email });

test('200: the same answer for a known and an unknown address, repeated as given', async () => {
  const { email } = await contract.signUp();
  for (const address of [email, email.toUpperCase(), 'nobody@example.com', "o'neil@example.com"]) {
    assertSuccess(await recover(address), message(address));
  }
});

test('200: a key of any kind is not looked at', async () => {
  const answer = await contract.call('recover', { email: 'a@example.com', apikey: 1 }, bearer('x'));
  assertSuccess(answer, message('a@example.com'));
});

test('200: one mail with a link for each open account of the address', async () => {
  const payer = await contract.signUp('several@example.com');
  const sub = await contract.addSubAccount(payer.username, 'SEVERAL@example.com');
  const closed = await contract.addSubAccount(payer.username, payer.email);
  await contract.close(closed);
  await contract.api.mails(payer.email);
  assertSuccess(await recover(payer.email), message(payer.email));
  const [, mail] = await contract.api.mails(payer.email, 2);
  const text = mail?.text ?? '';
  assert.match(text, new RegExp(`account ${payer.username}:`));
  assert.match(text, new RegExp(`account ${sub.username}:`));
  assert.doesNotMatch(text, new RegExp(String(closed.username)));
  assert.equal(new Set(text.match(/\/reset\?token=\S+/g)).size, 2);
});

test('400: an address that is missing or at fault', async () => {
  const wrong = [
    undefined,
    null,
    '',
    0,
    1,
    true,
    {},
    [],
    ['a@example.com'],
    ' ',
    'x',
    'a@b',
    'a@example.com ',
    'a@example.com\r\nBcc: b@example.com',
    '%',
    `${'x'.repeat(250)}@example.com`,
  ];
  for (const email of wrong) {
    assertFailure(await recover(email), 400, 'Field: email', 'Must be valid');
  }
});

test('404: where the operator has chosen to tell', async () => {
  const { email, username } = await disclosing.signUp();
  assertSuccess(await disclosing.call('recover', { email }), message(email));
  const unknown = { email: 'nobody@example.com' };
  assertFailure(await disclosing.call('recover', unknown), 404, 'Email address not found');
  await disclosing.close({ username });
  assertFailure(await disclosing.call('recover', { email }), 404, 'Email address not found');
  const address = { 'x-forwarded-for': '192.0.2.1' };
  for (let request = 0; request < 20; request++) {
    assert.equal((await disclosing.call('recover', unknown, address)).status, 404);
  }
  assertFailure(
    await disclosing.call('recover', { email: 'x' }, address),
    429,
    'Rate limit exceeded',
  );
  assertFailure(await disclosing.call('recover', {}), 400, 'Field: email', 'Must be valid');
  disclosing.assertAllSeen('recover');
});
