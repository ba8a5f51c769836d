import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService, TESTER } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { postByHand } from '../../domain/books/ledger.ts';
import { dayOf } from '../../domain/day.ts';

const api = sharedService();

test('a credit on invoice is shown as unpaid until it is paid, in both languages', async () => {
  const { db, clock } = api.service;
  const [{ username, password }, administrator] = [await api.signUp(), await api.administrator()];
  const book = { account: username, amount: '50', reason: 'Invoice 7', at: clock() };
  const { id } = await postByHand(db, TESTER, { ...book, kind: 'credit on invoice' });
  const month = dayOf(clock(), 'UTC').slice(0, 7);
  const signIn = async (login: number, password: string) => {
    const visitor = await Visitor.signedIn(api.url, { username: login, password });
    return visitor;
  };
  const customer = await signIn(username, password);
  const operator = await signIn(administrator.username, administrator.password);
  const pages = [
    [customer, '/charges'],
    [customer, `/charges/statement?month=${month}`],
    [operator, `/admin/accounts/${username}/money`],
  ] as const;
  const assertShown = async (language: string, kind: string) => {
    for (const [visitor, path] of pages) {
      const { status, body } = await visitor.open(path, { 'accept-language': language });
      assert.equal(status, 200, path);
      assert.ok(body.includes(`>${kind}<`), `${path} shows ${kind}`);
    }
  };
  await assertShown('en', 'Credit on invoice, unpaid');
  await assertShown('de', 'Kredit auf Rechnung, offen');
  await postByHand(db, TESTER, { ...book, kind: 'payment', settles: id });
  await assertShown('en', 'Credit on invoice, paid');
  await assertShown('de', 'Kredit auf Rechnung, bezahlt');
});
