import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ROUTES } from '../../src/api/operator/routes.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { type Client, callsWith, codeOf, faultsOf, operatorClient } from '../support/operator.ts';
import { startService, type TestService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

let api: TestService;
let all: Client;
before(async () => {
  api = await startService({ OPERATOR_LIMIT_PER_MINUTE: '1000000', TRUST_PROXY: '127.0.0.1' });
  all = await operatorClient(api);
});
after(() => api.stop());

const address = () => `${randomBytes(6).toString('hex')}@example.com`;
const account = async (more: object = {}) => {
  const body = { name: 'Example Company', email: address(), onboarding: 'none', ...more };
  const made = await all.call('POST', '/accounts', body);
  assert.equal(made.status, 201, JSON.stringify(made.body));
  return made.body;
};

test('an account is made with all that is given, found, changed and closed', async () => {
  const externalId = `crm-${randomBytes(4).toString('hex')}`;
  const email = address();
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
  const email = address();
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
  const taken = await all.call('POST', '/accounts', { name: 'X', email: address(), username });
  assert.equal(codeOf(taken), '409 username_taken');
});

test('money is posted once for a reference, for ever, and a conflict names the entry', async () => {
  const { username } = await account();
  const path = `/accounts/${username}/ledger-entries`;
  const payment = { type: 'credit', amount: '25.00', reason: 'Card', reference: 'stripe:pi_1' };
  const first = await all.call('POST', path, payment);
  assert.equal(first.status, 201);
  const { posted, entry, balance } = first.body;
  const { id, createdAt } = entry;
  assert.equal(first.headers.get('location'), `/operator/v1${path}/${id}`);
  assert.equal(posted, true);
  assert.deepEqual(entry, {
    id,
    account: username,
    kind: 'payment',
    amount: '25.000000',
    reason: 'Card',
    reference: 'stripe:pi_1',
    actor: `operator key ${all.key.id} (test)`,
    createdAt,
    reversed: false,
    paid: null,
    lines: [],
  });
  assert.deepEqual(balance, {
    account: username,
    cash: '25.000000',
    held: '0.000000',
    available: '25.000000',
    billing: 'prepaid',
    creditLimit: null,
    suspended: false,
    dayLimit: null,
    spentToday: '0.000000',
    limitReached: false,
    asOf: balance.asOf,
  });
  const again = await all.call('POST', path, { ...payment, amount: '25' });
  assert.deepEqual([again.status, again.body.posted, again.body.entry], [200, false, entry]);
  for (const other of [{ amount: '26' }, { type: 'debit' }]) {
    const conflict = await all.call('POST', path, { ...payment, ...other });
    assert.deepEqual([codeOf(conflict), conflict.body.entry], ['409 reference_conflict', id]);
  }
  const reversal = await all.call('POST', `${path}/${id}/reversal`, { reason: 'Bounced' });
  assert.deepEqual([reversal.status, reversal.body.entry.amount], [201, '-25.000000']);
  const twice = await all.call('POST', `${path}/${id}/reversal`, { reason: 'Bounced' });
  assert.deepEqual([twice.status, twice.body.entry], [200, reversal.body.entry]);
  const back = await all.call('POST', `${path}/${reversal.body.entry.id}/reversal`, {
    reason: 'x',
  });
  assert.equal(codeOf(back), '409 entry_is_reversal');
  const listed = await all.call('GET', `${path}?kind=payment`);
  assert.deepEqual(listed.body, { data: [{ ...entry, reversed: true }], next: null });
  assert.deepEqual(
    (await all.call('GET', '/ledger-entries?reference=stripe:pi_1')).body,
    listed.body,
  );
  const sub = await account({ masterAccount: username });
  const refused = await all.call('POST', `/accounts/${sub.username}/ledger-entries`, payment);
  assert.deepEqual(
    [codeOf(refused), refused.body.billedTo],
    ['409 not_a_billing_account', username],
  );
  assert.equal((await all.call('GET', `/accounts/${sub.username}/balance`)).body.account, username);
});

test('100 equal requests at once make one account, and one entry', async () => {
  const headers = { 'idempotency-key': `crm-${randomBytes(6).toString('hex')}` };
  const body = { name: 'Once', email: address(), onboarding: 'credentials' };
  const same = () => all.call('POST', '/accounts', body, headers);
  const answers = await Promise.all(Array.from({ length: 100 }, same));
  const texts = new Set(
    answers.filter(({ status }) => status === 201).map((one) => JSON.stringify(one.body)),
  );
  assert.equal(texts.size, 1);
  const others = answers.filter(({ status }) => status !== 201);
  for (const other of others) assert.equal(codeOf(other), '409 idempotency_in_progress');
  const repeated = await same();
  assert.deepEqual([...texts], [JSON.stringify(repeated.body)]);
  assert.equal(repeated.headers.get('idempotent-replayed'), 'true');
  const found = await all.call('GET', `/accounts?email=${body.email}`);
  assert.equal(found.body.data.length, 1);
  const reused = await all.call('POST', '/accounts', { ...body, name: 'Other' }, headers);
  assert.equal(codeOf(reused), '422 idempotency_key_reused');
  const without = await callsWith(api, all.secret)('POST', '/accounts', body, {
    'idempotency-key': '',
  });
  assert.equal(codeOf(without), '400 idempotency_key_required');
  const odd = await all.call('POST', '/accounts', body, { 'idempotency-key': 'a b' });
  assert.equal(codeOf(odd), '400 invalid_header');

  const { username } = repeated.body;
  const entry = { type: 'credit', amount: '1', reason: 'r', reference: 'once' };
  const path = `/accounts/${username}/ledger-entries`;
  const posted = await Promise.all(
    Array.from({ length: 100 }, () => all.call('POST', path, entry)),
  );
  assert.equal(posted.filter(({ status }) => status === 201).length, 1);
  assert.equal(posted.filter(({ status }) => status === 200).length, 99);
  assert.deepEqual((await reconcile(api.service.db, { account: Number(username) })).imbalances, []);
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

test('pages miss no row that stays and show none twice, while others come, change and go at random', async () => {
  for (let run = 0; run < PAGING_RUNS; run++) {
    const mark = randomBytes(5).toString('hex');
    const order = run % 2 === 0 ? 'username' : 'updatedAt';
    const accounts = await Promise.all(
      Array.from({ length: 12 }, (_, n) => account({ name: `${mark} ${n}` })),
    );
    const others = accounts.slice(6);
    const seen: string[] = [];
    let path = `/accounts?search=${mark}&order=${order}&limit=${1 + randomInt(4)}`;
    const first = await all.call('GET', path);
    for (let page = first; ; page = await all.call('GET', path)) {
      seen.push(...page.body.data.map((row: { username: string }) => row.username));
      for (let n = randomInt(3); n > 0; n--) {
        const what = randomInt(3);
        const other = what === 0 ? undefined : others.pop();
        const at = `/accounts/${other?.username}`;
        if (!other) await account({ name: `${mark} new` });
        else if (what === 1) await all.call('PATCH', at, { maxCalls: n });
        else await all.call('POST', `${at}/close`, { confirm: other.username });
      }
      if (page.body.next === null || seen.length > 100) break;
      const [, link = ''] =
        /<\/operator\/v1([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '') ?? [];
      assert.ok(link.endsWith(page.body.next));
      path = link;
    }
    const stays = accounts.slice(0, 6).map(({ username }) => username);
    const times = stays.map((username) => seen.filter((one) => one === username).length);
    assert.deepEqual(times, Array(6).fill(1), `${order}: ${seen}`);
    if (order === 'username') assert.equal(new Set(seen).size, seen.length);
    if (first.body.next === null) continue;
    const other = `/accounts?search=other&order=${order}&cursor=${first.body.next}`;
    assert.equal(codeOf(await all.call('GET', other)), '422 cursor_mismatch');
  }
});

test('a key is held to its networks, its limits, and a number of requests a minute', async () => {
  const inside = await operatorClient(api, { networks: ['192.0.2.0/24'] });
  const from = (client: Client, ip: string) =>
    client.call('GET', '/self', undefined, { 'x-forwarded-for': ip });
  assert.equal((await from(inside, '192.0.2.9')).status, 200);
  assert.equal(codeOf(await from(inside, '198.51.100.1')), '403 network_not_allowed');
  assert.equal(codeOf(await from(inside, '192.0.2.9, 198.51.100.1')), '403 network_not_allowed');

  const { username } = await account();
  const poor = await operatorClient(api, {
    scopes: ['ledger:write'],
    entryLimit: '100',
    dayLimit: '150',
  });
  const pay = (amount: string, reference: string) =>
    poor.call('POST', `/accounts/${username}/ledger-entries`, {
      type: 'credit',
      amount,
      reason: 'r',
      reference,
    });
  assert.equal(codeOf(await pay('100.01', 'a')), '403 amount_limit');
  assert.equal((await pay('100', 'a')).status, 201);
  assert.equal((await pay('100', 'a')).status, 200);
  assert.equal(codeOf(await pay('60', 'b')), '403 amount_limit');
  assert.equal((await pay('50', 'b')).status, 201);
  const { body } = await all.call('GET', `/accounts/${username}/balance`);
  assert.equal(body.cash, '150.000000');

  const guesser = { authorization: 'Bearer nothing', 'x-forwarded-for': '203.0.113.5' };
  const answers: number[] = [];
  for (let n = 0; n < 22; n++) {
    answers.push((await fetch(`${api.url}/operator/v1/self`, { headers: guesser })).status);
  }
  assert.deepEqual(answers, [...Array(20).fill(401), 429, 429]);
  assert.equal((await from(all, '203.0.113.6')).status, 200);
});

test('a key makes keys that may do no more, and renews itself', async () => {
  const maker = await operatorClient(api, { scopes: ['keys:write', 'keys:read', 'ledger:write'] });
  const made = await maker.call('POST', '/keys', { name: 'child', scopes: ['ledger:write'] });
  assert.equal(made.status, 201);
  const { secret, etag, ...key } = made.body;
  assert.equal((await callsWith(api, secret)('GET', '/self')).body.id, key.id);
  assert.equal(
    codeOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['keys:write'] })),
    '403 wider_key',
  );
  assert.equal(
    codeOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['mail:read'] })),
    '403 wider_key',
  );
  assert.deepEqual(faultsOf(await maker.call('POST', '/keys', { name: 'x', scopes: ['nope'] })), [
    '/scopes/0 invalid_value',
  ]);
  const changed = await maker.call(
    'PATCH',
    `/keys/${key.id}`,
    { networks: ['192.0.2.1'] },
    { 'if-match': etag },
  );
  assert.deepEqual(changed.body.networks, ['192.0.2.1']);
  const wider = await maker.call('PATCH', `/keys/${all.key.id}`, { name: 'x' });
  assert.equal(codeOf(wider), '403 wider_key');
  const rotated = await maker.call('POST', `/keys/${maker.key.id}/rotate`, { overlapHours: 0 });
  assert.equal(
    (await callsWith(api, rotated.body.secret)('DELETE', `/keys/${key.id}`)).status,
    204,
  );
  assert.equal(codeOf(await maker.call('GET', '/self')), '401 unauthorized');
  assert.equal(codeOf(await callsWith(api, secret)('GET', '/self')), '401 unauthorized');
});

/** Replaces the prices of a list by the bytes of a file. */
async function send(list: string, bytes: Uint8Array, headers: Record<string, string>) {
  const answer = await fetch(`${api.url}/operator/v1${list}/prices`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${all.secret}`, 'content-type': 'text/csv', ...headers },
    body: bytes as Uint8Array<ArrayBuffer>,
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

test('short lists have pages, too, each item once and with its ETag', async () => {
  const mark = `p${randomBytes(4).toString('hex')}`;
  const names = ['c', 'a', 'b'].map((name) => `${mark}${name}`);
  for (const name of names) {
    await all.call('PUT', `/feeds/${name}`, { format: 'generic' });
    await all.call('PUT', `/promotions/${name}`, { amount: '1' });
    await all.call('PUT', `/price-lists/${name}/prices`, 'prefix,rate\n44,0.01\n', {
      'content-type': 'text/csv',
      'if-none-match': '*',
    });
  }
  for (const [path, key] of [
    ['/feeds', 'name'],
    ['/promotions', 'code'],
    ['/price-lists', 'name'],
  ] as const) {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { body } = await all.call('GET', `${path}?limit=1${cursor}`);
      assert.equal(body.data.length, 1);
      const [item] = body.data;
      seen.push(item[key]);
      if (path !== '/promotions') {
        const single =
          path === '/price-lists' ? await all.call('GET', `${path}/${item.name}`) : undefined;
        assert.equal(item.etag, single?.headers.get('etag') ?? item.etag);
      }
      if (body.next === null) break;
      cursor = `&cursor=${body.next}`;
    }
    const own = seen.filter((name) => name.toLowerCase().startsWith(mark));
    assert.deepEqual(own, [...names].sort(), path);
    assert.equal(new Set(seen).size, seen.length);
    const other = await all.call('GET', `${path}?cursor=x`);
    assert.equal(codeOf(other), '422 cursor_mismatch');
  }
});

test('numbers, services, prices, blocks, promotions and feeds are set as they are told', async () => {
  const { username } = await account();
  const other = await account();
  const number = `/numbers/%2B4420555${String(Date.now()).slice(-5)}`;
  const own = { account: username, monthly: '1.50' };
  const equal = await Promise.all(Array.from({ length: 6 }, () => all.call('PUT', number, own)));
  assert.deepEqual(equal.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 201]);
  assert.equal((await all.call('PUT', number, own)).status, 200);
  assert.equal((await all.call('PUT', number, { ...own, monthly: '2' })).body.monthly, '2.000000');
  const taken = await all.call('PUT', number, { ...own, account: other.username });
  assert.deepEqual([codeOf(taken), taken.body.username], ['409 number_in_use', username]);
  const moved = await all.call('POST', `${number}/move`, { account: other.username });
  assert.deepEqual([moved.body.account, moved.body.monthly], [other.username, '2.000000']);
  assert.equal((await all.call('DELETE', number)).status, 204);
  assert.equal((await all.call('DELETE', number)).status, 204);

  const service = await all.call('POST', `/accounts/${username}/services`, {
    description: 'E911',
    monthly: '1.50',
  });
  const at = `/accounts/${username}/services`;
  assert.deepEqual((await all.call('GET', at)).body.data, [service.body]);
  assert.equal((await all.call('DELETE', `${at}/${service.body.id}`)).status, 204);
  assert.deepEqual((await all.call('GET', at)).body.data, []);

  const list = `/price-lists/l${Date.now()}`;
  const csv = { 'content-type': 'text/csv' };
  const put = (file: string, headers: Record<string, string>) =>
    all.call('PUT', `${list}/prices`, file, { ...csv, ...headers });
  assert.equal(codeOf(await put('prefix,rate\n44,0.01\n', {})), '428 precondition_required');
  const wrong = await put('prefix,rate\n44,x\n45,y\n', { 'if-none-match': '*' });
  assert.deepEqual(faultsOf(wrong), ['/2 invalid_line', '/3 invalid_line']);
  const made = await put('prefix,rate\n44,0.01\n', { 'if-none-match': '*' });
  assert.deepEqual(made.body, {
    added: 1,
    changed: 0,
    unchanged: 0,
    removed: 0,
    raisedSoon: 0,
    ignored: [],
  });
  assert.equal(
    codeOf(await put('prefix,rate\n44,0.02\n', { 'if-none-match': '*' })),
    '412 precondition_failed',
  );
  const tag = made.headers.get('etag') ?? '';
  assert.equal((await all.call('GET', list)).body.etag, tag);
  const ndjson = '{"prefix":"45","rate":"0.03"}\n';
  const patched = await all.call('PATCH', `${list}/prices`, ndjson, {
    'content-type': 'application/x-ndjson',
  });
  assert.equal(patched.body.added, 1);
  assert.equal(
    codeOf(await put('prefix,rate\n44,0.02\n', { 'if-match': tag })),
    '412 precondition_failed',
  );
  const zip = { 'content-encoding': 'gzip' };
  const bomb = await send(list, gzipSync(Buffer.alloc(65 * 1024 * 1024)), zip);
  const damaged = await send(list, Buffer.from('no gzip'), zip);
  const brotli = await send(list, Buffer.from('x'), { 'content-encoding': 'br' });
  assert.deepEqual([bomb.status, damaged.status, brotli.status], [413, 400, 415]);
  const replaced = await send(list, gzipSync('prefix,rate\n44,0.02\n'), {
    ...zip,
    'if-match': patched.headers.get('etag') ?? '',
  });
  assert.deepEqual([replaced.body.changed, replaced.body.removed], [1, 1]);
  const json = await all.call('PATCH', `/accounts/${username}`, '{}', {
    'content-type': 'application/json',
    ...zip,
  });
  assert.equal(codeOf(json), '415 unsupported_media_type');
  const file = await all.call('GET', `${list}/prices`, undefined, { accept: 'text/csv' });
  assert.equal(file.body, 'prefix,rate,name,minimum,increment\r\n44,0.020000,,,\r\n');
  assert.equal((await all.call('DELETE', list)).status, 204);

  const blocked = `/blocked-prefixes/44${String(Date.now()).slice(-6)}`;
  assert.equal((await all.call('PUT', blocked, { reason: 'Fraud' })).status, 201);
  assert.equal((await all.call('PUT', blocked, { reason: 'Fraud' })).status, 200);
  assert.equal((await all.call('DELETE', blocked)).status, 204);
  const code = `/promotions/P${Date.now()}`;
  assert.equal((await all.call('PUT', code, { amount: '5' })).status, 201);
  assert.equal((await all.call('PUT', code, { amount: '5.0' })).status, 200);
  assert.equal(codeOf(await all.call('PUT', code, { amount: '6' })), '409 promotion_taken');
  const feed = `/feeds/f${Date.now()}`;
  const added = await all.call('PUT', feed, { format: 'generic' });
  assert.deepEqual([added.status, typeof added.body.secret], [201, 'string']);
  const known = await all.call('PUT', feed, { format: 'generic' });
  assert.deepEqual([known.status, known.body.secret], [200, undefined]);
  assert.equal(codeOf(await all.call('PUT', feed, { format: 'kamailio' })), '409 feed_taken');
  assert.equal((await all.call('DELETE', feed)).status, 204);
});

test('long work is asked about until it is done', async () => {
  const finished = async (path: string, body: object) => {
    const begun = await all.call('POST', path, body);
    assert.equal(begun.status, 202, JSON.stringify(begun.body));
    const at = `/operations/${begun.body.id}`;
    assert.equal(begun.headers.get('location'), `/operator/v1${at}`);
    let operation = begun.body;
    await waitUntil(async () => {
      operation = (await all.call('GET', at)).body;
      return operation.finishedAt !== null;
    });
    return operation;
  };
  const books = await finished('/reconciliations', {});
  assert.deepEqual([books.status, books.result.balanced, books.error], ['succeeded', true, null]);
  const run = await finished('/charge-runs', {});
  assert.deepEqual(run.result, { accounts: 0, charges: 0, amount: '0.000000', failures: [] });
  const from = '2026-01-01T00:00:00Z';
  const rerating = { from, to: '2026-02-01T00:00:00+01:00', reason: 'New rates', dryRun: true };
  assert.deepEqual((await finished('/reratings', rerating)).result, {
    calls: 0,
    changed: 0,
    total: '0.000000',
    accounts: 0,
    adjustments: [],
  });
  assert.deepEqual((await finished('/rejected-records/replay', {})).result, {
    replayed: 0,
    resolved: 0,
    rejected: 0,
    stored: 0,
    duplicates: 0,
  });
  assert.deepEqual((await finished('/charge-previews', { month: '2027-01' })).status, 'succeeded');
  const stranger = await operatorClient(api);
  assert.equal(codeOf(await stranger.call('GET', `/operations/${books.id}`)), '404 not_found');
  const listed = await all.call('GET', '/operations?kind=reconciliation');
  assert.deepEqual(listed.body.data, [books]);
  assert.equal((await all.call('GET', '/audit-entries?limit=1')).body.data.length, 1);
  assert.equal((await all.call('GET', '/mails')).status, 200);
});

test('no generated request is answered by an error of ours', async () => {
  const { username } = await account();
  const words = [
    'username',
    'amount',
    'name',
    'scopes',
    'from',
    'to',
    'reference',
    'limit',
    'cursor',
    'prefix',
    'account',
    'ids',
    'networks',
  ];
  const value = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(
      '',
      '0',
      '-1',
      '1e9',
      '999999999999.999999',
      '2026-02-30T00:00:00Z',
      '2026-01-01T00:00:00+99:99',
      '\u0000',
      '\ud800',
      '9'.repeat(20),
      '+',
      "'",
      '%',
      '275760-09-13T00:00:00Z',
      '0000-01-01T00:00:00Z',
    ),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('entry', '__proto__', 'x'), fc.integer(), { maxKeys: 2 }),
  );
  const request = fc.record({
    route: fc.constantFrom(...ROUTES),
    known: fc.dictionary(fc.constantFrom('__proto__', 'constructor', ...words), value, {
      maxKeys: 3,
    }),
    values: fc.array(value, { minLength: 20, maxLength: 20 }),
    part: fc.constantFrom(
      '1',
      '9'.repeat(18),
      '%2B',
      '..',
      'x',
      '+442055501234',
      'op_1',
      'key_1',
      '2026-02',
      '0'.repeat(32),
      '1'.repeat(40),
    ),
  });
  await fc.assert(
    fc.asyncProperty(request, async ({ route, known, values, part }) => {
      const path = route.path.replace(/\{(\w+)\}/g, (_, name) =>
        name === 'username' ? username : part,
      );
      const fill = (fields: object = {}) =>
        Object.fromEntries(Object.keys(fields).map((name, n) => [name, values[n % values.length]]));
      const query = new URLSearchParams(
        Object.entries(fill(route.query)).map(([name, one]): [string, string] => [
          name,
          (typeof one === 'object' ? JSON.stringify(one) : String(one)).toWellFormed(),
        ]),
      );
      if (route.path.endsWith('/close') || route.path.startsWith('/keys')) return;
      const body =
        route.method === 'GET' ? undefined : JSON.stringify({ ...fill(route.body), ...known });
      const type = route.file?.[0] ?? 'application/json';
      const headers: Record<string, string> =
        body === undefined ? {} : { 'content-type': type, 'if-none-match': '*' };
      const answer = await all.call(route.method, `${path}?${query}`, body, headers);
      assert.ok(
        answer.status < 500,
        `${route.method} ${path}?${query} ${body}: ${JSON.stringify(answer.body)}`,
      );
      assert.ok(!JSON.stringify(answer.body).includes('accapi_op_'));
    }),
    { numRuns: Number(process.env.OPERATOR_RUNS ?? 100) },
  );
});
