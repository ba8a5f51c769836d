import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPromotion } from '../src/domain/account/promotion.ts';
import { reconcile } from '../src/domain/books/proof.ts';
import { cleanUp } from '../src/jobs/clean-up.ts';
import { linkIn, sharedService, submit, TESTER, untilServed } from './support/service.ts';

const api = sharedService();

function create(code: string, usesLimit: number | null = null, hours?: number): Promise<void> {
  const now = api.service.clock();
  const validUntil = hours === undefined ? null : new Date(now.getTime() + hours * 3_600_000);
  const promotion = { code, amount: '5.25', validUntil, usesLimit };
  return createPromotion(api.service.db, TESTER, promotion, now);
}

async function uses(code: string): Promise<number | undefined> {
  const [row] = await api.service.db.query<{ uses: number }>(
    'SELECT uses FROM promotion WHERE code = $1',
    [code],
  );
  return row?.uses;
}

const cash = async (apikey: string) => (await api.call('info', {}, apikey)).body.account[0].cash;

const verify = async (email: string) => submit(linkIn((await api.mails(email))[0], 'verify'));

test('a promotion is credited when the address is verified, once, in any case of its letters', async () => {
  await create('Welcome5');
  const { apikey, username, email } = await api.signUp(undefined, 'wELCOME5');
  assert.equal(await cash(apikey), 0);
  assert.equal((await verify(email)).status, 200);
  assert.equal(await cash(apikey), 5.25);
  assert.equal((await verify(email)).status, 400);
  assert.equal(await cash(apikey), 5.25);
  const entries = await api.service.db.query(
    'SELECT kind, amount::text, reason, reference, actor FROM ledger_entry WHERE account = $1',
    [username],
  );
  assert.deepEqual(entries, [
    {
      kind: 'promotion',
      amount: '5.250000',
      reason: 'Promotion Welcome5',
      reference: 'promotion Welcome5',
      actor: 'signup',
    },
  ]);
  const plain = await api.signUp();
  await verify(plain.email);
  assert.equal(await cash(plain.apikey), 0);
});

test('what was promised within its dates is credited after them', async () => {
  await create('ONEHOUR', null, 1);
  const { apikey, email } = await api.signUp(undefined, 'ONEHOUR');
  api.advance(3_601);
  const late = await api.call('signup', { name: 'x', email: 'late@example.com', promo: 'ONEHOUR' });
  assert.equal(late.status, 400);
  await verify(email);
  assert.equal(await cash(apikey), 5.25);
});

test('of a hundred that sign up with the last use at once, one gets it', async () => {
  await create('LAST', 3);
  for (let use = 0; use < 2; use++) await api.signUp(undefined, 'LAST');
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      untilServed(() =>
        api.call('signup', { name: 'x', email: `last${n}@example.com`, promo: 'LAST' }),
      ),
    ),
  );
  const refused = answers.filter(({ status }) => status === 400);
  assert.equal(refused.length, 99);
  for (const { body } of refused) {
    assert.deepEqual(body, {
      statusCode: '400',
      status: 'Error',
      message: 'Field: promo',
      requirement: 'Must be a valid promotion code',
    });
  }
  assert.equal(await uses('LAST'), 3);
  const winner = answers.findIndex(({ status }) => status === 200);
  await verify(`last${winner}@example.com`);
});

test('a use that nobody verifies within a week can be had by others', async () => {
  await create('SCARCE', 1);
  const first = await api.signUp(undefined, 'SCARCE');
  const second = { name: 'x', email: 'second@example.com', promo: 'SCARCE' };
  assert.equal((await api.call('signup', second)).status, 400);
  api.advance(7 * 86_400 + 1);
  await cleanUp(api.service);
  assert.equal((await api.call('signup', second)).status, 200);
  await verify('second@example.com');
  assert.equal((await verify(first.email)).status, 400);
  assert.equal(await cash(first.apikey), 0);
  assert.equal(await uses('SCARCE'), 1);
  api.advance(30 * 86_400);
  await cleanUp(api.service);
  assert.equal(await uses('SCARCE'), 1, 'what was credited stays used');
  assert.deepEqual((await reconcile(api.service.db)).imbalances, []);
});
