import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedService } from '../../../test/support/service.ts';
import { Visitor } from '../../../test/support/visitor.ts';
import { describeAccount } from '../../domain/account/account-directory.ts';
import { searchAudit } from '../../domain/audit.ts';
import { reconcile } from '../../domain/books/proof.ts';
import { countCallHours } from '../../domain/calls/call-hour.ts';
import { reportContacts } from '../../domain/sip/reported-contact.ts';

let operator: Visitor;
let administrator: { username: number; password: string; apikey: string };
const api = sharedService({ REGISTRATION_URI: 'received' }, async () => {
  administrator = await api.administrator();
  operator = await Visitor.signedIn(api.url, administrator);
});

/** Opens a page, which must exist. @returns its text without tags */
async function textOf(path: string): Promise<string> {
  const page = await operator.open(path);
  assert.equal(page.status, 200, `${path}: ${page.body}`);
  return page.body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
}

const PAGES = [
  ...['', '/accounts', '/accounts/new', '/promotions', '/feeds', '/rejected', '/explain'],
  '/audit',
];

test('an administrator lands on the dashboard; for customers the pages do not exist', async () => {
  const { location } = await operator.open('/');
  assert.equal(location, '/admin');
  const customer = await api.signUp();
  const visitor = await Visitor.signedIn(api.url, customer);
  const paths = [
    ...PAGES,
    `/accounts/${customer.username}`,
    `/accounts/${customer.username}/money`,
  ];
  for (const path of paths.map((page) => `/admin${page}`)) {
    assert.equal((await operator.open(path)).status, 200, path);
    assert.equal((await visitor.open(path)).status, 404, path);
    const stranger = await new Visitor(api.url).open(path);
    assert.deepEqual([stranger.status, stranger.location?.split('?')[0]], [303, '/sign-in']);
  }
  await visitor.open('/overview');
  const attempt = await visitor.post(`/admin/accounts/${customer.username}/money`, {
    amount: '5',
    reason: 'gift',
    reference: 'x',
    direction: 'credit',
  });
  assert.equal(attempt.status, 404);
  assert.equal((await describeAccount(api.service.db, customer.username)).cash, '0.000000');
});

test('an account is found by name, address, username and number, page by page', async () => {
  const { username, email } = await api.signUp('finder@example.com');
  await api.service.db.query(
    "INSERT INTO number (number, account, monthly, added_at) VALUES ('2125550166', $1, 1, now())",
    [username],
  );
  const digits = String(username);
  const typed = `(${digits.slice(0, 3)}) ${digits.slice(3, 6)}-${digits.slice(6)}`;
  for (const search of [digits, typed, 'FINDER@', email, '+1 212 555-0166', '555-0166']) {
    const page = await textOf(`/admin/accounts?search=${encodeURIComponent(search)}`);
    assert.match(page, new RegExp(digits), search);
  }
  assert.match(await textOf('/admin/accounts?search=zzz'), /Nothing matches “zzz”/);
  assert.doesNotMatch(await textOf(`/admin/accounts?after=${username}`), /finder@example/);
});

test('a sub-account is added and credited through its payer, and the trail tells who', async () => {
  const { db } = api.service;
  const { username: payer } = await api.signUp();
  await operator.open(`/admin/accounts/new?master=${payer}`);
  const wrong = await operator.submit('/admin/accounts/new', { name: '', email: 'x' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /Please give a name of 1 to 100 characters/);
  const added = await operator.submitAndFollow('/admin/accounts/new', {
    name: 'Branch & Sons',
    email: 'branch@example.com',
  });
  assert.equal(added.status, 200, added.body);
  const [, username = ''] = /\/admin\/accounts\/(\d{10})/.exec(added.body) ?? [];
  const [, password = ''] = /<code>(\w{10})<\/code>/.exec(added.body) ?? [];
  assert.equal((await api.call('apikey', { username, password })).status, 200);
  assert.match(await textOf(`/admin/accounts/${payer}`), /Branch &#38; Sons/);
  assert.match(await textOf(`/admin/accounts/${username}`), new RegExp(`${payer} pays for this`));

  await operator.open(`/admin/accounts/${payer}/money`);
  const fields = { amount: '12.5', reason: 'Cheque 17', direction: 'credit' };
  const bad = await operator.submit(`/admin/accounts/${payer}/money`, { ...fields, amount: '-1' });
  assert.equal(bad.status, 400);
  const credited = await operator.submit(`/admin/accounts/${payer}/money`, fields);
  assert.deepEqual([credited.status, credited.location], [303, `/admin/accounts/${payer}/money`]);
  const beside = await textOf(`/admin/accounts/${payer}/money`);
  assert.match(beside, /Credited \$12\.50, balance \$12\.50\./);
  const [entry] = await db.query<{ id: number; reference: string }>(
    'SELECT id, reference FROM ledger_entry WHERE account = $1',
    [payer],
  );
  await operator.open(`/admin/accounts/${payer}/money`);
  await operator.submit(`/admin/accounts/${payer}/money`, {
    ...fields,
    reference: entry?.reference ?? '',
  });
  assert.match(await textOf(`/admin/accounts/${payer}/money`), /This was posted already.*\$12\.50/);
  assert.equal((await describeAccount(db, payer)).cash, '12.500000');

  await operator.open(`/admin/accounts/${payer}/money`);
  await operator.submit(`/admin/accounts/${payer}/reverse`, {});
  assert.match(await textOf(`/admin/accounts/${payer}/money`), /Reversal .*−\$12\.50.* Reversed/);
  const { body: ledger } = await operator.open(`/admin/accounts/${payer}/money`);
  assert.doesNotMatch(ledger, /\/reverse/, 'nothing is left to reverse');
  assert.equal((await describeAccount(db, payer)).cash, '0.000000');
  const trail = await searchAudit(db, { account: payer }, { limit: 10 });
  assert.deepEqual(
    trail.map(({ actor, origin, action }) => [actor, origin, action]),
    [
      [`administrator ${administrator.username}`, 'portal 127.0.0.1', 'entry reversed'],
      [`administrator ${administrator.username}`, 'portal 127.0.0.1', 'balance posted'],
    ],
  );
  assert.match(
    await textOf(`/admin/audit?account=${payer}`),
    new RegExp(`administrator ${administrator.username} reversed entry ${entry?.id} `),
  );

  await operator.open(`/admin/accounts/${payer}/money`);
  const lent = { amount: '30', reason: 'Invoice 7', direction: 'invoice' };
  await operator.submit(`/admin/accounts/${payer}/money`, lent);
  const unpaid = await textOf(`/admin/accounts/${payer}/money`);
  assert.match(unpaid, /Credit on invoice, unpaid Invoice 7 .*Invoice paid/);
  await operator.submit(`/admin/accounts/${payer}/settle`);
  const paid = await textOf(`/admin/accounts/${payer}/money`);
  assert.match(paid, /Credit on invoice, paid Invoice 7/);
  assert.doesNotMatch(paid, /Invoice paid/);
  assert.equal((await describeAccount(db, payer)).cash, '30.000000');
  assert.deepEqual((await reconcile(db)).imbalances, []);
});

test('settings, services and numbers are changed; what is wrong is said at its field', async () => {
  const { db } = api.service;
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  await operator.open(`${path}/settings`);
  const wrong = await operator.submit(`${path}/settings`, { rate: 'cheap', timeZone: 'Mars' });
  assert.equal(wrong.status, 400);
  assert.match(wrong.body, /id="rate-problem">Please give an amount per minute/);
  assert.match(wrong.body, /id="timeZone-problem">This time zone is not known/);
  await operator.open(`${path}/settings`);
  const saved = await operator.submit(`${path}/settings`, {
    rate: '0.025',
    increment: '30/6',
    callerId: '2125550100',
    timeZone: 'Europe/Berlin',
    maxCalls: '3',
    billing: 'postpaid',
    creditLimit: '50',
  });
  assert.equal(saved.status, 303, saved.body);
  await operator.open(`${path}/services`);
  await operator.submit(`${path}/services`, { description: 'E911', descriptionMonthly: '1.5' });
  await operator.open(`${path}/numbers`);
  await operator.submit(`${path}/numbers`, { number: '+1 (212) 555-0177', numberMonthly: '2' });
  const { rate, minimumSeconds, incrementSeconds, callerId, timeZone, maxCalls, ...account } =
    await describeAccount(db, username);
  assert.deepEqual(
    [rate, minimumSeconds, incrementSeconds, callerId, timeZone, maxCalls],
    ['0.025000', 30, 6, '2125550100', 'Europe/Berlin', 3],
  );
  assert.deepEqual(
    [account.billing, account.creditLimit, account.enabled, account.notify],
    ['postpaid', '50.000000', true, true],
  );
  assert.deepEqual(
    [account.services.map((s) => s.description), account.numbers.map((n) => n.number)],
    [['E911'], ['2125550177']],
  );
  await operator.open(`${path}/numbers`);
  const taken = await operator.submit(`${path}/numbers`, {
    number: '2125550177',
    numberMonthly: '1',
  });
  assert.equal(taken.status, 400);
  assert.match(taken.body, /2125550177 is in use/);
  await operator.open(`${path}/services`);
  await operator.submit(`${path}/services/remove`);
  await operator.open(`${path}/numbers`);
  await operator.submit(`${path}/numbers/remove`);
  const after = await describeAccount(db, username);
  assert.deepEqual([after.services, after.numbers], [[], []]);
});

test('new credentials are shown once, and closing wants the username', async () => {
  const { username, password, apikey } = await api.signUp();
  const current = administrator.password;
  const path = `/admin/accounts/${username}`;
  await operator.open(`${path}/credentials`);
  const renewed = await operator.submitAndFollow(`${path}/password`, { current });
  const [, fresh = ''] = /<code>(\w{10})<\/code>/.exec(renewed.body) ?? [];
  assert.equal((await api.call('apikey', { username, password })).status, 401);
  assert.equal((await api.call('apikey', { username, password: fresh })).status, 200);
  assert.equal((await api.call('info', {}, apikey)).status, 401);
  await operator.open(`${path}/credentials`);
  const keyed = await operator.submitAndFollow(`${path}/key`, { current });
  const [, key = ''] = /<code>([0-9a-f]{32})<\/code>/.exec(keyed.body) ?? [];
  assert.equal((await api.call('info', {}, key)).status, 200);
  await operator.open(`${path}/credentials`);
  assert.equal((await operator.submit(`${path}/close`, { confirm: '1' })).status, 400);
  assert.equal((await operator.submit(`${path}/close`, { confirm: String(username) })).status, 303);
  assert.match(await textOf(path), /This account is closed/);
  assert.equal((await api.call('info', {}, key)).status, 401);
});

test('a page tells what a call costs and why, as the country of a feed reads its number', async () => {
  const { username } = await api.signUp();
  await api.feed('generic', { name: 'pbx-gb', country: 'GB' });
  const explain = async (query: Record<string, string>) => {
    const asked = { account: String(username), seconds: '60', ...query };
    return operator.open(`/admin/explain?${new URLSearchParams(asked)}`);
  };
  const { body, status } = await explain({ number: '02079460000', feed: 'pbx-gb' });
  assert.equal(status, 200);
  const text = body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
  assert.match(text, /Country GB \(feed\) Number \+442079460000 Emergency number No/);
  assert.match(
    text,
    /Price The account&#39;s own rate Rate per minute \$\S+ Highest rate None Minimum\/increment 6\/6/,
  );
  const help = (await explain({ number: '911' })).body;
  assert.match(help, /Yes: always allowed, only its own price counts/);
  const unknown = await explain({ number: '911', account: '9999999999' });
  assert.deepEqual([unknown.status, /There is no such account/.test(unknown.body)], [400, true]);
  const none = await explain({ number: 'x' });
  assert.equal(none.status, 400);
});

test('promotions and feeds are made, and a feed is refused once it is removed', async () => {
  await operator.open('/admin/promotions');
  const promotion = { code: 'SPRING', amount: '5', usesLimit: '10' };
  assert.equal((await operator.submit('/admin/promotions', promotion)).status, 303);
  assert.match(await textOf('/admin/promotions'), /SPRING without end 0 of 10 \$5\.00/);
  assert.equal((await operator.submit('/admin/promotions', promotion)).status, 400);

  await operator.open('/admin/feeds');
  const feed = { name: 'pbx9', format: 'generic', debits: 'service', networks: 'nowhere' };
  assert.match(
    (await operator.submit('/admin/feeds', feed)).body,
    /Please give addresses or CIDRs/,
  );
  const added = await operator.submitAndFollow('/admin/feeds', {
    ...feed,
    networks: '127.0.0.0/8, ::1',
  });
  const [, secret = ''] = /<code>([\w-]{32})<\/code>/.exec(added.body) ?? [];
  const send = async () => {
    const authorization = `Basic ${Buffer.from(`pbx9:${secret}`).toString('base64')}`;
    const url = `${api.url}/ingest/v1/calls/generic`;
    return (await fetch(url, { method: 'POST', headers: { authorization }, body: '' })).status;
  };
  assert.match(added.body, new RegExp(`<code>${api.url}/ingest/v1/calls/generic</code>`));
  assert.match(added.body, new RegExp(`<code>${api.url}/ingest/v1/registrations</code>`));
  assert.equal(await send(), 200);
  await operator.open('/admin/feeds');
  await operator.submit('/admin/feeds/remove', { name: 'pbx9' });
  assert.equal(await send(), 401);
});

test('a rejected record is shown as it came and replayed; the dashboard counts its call', async () => {
  const { db, clock } = api.service;
  const authorization = await api.feed('generic');
  const account = 2_999_999_991;
  const start = Math.floor(clock().getTime() / 1_000);
  const record = JSON.stringify({
    id: '<b>1</b>',
    account,
    start,
    duration: 40,
    cid: '2125550100',
    dst: '2125550101',
  });
  const url = `${api.url}/ingest/v1/calls/generic`;
  await fetch(url, { method: 'POST', headers: { authorization }, body: record });
  const list = await operator.open('/admin/rejected');
  assert.match(list.body, /there is no account 2999999991/);
  const [, page = ''] = /href="(\/admin\/rejected\/\d+)"/.exec(list.body) ?? [];
  const shown = await operator.open(page);
  assert.match(shown.body, /&#60;b&#62;1&#60;\/b&#62;/);
  const still = await operator.submit(`${page}/replay`);
  assert.match(still.body, /It is still rejected: there is no account 2999999991/);
  const added = await api.call(
    'add',
    { name: 'Late', username: account, email: 'late@example.com' },
    administrator.apikey,
  );
  assert.equal(added.status, 200);
  await operator.open(page);
  assert.equal((await operator.submit(`${page}/replay`)).location, '/admin/rejected');
  assert.match(
    await textOf('/admin/rejected'),
    /The record is dealt with.*No rejected record is open/,
  );
  await countCallHours(db, clock());
  const [sum] = await db.query<{ calls: number; amount: string }>(
    'SELECT sum(calls)::int AS calls, sum(amount)::text AS amount FROM call_hour',
  );
  assert.deepEqual(sum, { calls: 1, amount: '0.005250' });
  assert.match(await textOf('/admin'), /Revenue of 30 days \$0\.01 1 call /);
  assert.equal((await operator.open('/admin/rejected/999')).status, 404);
  assert.equal((await operator.open('/admin/accounts/nobody')).status, 404);
});

test('a rejected record is dismissed with a reason, and stays so when it comes again', async () => {
  const authorization = await api.feed('generic');
  const url = `${api.url}/ingest/v1/calls/generic`;
  const send = () =>
    fetch(url, { method: 'POST', headers: { authorization }, body: '{"test": 1}' });
  await send();
  const list = await operator.open('/admin/rejected');
  const [, page = ''] = /href="(\/admin\/rejected\/\d+)"/.exec(list.body) ?? [];
  await operator.open(page);
  const without = await operator.submit(`${page}/dismiss`, { reason: ' ' });
  assert.deepEqual([without.status, /Please give 1 to 200/.test(without.body)], [400, true]);
  const done = await operator.submit(`${page}/dismiss`, { reason: 'Test of the new PBX' });
  assert.deepEqual([done.status, done.location], [303, '/admin/rejected']);
  await send();
  assert.match(
    await textOf('/admin/rejected'),
    /The record is dismissed.*0 records rejected.*No rejected record is open/,
  );
  assert.match(await textOf('/admin/audit'), /dismissed rejected records .*: Test of the new PBX/);
  assert.match(
    await (await fetch(`${api.url}/metrics`)).text(),
    /^account_api_records_rejected 0$/m,
  );
  assert.equal((await operator.open(page)).status, 404);
});

test('an account shows the address of its phone that REGISTRATION_URI names', async () => {
  const { db, clock } = api.service;
  const { username } = await api.signUp();
  const reportedAt = clock();
  const expiresAt = new Date(reportedAt.getTime() + 60_000);
  const contact = `sip:${username}@192.0.2.1:5060`;
  const received = 'sip:198.51.100.7:34512';
  await reportContacts(db, [
    { user: String(username), contact, received, userAgent: 'Phone', reportedAt, expiresAt },
  ]);
  assert.match(
    await textOf(`/admin/accounts/${username}`),
    new RegExp(`sip:${username}@198\\.51\\.100\\.7:34512 Phone`),
  );
});
