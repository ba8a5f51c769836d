import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pipeCommand } from '../../../test/support/command.ts';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { changeAccount } from '../../domain/account/account.ts';
import { audit } from '../../domain/audit.ts';
import { postByHand } from '../../domain/books/ledger.ts';
import { blockPrefixes } from '../../domain/rating/blocked-prefix.ts';

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
  await blockPrefixes(
    db,
    { who: 'blocker', from: 'test' },
    { prefixes: ['53'], account: null, reason: '', emergencyNumbers: new Set() },
    clock(),
  );
  await audit(
    db,
    TESTER,
    { action: 'webhook disabled', detail: { endpoint: '7', reason: 'failed' } },
    old,
  );
  const csv = Buffer.from('externalId,name,email\no-1,Old,old@example.com\n');
  for (const dryRun of [true, false]) {
    const { status } = await imports(csv, dryRun);
    assert.equal(status, 0);
  }
});

const imports = (csv: Buffer, dryRun: boolean) =>
  pipeCommand(api.env, csv, 'import', 'accounts', '-', ...(dryRun ? ['--dry-run'] : []));

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

const posted = () => `tester posted $12.50 ( payment ): Cheque 17 ${username} test`;

test('the trail tells in sentences who did what', async () => {
  const [one = '', two = ''] = await rows(`account=${username}`);
  assert.equal(one, posted());
  assert.match(two, /^billing 2345678901 changed (?=.*Caller ID from nothing to 2125550100)/);
  assert.match(
    two,
    new RegExp(`from 0\\.007500 to 0\\.025000\\b.* ${username} portal 192\\.0\\.2\\.1$`),
  );
});

test('an import, its dry run and a block without a reason are whole sentences', async () => {
  const said = async (query: string) =>
    (await rows(query)).map((row) => row.replace(/^operator \S+ | – .*$/g, ''));
  assert.deepEqual(await said('person=blocker'), ['blocker blocked 53']);
  const [finished, started, dryFinished, dryStarted] = await said('person=operator');
  assert.deepEqual(
    [started, finished, dryStarted, dryFinished],
    [
      'began an import ( accounts , mapping neutral )',
      'finished an import ( accounts ): 1 created, 0 changed, 0 faulty',
      'began a dry run of an import ( accounts , mapping neutral )',
      'finished a dry run of an import ( accounts ): 1 to be created, 0 to be changed, 0 faulty',
    ],
  );
});

test('it is limited to a person, an action, an account and a day', async () => {
  const count = async (query: string) => (await rows(query)).length;
  assert.deepEqual(
    [await count('person=2345678901'), await count('person=BILLING'), await count('person=none')],
    [1, 1, 0],
  );
  assert.deepEqual(await rows('action=balance+posted'), [posted()]);
  assert.deepEqual(await rows('day=2024-02-29'), [
    'tester turned webhook 7 off: failed – test',
    'tester unheard of – test',
  ]);
  assert.equal(await count('day=2024-02-28'), 0);
  assert.equal(await count(`account=${username}&action=account+changed&person=tester`), 0);
  assert.ok((await count('')) >= 3);
});
