import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';

// More than one step of each search reads.
const CALLS = 21_000;

let operator: Visitor;
let customer: Visitor;
let username: number;
const api = sharedService({}, async () => {
  const signIn = async (account: { username: number; password: string }) => {
    const visitor = new Visitor(api.url);
    await visitor.open('/sign-in');
    const { password } = account;
    await visitor.submit('/sign-in', { login: String(account.username), password });
    return visitor;
  };
  operator = await signIn(await api.administrator('read-only'));
  const created = await api.signUp();
  username = created.username;
  customer = await signIn(created);
  await api.service.db.query(
    `INSERT INTO call (billing_account, account, started_at, id, caller, caller_name, called,
       talk_microseconds, billed_seconds, rate, amount, debited, feed, content_digest, received_at,
       outcome)
     SELECT $1::bigint, $1, $2::timestamptz - make_interval(secs => n), md5(n::text)::uuid,
       '2125550100', CASE WHEN n = ${CALLS} THEN 'Jane%20Doe' END,
       CASE WHEN n = ${CALLS} THEN '4155550199' ELSE '3125550199' END,
       n % 2 * 1000000, 6, 0.025, 0.0025, true, 'first', '', $2, CASE WHEN n % 6 = 0 THEN 'busy' END
     FROM generate_series(1, ${CALLS}) n`,
    [username, api.service.clock()],
  );
});

/** The last panel of a page, as text. */
async function list(visitor: Visitor, path: string): Promise<string> {
  const { status, body } = await visitor.open(path);
  assert.equal(status, 200, body);
  assert.match(body, /<\/html>\n$/);
  const panel = body.slice(body.lastIndexOf('<section'), body.indexOf('<footer'));
  return panel
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

test('a search goes on by itself through all calls, and tells how far it came', async () => {
  const places = [
    { visitor: operator, path: '/admin/calls', searched: ['20,000'] },
    { visitor: customer, path: '/calls', searched: ['10,000', '20,000'] },
  ];
  for (const { visitor, path, searched } of places) {
    const found = await list(visitor, `${path}?search=415-555-0199`);
    const told = searched.map((count) => `${count} calls searched so far, back to [^…]+ …`);
    const row = String.raw`[^…]*2125550100 Jane Doe 4155550199 [^…]+\$0\.00[^…]*`;
    const all = 'All calls of this range were searched\\.$';
    assert.match(found, new RegExp(`${told.join(' ')} ${row} ${all}`), path);
    const none = await list(visitor, `${path}?search=999999`);
    assert.match(none, new RegExp(`${told.join(' ')} No call matches\\. ${all}`), path);
  }
});

test('calls of the installation are found by account, feed, outcome and days, and downloaded', async () => {
  const lines = async (query: string, format = 'csv') => {
    const { status, headers, body } = await operator.open(`/admin/calls/calls.${format}?${query}`);
    assert.equal(status, 200, body);
    const today = api.service.clock().toISOString().slice(0, 10);
    const name = headers.get('content-disposition') ?? '';
    assert.match(name, new RegExp(`^attachment; filename="all-calls-.*\\.${format}"$`));
    if (!query.includes('to=')) assert.ok(name.includes(`-${today}.`), name);
    return body.split(/\r?\n/).slice(format === 'csv' ? 1 : 0, -1);
  };
  assert.equal((await lines('')).length, CALLS);
  const [ids, kept] = [(await lines('')).map((line) => line.split(',').at(-2)), new Set<string>()];
  for (const id of ids) kept.add(id ?? '');
  assert.equal(kept.size, CALLS);
  assert.equal((await lines('outcome=answered')).length, CALLS / 2);
  assert.equal(
    (await lines(`account=${username}&feed=first&outcome=not+answered`)).length,
    CALLS / 2,
  );
  const busy = await lines('outcome=busy', 'ndjson');
  assert.deepEqual([busy.length, JSON.parse(busy[0] ?? '').outcome], [CALLS / 6, 'busy']);
  assert.equal((await lines('outcome=failed')).length, 0);
  assert.equal((await lines('account=1000000000')).length, 0);
  assert.equal((await lines('feed=second')).length, 0);
  assert.equal((await lines('from=2001-01-01&to=2001-01-02')).length, 0);
  const [only = '', ...others] = await lines('search=jane+doe', 'ndjson');
  assert.deepEqual([JSON.parse(only).callerName, others.length], ['Jane Doe', 0]);
  const page = await list(operator, `/admin/calls?account=${username}&outcome=answered`);
  assert.equal(page.match(/3125550199/g)?.length, 50);
  assert.match(page, /Older calls$/);
  assert.doesNotMatch(page, /searched|Not answered/);
});
