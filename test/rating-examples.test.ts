import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { changeAccount } from '../src/domain/account/account.ts';
import { storeCalls } from '../src/domain/calls/call.ts';
import { keepPlan, planOf, readPlan } from '../src/domain/numbering-plan.ts';
import { dialledNumber } from '../src/domain/phone-number.ts';
import { readPriceFile } from '../src/domain/rating/price-csv.ts';
import { importPrices } from '../src/domain/rating/price-import.ts';
import { addCustomer, reportedCall } from './support/calls.ts';
import { sharedService, TESTER } from './support/service.ts';

const DOCUMENT = new URL('../docs/rating.md', import.meta.url);

let document: string;
const api = sharedService({}, async () => {
  document = await readFile(DOCUMENT, 'utf8');
});

/** The rows of the document's table with this head. */
function rowsUnder(head: string): string[][] {
  const [, body = ''] = document.split(`${head}\n`);
  const rows = /^(?:\|.*\n)*/.exec(body)?.[0].trim().split('\n').slice(1) ?? [];
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the costs that the document tells are what calls cost', async () => {
  const { db, queue, clock } = api.service;
  const account = await addCustomer(api);
  await changeAccount(db, TESTER, { queue, now: clock() }, account, { rate: '9' });
  const rows = rowsUnder('| the price | talk time | cost |');
  assert.ok(rows.length >= 6);
  for (const [n, [price = '', talk = '', cost = '']] of rows.entries()) {
    const of = (name: string) => new RegExp(`${name} ([0-9.]+)`).exec(price)?.[1] ?? '0';
    const [, minimum = '1', increment = '1'] = /([0-9]+)\/([0-9]+)/.exec(price) ?? [];
    const list = `example-${n}`;
    const csv =
      'prefix,rate,minimum,increment,connect fee,minimum charge\n' +
      `1,${of('rate')},${minimum},${increment},${of('connection fee')},${of('minimum charge')}`;
    const options = { now: clock(), replace: false, dryRun: false };
    await importPrices(db, TESTER, list, (await readPriceFile(csv)).prices, options);
    await changeAccount(db, TESTER, { queue, now: clock() }, account, { priceList: list });
    const seconds = talk === 'not answered' ? 0 : Number(/^([0-9]+) s$/.exec(talk)?.[1]);
    const call = reportedCall({ account, talkMicroseconds: seconds * 1_000_000 });
    await storeCalls(db, 'x', [call], clock());
    const [stored] = await db.query<{ amount: string }>(
      'SELECT amount::text FROM call WHERE id = $1',
      [call.id],
    );
    assert.equal(stored?.amount, /[0-9]+\.[0-9]{6}$/.exec(cost)?.[0], `${price}, ${talk}`);
  }
});

test('the days that the document tells are those that calls count for', async () => {
  const { db, queue, clock } = api.service;
  const rows = rowsUnder(
    '| time zone | a call of 1.00 is stored at | counts for the day | spent that day |',
  );
  assert.ok(rows.length >= 4);
  const accounts = new Map<string, number>();
  for (const [timeZone = '', at = '', day, spent] of rows) {
    const account =
      accounts.get(timeZone) ?? (await addCustomer(api, { rate: '1', increment: 60 }));
    accounts.set(timeZone, account);
    await changeAccount(db, TESTER, { queue, now: clock() }, account, { timeZone });
    const call = reportedCall({ account, startedAt: new Date(at), talkMicroseconds: 60_000_000 });
    await storeCalls(db, 'x', [call], new Date(at));
    const [row] = await db.query(
      `SELECT spent_on::text AS day, round(spent_today, 2)::text AS spent
       FROM balance WHERE account = $1`,
      [account],
    );
    assert.deepEqual(row, { day, spent }, `${timeZone} ${at}`);
  }
});

test('the numbers that the document tells are what is dialled', async () => {
  const rows = rowsUnder('| country | dialled | is |');
  assert.ok(rows.length >= 5);
  for (const [country = '', dialled = '', is = ''] of rows) {
    await keepPlan(api.service.db, country);
    const plan = planOf(await readPlan(country));
    const [, number] = /`([^`]+)`/.exec(is) ?? [];
    for (const [, text = ''] of dialled.matchAll(/`([^`]+)`/g)) {
      assert.equal(dialledNumber(text, plan), number, `${country} ${text}`);
    }
  }
});
