import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { operatorDocument } from '../../src/api/operator/framework/document.ts';
import { ROUTES } from '../../src/api/operator/routes.ts';
import { SCOPES, type Scope } from '../../src/domain/access/operator-scope.ts';
import { searchAudit } from '../../src/domain/audit.ts';
import {
  addAccount,
  type Client,
  codeOf,
  operatorClient,
  sharedOperators,
} from '../support/operator.ts';
import { anyCharacter, fc } from '../support/properties.ts';

let account: string;
const { api, all } = sharedOperators({}, async () => {
  account = String((await api.signUp()).username);
});

const VALUES: Record<string, string> = {
  id: '1',
  month: '2020-01',
  number: '+442055501234',
  name: 'nobody',
  prefix: '4479',
  code: 'NOBODY',
};
const filled = (path: string) =>
  path.replace(/\{(\w+)\}/g, (_, name) => (name === 'username' ? account : (VALUES[name] ?? name)));

test('every route needs a scope of its own or tells of the key alone', () => {
  assert.ok(ROUTES.length > 60, String(ROUTES.length));
  const names = ROUTES.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual([...new Set(names)], names);
  const ids = ROUTES.map(({ operationId }) => operationId);
  assert.deepEqual([...new Set(ids)], ids);
  assert.deepEqual(
    ROUTES.filter(({ scope }) => scope === null).map(({ path }) => path),
    ['/self', '/operations', '/operations/{id}', '/operations/{id}/cancel'],
  );
  const reads = ROUTES.filter(({ scope }) => scope?.endsWith(':read')).filter(
    ({ method, path }) => method !== 'GET' && path !== '/charge-previews',
  );
  assert.deepEqual(reads, []);
});

test('one scope opens each route, and all others together do not', async () => {
  const keys = new Map<Scope, readonly [own: Client, others: Client]>();
  for (const scope of SCOPES) {
    const others = SCOPES.filter((other) => other !== scope);
    keys.set(scope, [
      await operatorClient(api, { scopes: [scope] }),
      await operatorClient(api, { scopes: others }),
    ]);
  }
  for (const { method, path, scope } of ROUTES) {
    const name = `${method} ${path}`;
    const [own, others] = keys.get(scope ?? 'audit:read') ?? [];
    assert.ok(own && others, name);
    const refused = await others.call(method, filled(path));
    if (scope === null) {
      assert.notEqual(refused.body.code, 'scope_required', name);
    } else {
      assert.equal(codeOf(refused), '403 scope_required', name);
      assert.equal(refused.body.scope, scope, name);
    }
    const answer = await own.call(method, filled(path));
    assert.notEqual(answer.body.code, 'scope_required', name);
    assert.ok(answer.status < 500, `${name}: ${answer.status}`);
  }
});

test('no route answers without a key, to an account’s key, or to one with a mistyped character', async () => {
  const { apikey } = await api.administrator();
  const wrong = `${all.secret.slice(0, -1)}${all.secret.endsWith('0') ? '1' : '0'}`;
  for (const authorization of ['', `Bearer ${apikey}`, `Basic ${all.secret}`, `Bearer ${wrong}`]) {
    const answer = await fetch(`${api.url}/operator/v1/self`, {
      headers: authorization ? { authorization } : {},
    });
    assert.equal(answer.status, 401, authorization);
    assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    const { code, detail } = (await answer.json()) as { code: string; detail: string };
    assert.equal(code, 'unauthorized');
    assert.match(detail, /Bearer` with an operator key, which begins accapi_op_/);
    assert.equal(answer.headers.get('access-control-allow-origin'), null);
  }
  const elsewhere = await api.call('info', {}, all.secret);
  assert.equal(elsewhere.status, 401);
});

test('a key for some accounts sees and changes nothing of others', async () => {
  const own = await api.signUp();
  const scopes: Scope[] = [
    'accounts:read',
    'accounts:write',
    'accounts:close',
    'credentials:write',
    'sip-credentials:read',
    'balances:read',
    'ledger:write',
    'services:write',
    'numbers:write',
    'calls:read',
    'holds:read',
    'registrations:read',
  ];
  await all.call('PUT', '/numbers/+442055501234', { account, monthly: '1' });
  const bound = await operatorClient(api, { accounts: [own.username], scopes });
  for (const { method, path, scope } of ROUTES) {
    if (scope === null || !scopes.includes(scope)) continue;
    const answer = await bound.call(method, filled(path), method === 'GET' ? undefined : {});
    const name = `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`;
    if (path.includes('{username}'))
      assert.equal(`${answer.status} ${answer.body.code}`, '404 not_found', name);
    assert.ok(!JSON.stringify(answer.body).includes(account) || answer.status === 404, name);
  }
  const listed = await bound.call('GET', '/accounts');
  assert.deepEqual(
    listed.body.data.map((row: { username: string }) => row.username),
    [String(own.username)],
  );
  const move = { account: own.username, monthly: '1' };
  assert.equal(
    codeOf(await bound.call('PUT', '/numbers/+442055501234', move)),
    '409 number_in_use',
  );
  assert.equal((await bound.call('DELETE', '/numbers/+442055501234')).status, 204);
  assert.equal((await all.call('GET', '/numbers/+442055501234')).body.account, account);
  const foreign = { name: 'X', email: 'x@example.com', masterAccount: account };
  assert.equal(codeOf(await bound.call('POST', '/accounts', foreign)), '404 not_found');
  assert.equal(
    codeOf(await bound.call('POST', '/accounts', { name: 'X', email: 'x@example.com' })),
    '404 not_found',
  );
  const sub = { name: 'X', email: 'x@example.com', masterAccount: own.username };
  assert.equal((await bound.call('POST', '/accounts', sub)).status, 201);
});

test('paths and methods that are none are told as problems', async () => {
  assert.equal(codeOf(await all.call('GET', '/nothing')), '404 not_found');
  const other = await all.call('DELETE', '/accounts');
  assert.equal(codeOf(other), '405 method_not_allowed');
  assert.equal(other.headers.get('allow'), 'GET, POST');
  const page = await fetch(`${api.url}${(await all.call('GET', '/nothing')).body.type}`);
  assert.equal(page.status, 200);
  assert.match(await page.text(), /not_found/);
});

test('what is refused before a route is found names its request, too', async () => {
  const { hostname, port } = new URL(api.url);
  const HOST = 'Host: x\r\n';
  const refused: [string, number][] = [
    [`GET /operator/v1/nothing HTTP/1.1\r\n${HOST}Connection: close\r\n`, 404],
    [`GET /operator/v1/%zz HTTP/1.1\r\n${HOST}Connection: close\r\n`, 400],
    ['GET /operator/v1/self HTTP/1.1\r\nConnection: close\r\n', 400],
    [`GET /operator/v1/self HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n`, 431],
    [`GET /operator/v1/self HTTP/1.1\r\n${HOST}Expect: more\r\n`, 417],
  ];
  for (const [head, status] of refused) {
    const socket = connect(Number(port), hostname);
    socket.write(`${head}\r\n`);
    const [answered = '', body = ''] = (await text(socket)).split('\r\n\r\n');
    const [, id] = /^x-request-id: ([0-9a-f-]{36})$/im.exec(answered) ?? [];
    assert.match(answered, new RegExp(`^HTTP/1.1 ${status} `), head);
    assert.ok(id, answered);
    const problem = JSON.parse(body);
    assert.deepEqual([problem.status, problem.requestId], [status, id], head);
  }
});

test('the document is made from the same list', async () => {
  const document = await (await fetch(`${api.url}/operator/openapi.json`)).json();
  assert.deepEqual(document, JSON.parse(JSON.stringify(operatorDocument(ROUTES))));
});

test('each change leaves one entry of the audit trail, which names the key', async () => {
  const created = await all.call('POST', '/accounts', { name: 'A', email: 'a@example.com' });
  const path = `/accounts/${created.body.username}`;
  const changes: [string, string, unknown, string][] = [
    ['PATCH', path, { rate: '0.02' }, 'account changed'],
    [
      'POST',
      `${path}/ledger-entries`,
      { type: 'credit', amount: '1', reason: 'r', reference: 'x' },
      'balance posted',
    ],
    ['POST', `${path}/services`, { description: 'E911', monthly: '1.50' }, 'service added'],
    [
      'PUT',
      '/numbers/+442055509999',
      { account: created.body.username, monthly: '1' },
      'number added',
    ],
    ['POST', `${path}/password`, undefined, 'password renewed'],
    ['POST', `${path}/api-key`, undefined, 'key renewed'],
    ['POST', `${path}/sip-credentials`, undefined, 'sip secret renewed'],
    ['GET', `${path}/sip-credentials`, undefined, 'sip secret read'],
    ['DELETE', `${path}/sessions`, undefined, 'sessions ended'],
    ['POST', `${path}/close`, { confirm: created.body.username }, 'account closed'],
  ];
  for (const [method, at, body] of changes) {
    const answer = await all.call(method, at, body, { 'acting-user': 'jane@crm' });
    assert.ok(answer.status < 300, `${method} ${at} ${JSON.stringify(answer.body)}`);
  }
  const trail = await searchAudit(
    api.service.db,
    { account: Number(created.body.username) },
    { limit: 50 },
  );
  assert.deepEqual(trail.map(({ action }) => action).reverse(), [
    'account added',
    ...changes.map(([, , , action]) => action),
  ]);
  for (const { actor } of trail) assert.equal(actor, `operator key ${all.key.id} (test)`);
  assert.deepEqual(
    [...new Set(trail.map(({ origin }) => origin))],
    ['operator api 127.0.0.1, acting user jane@crm', 'operator api 127.0.0.1'],
  );
});

test('no generated request is answered by an error of ours', async () => {
  const { username } = await addAccount(all);
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
    fc.string({ unit: anyCharacter, maxLength: 12 }),
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
