import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { changeAccount } from '../../domain/account/account.ts';
import { audit } from '../../domain/audit.ts';
import { postByHand } from '../../domain/books/ledger.ts';

let operator: Visitor;
let username: number;
const api = sharedService({}, async () => {
  const { username: own, password } = await api.administrator('read-only');
  operator = await Visitor.signedIn(api.url, { username: own, password });
  const { db, queue, clock } = api.service;
  ({ username } = await api.signUp());
  const ann = { who: 'billing 2345678901', from: 'portal 192.0.2.1' };
  const changes = { rate: '0.025', callerId: '2125550100' };
  await changeAccount(db, ann, { queue, now: clock() }, username, changes);
  const entry = { account: username, amount: '12.5', reason: 'Cheque 17', reference: 'r1' };
  await postByHand(db, TESTER, { ...entry, kind: 'payment', at: clock() });
  const old = new Date('2024-02-29T12:00:00Z');
  await audit(db, TESTER, { action: 'unheard of', detail: { a: 1 } }, old);
});

/** The rows of the trail, each as text, without its time. */
async function rows(query: string): Promise<string[]> {
  const { status, body } = await operator.open(`/admin/audit?${query}`);
  assert.equal(status, 200, body);
  const table = /<tbody[\s\S]*<\/tbody>/.exec(body)?.[0] ?? '';
  return [...table.matchAll(/<tr role="row">([\s\S]*?)<\/tr>/g)].map(([, row = '']) =>
    row
      .replace(/<time[\s\S]*?<\/time>/, '')
      .replace(/<[^>]+>/g, ' ')
      .replace(/\s+/g, ' ')
      .trim(),
  );
}

const posted = () => `tester posted $12.500000 ( payment ): Cheque 17 ${username} test`;

test('the trail tells in sentences who did what', async () => {
  const [one = '', two = ''] = await rows(`account=${username}`);
  assert.equal(one, posted());
  assert.match(two, /^billing 2345678901 changed (?=.*Caller ID from nothing to 2125550100)/);
  assert.match(
    two,
    new RegExp(`from 0\\.007500 to 0\\.025000\\b.* ${username} portal 192\\.0\\.2\\.1$`),
  );
});

test('it is limited to a person, an action, an account and a day', async () => {
  const count = async (query: string) => (await rows(query)).length;
  assert.deepEqual(
    [await count('person=2345678901'), await count('person=BILLING'), await count('person=none')],
    [1, 1, 0],
  );
  assert.deepEqual(await rows('action=balance+posted'), [posted()]);
  assert.deepEqual(await rows('day=2024-02-29'), ['tester unheard of – test']);
  assert.equal(await count('day=2024-02-28'), 0);
  assert.equal(await count(`account=${username}&action=account+changed&person=tester`), 0);
  assert.ok((await count('')) >= 3);
});
