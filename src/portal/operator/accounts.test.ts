import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandJson } from '../../../test/support/command.ts';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';

// Name, dollars, and SQL that makes the account's state.
const ACCOUNTS: [string, string, string?][] = [
  ['Bravo', '90'],
  ['alpha', '4', 'UPDATE account SET verified_at = now() WHERE username = $1'],
  ['Charlie', '70', 'UPDATE account SET enabled = false WHERE username = $1'],
  ['Delta', '0', 'UPDATE balance SET suspended = true WHERE account = $1'],
  ['Echo', '60', 'UPDATE account SET closed_at = now() WHERE username = $1'],
];

let operator: Visitor;
const api = sharedService({}, async () => {
  const { username, password } = await api.administrator('read-only');
  operator = await Visitor.signedIn(api.url, { username, password });
  for (const [name, cash, sql] of ACCOUNTS) {
    const created = await api.signUp();
    const set = 'UPDATE account SET name = $2 WHERE username = $1';
    await api.service.db.query(set, [created.username, name]);
    const pay = 'UPDATE balance SET cash = $2 WHERE account = $1';
    await api.service.db.query(pay, [created.username, cash]);
    if (sql) await api.service.db.query(sql, [created.username]);
  }
});

/** The names of a list's rows, in their order; the staff's own account is left out. */
async function names(query: string): Promise<string[]> {
  const { status, body } = await operator.open(`/admin/accounts?${query}`);
  assert.equal(status, 200, body);
  const table = /<tbody[\s\S]*<\/tbody>/.exec(body)?.[0] ?? '';
  return table.match(/Bravo|alpha|Charlie|Delta|Echo/g) ?? [];
}

test('accounts are limited to a state, and each state is counted', async () => {
  assert.deepEqual(
    Object.fromEntries(
      await Promise.all(
        ['open', 'suspended', 'low balance', 'unverified', 'disabled', 'closed'].map(
          async (state) => [state, (await names(`state=${state}&order=name`)).join(' ')] as const,
        ),
      ),
    ),
    {
      open: 'alpha Bravo Charlie Delta',
      suspended: 'Delta',
      'low balance': 'alpha Delta',
      unverified: 'Bravo Charlie Delta',
      disabled: 'Charlie',
      closed: 'Echo',
    },
  );
  const { body } = await operator.open('/admin/accounts?state=closed');
  const counts = [...body.matchAll(/>([A-Za-z ]+?) <span class="count">(\d+)</g)].map(
    ([, name, count]) => `${name} ${count}`,
  );
  // The staff's own account counts as one with a low balance, too.
  assert.deepEqual(counts, [
    'All 6',
    'Open 5',
    'Suspended 1',
    'Low balance 3',
    'Not verified 3',
    'Disabled 1',
    'Closed 1',
  ]);
});

test('accounts are sorted, also from page to page', async () => {
  const sorted = ['alpha', 'Bravo', 'Charlie', 'Delta', 'Echo'];
  assert.deepEqual(await names('order=name'), sorted);
  assert.deepEqual(await names('order=balance'), ['Delta', 'alpha', 'Echo', 'Charlie', 'Bravo']);
  assert.deepEqual(await names('order=newest'), ['Echo', 'Delta', 'Charlie', 'alpha', 'Bravo']);
  assert.deepEqual(await names('order=nonsense&state=nonsense'), await names(''));
  for (const order of ['name', 'balance', 'newest', 'username']) {
    const seen: string[] = [];
    let after: string[] = [];
    do {
      const page = await commandJson(
        api.env,
        'account',
        'list',
        '--order',
        order,
        '--limit',
        '4',
        ...after,
      );
      seen.push(...page.accounts.map(({ name }: { name: string }) => name));
      after = page.next === null ? [] : ['--after', String(page.next)];
    } while (after.length > 0);
    assert.deepEqual(seen.toSorted(), ['Administrator', ...sorted].toSorted(), order);
    if (order === 'name') assert.deepEqual(seen.slice(1, 3), ['alpha', 'Bravo']);
  }
});
