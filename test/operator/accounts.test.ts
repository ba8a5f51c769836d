import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import {
  addAccount,
  codeOf,
  faultsOf,
  newEmail,
  operatorClient,
  sharedOperators,
} from '../support/operator.ts';
import { fc } from '../support/properties.ts';

const { api, all } = sharedOperators();

const account = (more?: object) => addAccount(all, more);

test('an account is made with all that is given, found, changed and closed', async () => {
  const externalId = `crm-${randomBytes(4).toString('hex')}`;
  const email = newEmail();
  const given = {
    externalId,
    name: 'Example Company',
    email,
    rate: '0.0075',
    timeZone: 'europe/berlin',
  };
  const more = {
    billing: 'postpaid',
    creditLimit: '500',
    maxCalls: null,
    onboarding: 'credentials',
  };
  const made = await all.call('POST', '/accounts', { ...given, ...more });
  const { username, password, apikey, etag, ...shown } = made.body;
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('location'), `/operator/v1/accounts/${username}`);
  assert.equal(made.headers.get('etag'), etag);
  assert.deepEqual(shown, {
    externalId,
    name: 'Example Company',
    email,
    masterAccount: username,
    role: 'customer',
    enabled: true,
    showsBalance: false,
    billing: 'postpaid',
    creditLimit: '500.000000',
    rate: '0.007500',
    maxRate: null,
    dayLimit: null,
    minimumSeconds: 6,
    incrementSeconds: 6,
    priceList: null,
    maxCalls: null,
    callerId: '',
    notify: true,
    notifyThreshold: 5,
    timeZone: 'Europe/Berlin',
    country: null,
    language: null,
    createdAt: shown.createdAt,
    updatedAt: shown.createdAt,
    verifiedAt: null,
    closedAt: null,
  });
  const { body } = await api.call('apikey', { username: Number(username), password });
  assert.equal(body.apikey, apikey);
  const found = await all.call(
    'GET',
    `/accounts?externalId=${externalId}&externalId=other&state=all`,
  );
  assert.deepEqual(found.body, { data: [{ username, etag, ...shown }], next: null });

  const changed = await all.call('PATCH', `/accounts/${username}`, {
    maxCalls: 5,
    externalId: null,
  });
  assert.deepEqual([changed.body.maxCalls, changed.body.externalId], [5, null]);
  assert.notEqual(changed.headers.get('etag'), etag);
  assert.ok(changed.body.updatedAt > shown.updatedAt);
  const close = { confirm: username };
  const wrong = await all.call('POST', `/accounts/${username}/close`, { confirm: '2345678901' });
  assert.deepEqual([codeOf(wrong), faultsOf(wrong)], ['422 invalid', ['/confirm invalid_value']]);
  const closed = await all.call('POST', `/accounts/${username}/close`, close);
  assert.ok(closed.body.closedAt);
  assert.deepEqual(
    (await all.call('POST', `/accounts/${username}/close`, close)).body,
    closed.body,
  );
  assert.equal(
    codeOf(await all.call('PATCH', `/accounts/${username}`, { name: 'X' })),
    '409 account_closed',
  );
  assert.equal(codeOf(await all.call('GET', '/accounts/9999999999')), '404 not_found');
  assert.equal(
    codeOf(await all.call('PATCH', '/accounts/9999999999', { name: 'X' })),
    '404 not_found',
  );
});

test('what has a scope of its own is not told for that of accounts', async () => {
  const { username } = await account();
  const narrow = await operatorClient(api, { scopes: ['accounts:read'] });
  const path = `/accounts/${username}`;
  for (const [name, scope] of [
    ['balance', 'balances:read'],
    ['registrations', 'registrations:read'],
  ]) {
    const refused = await narrow.call('GET', `${path}?expand=services,${name}`);
    assert.deepEqual([codeOf(refused), refused.body.scope], ['403 scope_required', scope]);
  }
  const { body } = await all.call('GET', `${path}?expand=balance,services,numbers,registrations`);
  const { balance, services, numbers, registrations, etag } = body;
  assert.equal(balance.cash, '0.000000');
  assert.deepEqual([services, numbers, registrations, etag], [[], [], [], undefined]);
});

test('an invited owner gets a link to choose a password, and nobody else a secret', async () => {
  const email = newEmail();
  const made = await all.call('POST', '/accounts', { name: 'Invited', email });
  assert.deepEqual(
    [made.status, 'password' in made.body, 'apikey' in made.body],
    [201, false, false],
  );
  const [mail] = await api.mails(email);
  assert.match(mail?.text ?? '', /\/verify\?token=/);
});

test('everything that is wrong is told at once, each with its pointer', async () => {
  const wrong = {
    nmae: 'x',
    creditlimit: '5',
    name: '',
    rate: 0.02,
    creditLimit: '-1',
    timeZone: 'Mars/Base',
    maxCalls: -1,
    enabled: 'yes',
    masterAccount: '12',
  };
  const answer = await all.call('POST', '/accounts', wrong);
  assert.equal(codeOf(answer), '422 invalid');
  assert.deepEqual(faultsOf(answer).sort(), [
    '/creditLimit out_of_range',
    '/creditlimit unknown_member',
    '/email required',
    '/enabled invalid_value',
    '/masterAccount invalid_value',
    '/maxCalls out_of_range',
    '/name invalid_value',
    '/nmae unknown_member',
    '/rate decimal_string_required',
    '/timeZone invalid_value',
  ]);
  const unknown = await all.call('GET', '/accounts?serach=x&limit=0');
  assert.deepEqual(faultsOf(unknown), ['/serach unknown_member', '/limit invalid_value']);
  const one = await all.call('GET', '/accounts?serach=x');
  assert.equal(codeOf(one), '422 unknown_member');
  const { username } = await account();
  const path = `/accounts/${username}/ledger-entries`;
  const bad = { type: 'credit', amount: 25, reason: 'x', reference: 'reversal of 1' };
  assert.deepEqual(faultsOf(await all.call('POST', path, bad)), [
    '/amount decimal_string_required',
    '/reference reference_reserved',
  ]);
  const reserved = await all.call('POST', path, { ...bad, amount: '25' });
  assert.equal(codeOf(reserved), '422 reference_reserved');
  for (const [body, type, code] of [
    ['{"name":"a","name":"b"}', 'application/json', '400 malformed'],
    ['{"name":"a\\u0000"}', 'application/json', '400 malformed'],
    ['[]', 'application/json', '400 malformed'],
    ['{', 'application/merge-patch+json', '400 malformed'],
    ['{}', 'text/plain', '415 unsupported_media_type'],
    [`{"name":"${'x'.repeat(65_536)}"}`, 'application/json', '413 too_large'],
  ] as const) {
    const headers = { 'content-type': type };
    assert.equal(codeOf(await all.call('PATCH', `/accounts/${username}`, body, headers)), code);
  }
  for (const accept of ['text/html', 'text/csv', 'application/json;q=0, text/*']) {
    const unaccepted = await all.call('GET', '/accounts', undefined, { accept });
    assert.equal(codeOf(unaccepted), '406 not_acceptable', accept);
  }
  const twice = await all.call('GET', '/accounts?limit=5&limit=6&search=');
  assert.deepEqual(faultsOf(twice), ['/limit invalid_value', '/search invalid_value']);
  const taken = await all.call('POST', '/accounts', { name: 'X', email: newEmail(), username });
  assert.equal(codeOf(taken), '409 username_taken');
});

test('a new account has a country whose numbering plan nothing has used before', async () => {
  const { username, country } = await account({ country: 'is' });
  assert.equal(country, 'IS');
  for (const [number, rate] of [
    ['5551234', '0.007500'],
    ['112', '0.000000'],
  ]) {
    const { body } = await all.call('GET', `/accounts/${username}/rate?number=${number}`);
    const { connectFee, minimumCharge } = body;
    assert.deepEqual([body.rate, connectFee, minimumCharge], [rate, '0.000000', '0.000000']);
  }
  const none = { name: 'Example Company', email: newEmail(), country: 'ZZ' };
  assert.deepEqual(faultsOf(await all.call('POST', '/accounts', none)), ['/country invalid_value']);
});

test('an account is closed once by equal requests at once, and all are told so', async () => {
  const { username } = await account();
  const close = () => all.call('POST', `/accounts/${username}/close`, { confirm: username });
  const answers = await Promise.all([close(), close(), close()]);
  const [first] = answers;
  for (const { status, body } of answers) assert.deepEqual([status, body], [200, first?.body]);
  const number = { account: username, monthly: '1' };
  assert.equal(codeOf(await all.call('PUT', '/numbers/2125550142', number)), '409 account_closed');
});

test('times are of the years that RFC 3339 has, also in UTC', async () => {
  for (const [at, expected] of [
    ['9999-12-31T23:59:59-01:00', '422 invalid'],
    ['1900-01-01T00:30:00+01:00', '422 invalid'],
    ['2030-12-31T23:59:60Z', '422 invalid'],
    ['2030-02-29T00:00:00Z', '422 invalid'],
  ] as const) {
    const query = `updatedSince=${encodeURIComponent(at)}`;
    assert.equal(codeOf(await all.call('GET', `/accounts?${query}`)), expected, at);
  }
  const last = encodeURIComponent('9999-12-31T23:59:59+01:00');
  assert.deepEqual((await all.call('GET', `/accounts?updatedSince=${last}`)).body.data, []);
});

test('of two who change what they have read, one is told; calls and money change no tag', async () => {
  const { username, etag } = await account();
  const path = `/accounts/${username}`;
  const entry = { type: 'credit', amount: '1', reason: 'r', reference: 'x' };
  await all.call('POST', `${path}/ledger-entries`, entry);
  const both = await Promise.all(
    ['One', 'Two'].map((name) => all.call('PATCH', path, { name }, { 'if-match': etag })),
  );
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412]);
  const stale = both.find(({ status }) => status === 412);
  const current = await all.call('GET', path);
  assert.equal(stale?.headers.get('etag'), current.headers.get('etag'));
  assert.equal((await all.call('PATCH', path, { name: 'X' }, { 'if-match': '*' })).status, 200);
});

const PAGING_RUNS = Number(process.env.PAGING_RUNS ?? 4);
/** What happens between a page and the next. */
const changes = fc.array(fc.constantFrom('add', 'change', 'close'), { maxLength: 2 });

test('pages miss no row that stays and show none twice, while others come, change and go at random', async () => {
  let runs = 0;
  const paging = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.array(changes, { minLength: 12, maxLength: 12 }),
    async (limit, between) => {
      const mark = randomBytes(5).toString('hex');
      const order = runs++ % 2 === 0 ? 'username' : 'updatedAt';
      const accounts = await Promise.all(
        Array.from({ length: 12 }, (_, n) => account({ name: `${mark} ${n}` })),
      );
      const others = accounts.slice(6);
      const seen: string[] = [];
      const first = await all.call('GET', `/accounts?search=${mark}&order=${order}&limit=${limit}`);
      let page = first;
      for (let pages = 0; ; pages++) {
        seen.push(...page.body.data.map((row: { username: string }) => row.username));
        for (const change of between[pages % between.length] ?? []) {
          const other = change === 'add' ? undefined : others.pop();
          const at = `/accounts/${other?.username}`;
          if (!other) await account({ name: `${mark} new` });
          else if (change === 'change') await all.call('PATCH', at, { maxCalls: pages });
          else await all.call('POST', `${at}/close`, { confirm: other.username });
        }
        if (page.body.next === null || seen.length > 100) break;
        const [, link = ''] =
          /<\/operator\/v1([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '') ?? [];
        assert.ok(link.endsWith(page.body.next));
        page = await all.call('GET', link);
      }
      const stays = accounts.slice(0, 6).map(({ username }) => username);
      const times = stays.map((username) => seen.filter((one) => one === username).length);
      assert.deepEqual(times, Array(6).fill(1), `${order}: ${seen}`);
      if (order === 'username') assert.equal(new Set(seen).size, seen.length);
      if (first.body.next === null) return;
      const other = `/accounts?search=other&order=${order}&cursor=${first.body.next}`;
      assert.equal(codeOf(await all.call('GET', other)), '422 cursor_mismatch');
    },
  );
  await fc.assert(paging, { numRuns: PAGING_RUNS, endOnFailure: true });
});
