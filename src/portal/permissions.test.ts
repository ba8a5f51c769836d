import assert from 'node:assert/strict';
import { test } from 'node:test';
import Fastify from 'fastify';
import { sharedService, TESTER } from '../../test/support/service.ts';
import { Visitor } from '../../test/support/visitor.ts';
import { createOperatorKey } from '../domain/access/operator-key.ts';
import { changeRole } from '../domain/account/administrator.ts';
import { searchAudit } from '../domain/audit.ts';
import { PARKED_MAIL_QUEUE } from '../domain/mail/message.ts';
import { blockPrefixes } from '../domain/rating/blocked-prefix.ts';
import { importPrices } from '../domain/rating/price-import.ts';
import { STAFF_ROLES, type StaffRole } from '../domain/role.ts';
import { createEndpoint } from '../domain/webhook/endpoint.ts';
import { operatorPages } from './operator/index.ts';

// Each route of the operators' pages, and the first letters of the roles that may use it.
const TABLE: Record<string, string> = {
  'GET /admin': 'asbr',
  'GET /admin/accounts': 'asbr',
  'GET /admin/accounts/:username': 'asbr',
  'GET /admin/accounts/:username/calls': 'asbr',
  'GET /admin/accounts/:username/calls/calls.csv': 'asbr',
  'GET /admin/accounts/:username/calls/calls.ndjson': 'asbr',
  'GET /admin/accounts/:username/charges': 'asbr',
  'GET /admin/accounts/:username/charges/statement': 'asbr',
  'GET /admin/accounts/:username/money': 'asbr',
  'GET /admin/accounts/:username/settings': 'asbr',
  'GET /admin/accounts/:username/services': 'asbr',
  'GET /admin/accounts/:username/numbers': 'asbr',
  'GET /admin/accounts/:username/credentials': 'as',
  'POST /admin/accounts/:username/sip-secret/show': 'as',
  'POST /admin/accounts/:username/second-factor': 'as',
  'POST /admin/accounts/:username/sessions': 'as',
  'GET /admin/accounts/:username/overview': 'asbr',
  'GET /admin/accounts/new': 'as',
  'GET /admin/audit': 'asbr',
  'GET /admin/calls': 'asbr',
  'GET /admin/calls/calls.csv': 'asbr',
  'GET /admin/calls/calls.ndjson': 'asbr',
  'GET /admin/prices': 'asbr',
  'GET /admin/prices/:name': 'asbr',
  'POST /admin/prices/:name/remove': 'ab',
  'POST /admin/price-import': 'ab',
  'GET /admin/blocked': 'asbr',
  'POST /admin/blocked': 'a',
  'POST /admin/blocked/unblock': 'a',
  'GET /admin/books': 'asbr',
  'POST /admin/books': 'ab',
  'GET /admin/monthly-charges': 'asbr',
  'POST /admin/monthly-charges': 'ab',
  'GET /admin/operations/:id': 'asbr',
  'GET /admin/registrations': 'asbr',
  'GET /admin/holds': 'asbr',
  'GET /admin/mail': 'asbr',
  'POST /admin/mail/retry': 'as',
  'POST /admin/mail/drop': 'as',
  'GET /admin/staff': 'a',
  'POST /admin/staff': 'a',
  'POST /admin/staff/role': 'a',
  'POST /admin/staff/remove': 'a',
  'POST /admin/staff/sessions': 'a',
  'POST /admin/staff/second-factor': 'a',
  'GET /admin/explain': 'asbr',
  'GET /admin/feeds': 'asbr',
  'GET /admin/operator-keys': 'a',
  'GET /admin/promotions': 'asbr',
  'GET /admin/webhooks': 'a',
  'GET /admin/webhooks/:id': 'a',
  'POST /admin/webhooks': 'a',
  'POST /admin/webhooks/:id/remove': 'a',
  'POST /admin/webhooks/:id/replay': 'a',
  'POST /admin/webhooks/:id/retry': 'a',
  'POST /admin/webhooks/:id/rotate': 'a',
  'POST /admin/webhooks/:id/switch': 'a',
  'POST /admin/webhooks/:id/test': 'a',
  'GET /admin/rejected': 'asbr',
  'GET /admin/rejected/:id': 'asbr',
  'POST /admin/accounts/:username/close': 'a',
  'POST /admin/accounts/:username/key': 'as',
  'POST /admin/accounts/:username/money': 'ab',
  'POST /admin/accounts/:username/numbers': 'ab',
  'POST /admin/accounts/:username/numbers/remove': 'ab',
  'POST /admin/accounts/:username/password': 'as',
  'POST /admin/accounts/:username/reverse': 'ab',
  'POST /admin/accounts/:username/settle': 'ab',
  'POST /admin/accounts/:username/services': 'ab',
  'POST /admin/accounts/:username/services/remove': 'ab',
  'POST /admin/accounts/:username/settings': 'asbr',
  'POST /admin/accounts/:username/sip-secret': 'as',
  'POST /admin/accounts/new': 'as',
  'POST /admin/feeds': 'a',
  'POST /admin/feeds/remove': 'a',
  'POST /admin/operator-keys': 'a',
  'POST /admin/operator-keys/revoke': 'a',
  'POST /admin/operator-keys/rotate': 'a',
  'POST /admin/promotions': 'ab',
  'POST /admin/rejected/:id/dismiss': 'ab',
  'POST /admin/rejected/:id/replay': 'ab',
  'POST /admin/rejected/replay': 'ab',
};
const price = {
  prefix: '44',
  name: 'United Kingdom',
  rate: '0.02',
  minimumSeconds: null,
  incrementSeconds: null,
  connectFee: '0',
  minimumCharge: '0',
  validFrom: null,
};
const ROUTES = Object.keys(TABLE).sort();
const REFUSED = /Your role does not permit this/;

const staff = {} as Record<StaffRole, Visitor & { username: number }>;
const api = sharedService({}, async () => {
  for (const role of STAFF_ROLES) {
    const { username, password } = await api.administrator(role);
    const visitor = new Visitor(api.url);
    await visitor.open('/sign-in');
    const answer = await visitor.submit('/sign-in', { login: String(username), password });
    assert.deepEqual([answer.status, answer.location], [303, '/']);
    staff[role] = Object.assign(visitor, { username });
  }
});

const isPermitted = (role: StaffRole, route: string) => TABLE[route]?.includes(role.charAt(0));

test('the table has every route', async () => {
  const routes: string[] = [];
  const app = Fastify({ exposeHeadRoutes: false });
  app.addHook('onRoute', ({ method, url }) => void routes.push(`${method} ${url}`));
  await app.register(operatorPages, api.service);
  await app.ready();
  assert.deepEqual(routes.sort(), ROUTES);
});

test('each role uses its routes and is refused all others', async () => {
  for (const role of STAFF_ROLES) {
    const refused: string[] = [];
    for (const route of ROUTES) {
      const [method = '', pattern = ''] = route.split(' ');
      const path = pattern
        .replace(':username', '1000000000')
        .replace(':id', '1')
        .replace(':name', 'retail');
      // A form without its token changes nothing: a role that may send it gets another refusal.
      const page = method === 'GET' ? staff[role].open(path) : staff[role].post(path, {});
      const { status, body } = await page;
      if (!REFUSED.test(body)) continue;
      assert.equal(status, 403);
      refused.push(route);
    }
    assert.deepEqual(
      refused,
      ROUTES.filter((route) => !isPermitted(role, route)),
      role,
    );
  }
});

/** The routes of the links and forms of a page. */
function routesOn(body: string): string[] {
  const links = [...body.matchAll(/<a [^>]*href="(\/admin[^"?]*)/g)].map(
    ([, path]) => `GET ${path}`,
  );
  const forms = [...body.matchAll(/<form method="(\w+)" action="(\/admin[^"?]*)/g)].map(
    ([, method = '', path]) => `${method.toUpperCase()} ${path}`,
  );
  return [...links, ...forms].map((route) =>
    route
      .replace(/\/[0-9]{10}(?=\/|$)/, '/:username')
      .replace(/\/([0-9]+|op_\w+)(?=\/|$)/, '/:id')
      .replace('/prices/retail', '/prices/:name'),
  );
}

test('a page shows a role what it permits, and nothing that it refuses', async () => {
  const { username, password } = await api.signUp();
  await Visitor.signedIn(api.url, { username, password });
  await fetch(`${api.url}/ingest/v1/calls/generic`, {
    method: 'POST',
    headers: { authorization: await api.feed('generic') },
    body: '{"test": 1}',
  });
  const admin = staff.administrator;
  await admin.open(`/admin/accounts/${username}/money`);
  const fields = { amount: '5', reason: 'gift', direction: 'invoice' };
  await admin.submit(`/admin/accounts/${username}/money`, fields);
  await admin.open(`/admin/accounts/${username}/services`);
  await admin.submit(`/admin/accounts/${username}/services`, {
    description: 'E911',
    descriptionMonthly: '1',
  });
  await admin.open(`/admin/accounts/${username}/numbers`);
  await admin.submit(`/admin/accounts/${username}/numbers`, {
    number: '2125550100',
    numberMonthly: '1',
  });
  const { db, keyring, clock } = api.service;
  const settings = { scopes: ['calls:read' as const], networks: [], accounts: [] };
  const limits = { entryLimit: null, dayLimit: null, expiresAt: null };
  await createOperatorKey(
    db,
    TESTER,
    { keyring, now: clock() },
    { name: 'CRM', ...settings, ...limits },
  );
  const [{ id = 0 } = {}] = await api.service.db.query<{ id: number }>(
    'SELECT id FROM rejected_record',
  );
  await importPrices(db, TESTER, 'retail', [price], {
    now: clock(),
    replace: false,
    dryRun: false,
  });
  const block = {
    prefixes: ['252'],
    account: null,
    reason: 'fraud',
    emergencyNumbers: new Set<string>(),
  };
  await blockPrefixes(db, TESTER, block, clock());
  await admin.open('/admin/books');
  const begun = await admin.submit('/admin/books');
  const operation = begun.location?.split('/').at(-1) ?? '';
  const endpoint = { url: 'https://crm.example.com/', types: ['*'], accounts: [], description: '' };
  const wanted = { ...endpoint, enabled: true };
  const webhook = await createEndpoint(db, TESTER, { keyring, now: clock() }, wanted);
  assert.equal(webhook.endpoint.id, id);
  await db.query(
    `INSERT INTO webhook_delivery (endpoint, sequence, state, next_try_at)
     SELECT $1, max(sequence), 'failed', now() FROM event
     ON CONFLICT (endpoint, sequence) DO UPDATE SET state = 'failed'`,
    [id],
  );
  const mail = {
    to: 'nobody@example.com',
    name: 'N',
    message: { kind: 'calls stopped', username, cash: '0' },
  };
  await api.service.queue.send(db, PARKED_MAIL_QUEUE, mail);
  await db.query(
    `INSERT INTO second_factor (account, sealed, version, confirmed_at) VALUES ($1, '', 1, now()), ($2, '', 1, now())`,
    [staff.support.username, username],
  );
  for (const role of STAFF_ROLES) {
    const shown = new Set<string>();
    for (const route of ROUTES) {
      const path = route
        .replace(':username', String(username))
        .replace('operations/:id', `operations/${operation}`)
        .replace(':id', String(id))
        .replace(':name', 'retail');
      if (!path.startsWith('GET ') || !isPermitted(role, route)) continue;
      for (const found of routesOn((await staff[role].open(path.slice(4))).body)) shown.add(found);
    }
    const refused = [...shown].filter((route) => !isPermitted(role, route));
    assert.deepEqual(refused, [], role);
    const permitted = ROUTES.filter(
      (route) => isPermitted(role, route) && route.startsWith('POST '),
    );
    const missing = permitted.filter((route) => !shown.has(route));
    const hasNoForm = role === 'read-only' ? ['POST /admin/accounts/:username/settings'] : [];
    assert.deepEqual(missing, hasNoForm, role);
  }
});

test('each role changes its own kind of settings', async () => {
  const { username } = await api.signUp();
  const path = `/admin/accounts/${username}`;
  const statuses = async (role: StaffRole) => {
    const settings: Record<string, string>[] = [{ rate: '0.5' }, { callerId: '2125550100' }];
    const sent = settings.map(async (fields) => {
      const page = await staff[role].open(`${path}/settings`);
      const token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
      const shown = JSON.stringify({ rate: '0.007500', callerId: '' });
      const form = { form_token: token, shown, ...fields };
      return (await staff[role].post(`${path}/settings`, form)).status;
    });
    return Promise.all(sent);
  };
  assert.deepEqual(await statuses('support'), [403, 303]);
  assert.deepEqual(await statuses('billing'), [303, 403]);
  assert.deepEqual(await statuses('read-only'), [403, 403]);
  const trail = await searchAudit(api.service.db, { account: username }, { limit: 2 });
  assert.deepEqual(
    trail.map(({ actor }) => actor).sort(),
    [`billing ${staff.billing.username}`, `support ${staff.support.username}`].sort(),
  );
});

test('only an administrator changes credentials and settings of the staff', async () => {
  const { username } = await api.administrator();
  const path = `/admin/accounts/${username}`;
  const { support } = staff;
  const page = await support.open('/admin/accounts/new');
  const token = /name="form_token" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
  for (const form of [
    'password',
    'key',
    'sip-secret',
    'sip-secret/show',
    'second-factor',
    'sessions',
  ]) {
    const { status, body } = await support.post(`${path}/${form}`, { form_token: token });
    assert.deepEqual([status, REFUSED.test(body)], [403, true], form);
  }
  const email = { form_token: token, shown: '{"email":"a@example.com"}', email: 'b@example.com' };
  assert.match((await support.post(`${path}/settings`, email)).body, REFUSED);
  assert.equal((await support.open(`${path}/credentials`)).status, 404);
  assert.doesNotMatch(
    (await support.open(`${path}/settings`)).body,
    /<form method="post" action="\/admin/,
  );
  assert.equal((await staff.administrator.open(`${path}/credentials`)).status, 200);
});

test('another role counts at once, also for a session that is open', async () => {
  const { db, clock } = api.service;
  const { username, password } = await api.administrator('read-only');
  const visitor = await Visitor.signedIn(api.url, { username, password });
  assert.equal((await visitor.open('/admin/operator-keys')).status, 403);
  await changeRole(db, TESTER, username, 'administrator', clock());
  assert.equal((await visitor.open('/admin/operator-keys')).status, 200);
  const [entry] = await searchAudit(db, { account: username }, { limit: 1 });
  assert.deepEqual(
    [entry?.action, entry?.detail],
    ['role changed', { role: { before: 'read-only', after: 'administrator' } }],
  );
});
