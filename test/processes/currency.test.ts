import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireCurrency } from '../../src/domain/books/currency.ts';
import { postByHand } from '../../src/domain/books/ledger.ts';
import { storeCalls } from '../../src/domain/calls/call.ts';
import { BUILT_IN_TEXTS } from '../../src/mail/read-texts.ts';
import { sampleMail } from '../../src/mail/samples.ts';
import { reportedCall } from '../support/calls.ts';
import { runCommand } from '../support/command.ts';
import { startService, TESTER, type TestService } from '../support/service.ts';
import { Visitor } from '../support/visitor.ts';

/** The texts of all amounts of a page, without marks of direction and with plain blanks. */
const amountsOf = (body: string) =>
  [
    ...body.matchAll(
      /<data class="money"[^>]*>([^<]*)<\/data>|<text x="100%" y="[^"]*">([^<]*)<\/text>/g,
    ),
  ].map(([, amount, tick]) => (amount ?? tick ?? '').replace(/\u00a0/g, ' '));

async function pagesOf(
  api: TestService,
  { username, password }: { username: number; password: string },
  paths: string[],
  language: string,
): Promise<string[][]> {
  const visitor = await Visitor.signedIn(api.url, { username, password });
  const { db, clock } = api.service;
  await db.query('UPDATE account SET rate = 1.5 WHERE username = $1', [username]);
  const paid = { account: username, amount: '1234.5', reason: 'x', at: clock() };
  await postByHand(db, TESTER, { ...paid, kind: 'payment' });
  const call = reportedCall({
    account: username,
    startedAt: clock(),
    talkMicroseconds: 60_000_000,
  });
  await storeCalls(db, 'pbx', [call], clock());
  const shown = [];
  for (const path of paths) {
    const { status, body } = await visitor.open(path, { 'accept-language': language });
    assert.equal(status, 200, path);
    shown.push([...new Set(amountsOf(body))]);
  }
  return shown;
}

// The decimals of ISO 4217: two of EUR, none of JPY, three of KWD.
const CURRENCIES = [
  {
    currency: 'EUR',
    language: 'de',
    overview: ['1.233,00 €', '1,50 €', '0,00 €', '0 €', '500 €', '1.000 €', '1.500 €'],
    statement: ['0,00 €', '+1.234,50 €', '−1,50 €', '1.233,00 €', '1,50 €'],
    mail: /Summe +21,95\u00a0€/,
    command: '1233.00 EUR',
  },
  {
    currency: 'JPY',
    language: 'en',
    overview: ['¥1,233', '¥2', '¥0', '¥1.5', '¥500', '¥1,000', '¥1,500'],
    statement: ['¥0', '+¥1,235', '−¥2', '¥1,233', '¥2'],
    mail: /Total +¥21.95/,
    command: '1233 JPY',
  },
  {
    currency: 'KWD',
    language: 'en',
    overview: [
      'KWD 1,233.000',
      'KWD 1.500',
      'KWD 0.000',
      'KWD 0',
      'KWD 500',
      'KWD 1,000',
      'KWD 1,500',
    ],
    statement: ['KWD 0.000', '+KWD 1,234.500', '−KWD 1.500', 'KWD 1,233.000', 'KWD 1.500'],
    mail: /Total +KWD\u00a021.950/,
    command: '1233.000 KWD',
  },
] as const;

for (const { currency, language, overview, statement, mail, command } of CURRENCIES) {
  test(`pages, mails and the command show ${currency} with its own decimals`, async () => {
    const api = await startService({ CURRENCY: currency });
    try {
      const administrator = await api.administrator();
      const month = api.service.clock().toISOString().slice(0, 7);
      const paths = ['/overview', `/charges/statement?month=${month}`];
      const [first = [], second = []] = await pagesOf(api, administrator, paths, language);
      assert.deepEqual(first.toSorted(), [...overview].toSorted());
      assert.deepEqual(second.toSorted(), [...statement].toSorted());
      const sender = {
        ...{ publicUrl: api.url, brand: api.service.config.brand, currency, language },
        texts: BUILT_IN_TEXTS,
      };
      assert.match((await sampleMail(sender, 'monthly charge')).text, mail);
      const env = { ...api.env, CURRENCY: currency };
      const { stdout } = await runCommand(env, 'account', 'show', String(administrator.username));
      assert.match(stdout, new RegExp(`^Balance +${command}$`, 'm'));
    } finally {
      await api.stop();
    }
  });
}

test('the currency is fixed once anything was posted', async () => {
  const api = await startService();
  try {
    const { db, clock } = api.service;
    await requireCurrency(db, 'USD');
    await requireCurrency(db, 'EUR');
    const { username } = await api.signUp();
    const paid = { account: username, amount: '1', reason: 'x', at: clock() };
    await postByHand(db, TESTER, { ...paid, kind: 'payment' });
    await requireCurrency(db, 'EUR');
    const { status, stderr } = await runCommand(api.env, 'account', 'list');
    assert.deepEqual(
      [status, stderr],
      [1, 'account-api: CURRENCY is USD, but the amounts in the books are EUR; set CURRENCY=EUR\n'],
    );
    const wrong = await runCommand({ ...api.env, CURRENCY: 'XYZ' }, 'account', 'list');
    assert.match(wrong.stderr, /^account-api: CURRENCY must be a code of ISO 4217/);
  } finally {
    await api.stop();
  }
});
