import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Visited, Visitor } from '../support/visitor.ts';
import { type Route, routesOf } from './routes.ts';
import { assertNoSecrets, type Person, startTarget } from './support.ts';
import { HOSTILE } from './values.ts';

const NO_PAGES = /^\/(v2\.[12]|ingest|operator\/v1)\//;
const HOSTILE_TEXTS = HOSTILE.flatMap(([name, value]): [string, string][] =>
  typeof value === 'string' ? [[name, value]] : [],
);
/** Names that pages read from their query, and some that they ignore. */
const QUERY_NAMES = [
  'token',
  'next',
  'page',
  'after',
  'before',
  'from',
  'to',
  'start',
  'end',
  'search',
  'q',
  'month',
  'range',
  'number',
  'account',
  'username',
  'id',
  'reason',
  'code',
  'email',
  'sort',
  '__proto__',
];

let routes: Route[] = [];
let sacrifice: Person;
const visitors = {} as Record<'stranger' | 'customer' | 'operator', Visitor>;

const target = startTarget({}, async ({ api, attacker, administrator }) => {
  routes = (await routesOf(api.service)).filter(({ path }) => !NO_PAGES.test(path));
  assert.ok(routes.length > 20, 'the routes are read from what the framework prints');
  sacrifice = await api.signUp();
  visitors.stranger = new Visitor(api.url);
  visitors.customer = await signedIn(api.url, attacker);
  visitors.operator = await signedIn(api.url, administrator);
});

async function signedIn(url: string, { username, password }: Person): Promise<Visitor> {
  const visitor = new Visitor(url);
  await visitor.open('/sign-in');
  const { status } = await visitor.submit('/sign-in', { login: String(username), password });
  assert.equal(status, 303);
  return visitor;
}

/** Every fourth value, a different set for each page; all values if more runs are requested. */
function shareOf<T>(values: T[], page: number): T[] {
  if (Number(process.env.ABUSE_RUNS ?? 0) > 100) return values;
  return values.filter((_, n) => n % 4 === page % 4);
}

const pagesFor = (method: string) =>
  routes.filter(({ methods }) => methods.includes(method)).map(({ path }) => path);

/** A path with real values as parameters. */
const concrete = (path: string, username: number = target.victim.username) =>
  path.replace(':username', String(username)).replace(/:\w+/g, '1');

const isAdmin = (path: string) => /^\/admin(\/|$)/.test(path);

/** Asserts the properties of every page, for all visitors and requests. */
function assertHarmless(page: Visited, what: string, who: keyof typeof visitors): void {
  assert.ok(page.status < 500, `${what}: ${page.status}`);
  const text = page.body + JSON.stringify([...page.headers]);
  const { administrator, victim } = target;
  // An operator may see the customers' data except their secrets.
  const hidden = [administrator, victim].flatMap(({ apikey, password }) => [apikey, password]);
  assertNoSecrets(text, who === 'operator' ? hidden : target.secrets, what);
  // SQL may be shown again if it was entered.
  assert.doesNotMatch(page.body, /node:internal|\.ts:\d+|relation "/, what);
  assert.ok(!text.includes('<script>alert(1)'), `${what}: a script was let through`);
  assert.ok(!/<[^>]*" onmouseover="alert/.test(page.body), `${what}: an attribute was let through`);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff', what);
  assert.ok(page.headers.get('content-security-policy'), what);
  if (page.location) assert.match(page.location, /^\/(?![/\\])/, what);
}

test('a stranger is shown what is public, and asked to sign in for the rest', async () => {
  const visitor = new Visitor(target.api.url);
  for (const path of pagesFor('GET')) {
    const page = await visitor.open(concrete(path));
    assertHarmless(page, path, 'stranger');
    assert.ok([200, 303, 400].includes(page.status), `${path}: ${page.status}`);
    if (isAdmin(path)) assert.match(page.location ?? '', /^\/sign-in/, path);
  }
  for (const path of pagesFor('POST')) {
    const page = await new Visitor(target.api.url).post(concrete(path), { form_token: 'x' });
    assertHarmless(page, path, 'stranger');
    assert.ok([303, 403].includes(page.status), `${path}: ${page.status}`);
  }
});

test('to a customer the operators’ pages do not exist', async () => {
  const { customer } = visitors;
  const { body } = await customer.open('/settings');
  const [, token = ''] = /name="form_token" value="([^"]+)"/.exec(body) ?? [];
  assert.ok(token);
  const admin = (method: string) => pagesFor(method).filter(isAdmin);
  assert.ok(admin('GET').length > 5 && admin('POST').length > 5);
  for (const path of admin('GET')) {
    const page = await customer.open(concrete(path));
    assertHarmless(page, path, 'customer');
    assert.equal(page.status, 404, path);
  }
  for (const path of admin('POST')) {
    const fields = { form_token: token, amount: '1000', rate: '0', confirm: 'yes', reason: 'x' };
    const page = await customer.post(concrete(path, target.attacker.username), fields);
    assertHarmless(page, path, 'customer');
    assert.equal(page.status, 404, path);
  }
});

test('a form is taken from this browser’s own pages alone', async () => {
  const { customer } = visitors;
  const tokenIn = async (visitor: Visitor) => {
    const { body } = await visitor.open('/settings');
    return /name="form_token" value="([^"]+)"/.exec(body)?.[1] ?? '';
  };
  const [own, another] = [
    await tokenIn(customer),
    await tokenIn(await signedIn(target.api.url, sacrifice)),
  ];
  assert.notEqual(own, another);
  const forged: [string, Record<string, string>][] = [
    ['', {}],
    ['x', {}],
    [another, {}],
    [own.slice(1), {}],
    [own, { origin: 'https://evil.example' }],
    [own, { 'sec-fetch-site': 'cross-site' }],
    [own, { 'sec-fetch-site': 'same-site' }],
    [own, { origin: `${target.api.url}.evil.example` }],
  ];
  const paths = pagesFor('POST').filter((path) => !isAdmin(path));
  for (const path of paths) {
    for (const [token, headers] of forged) {
      const fields: Record<string, string> = token ? { form_token: token } : {};
      const page = await customer.post(path, fields, headers);
      assertHarmless(page, path, 'customer');
      assert.equal(page.status, 403, `${path} ${JSON.stringify(headers)}`);
    }
  }
});

for (const who of ['stranger', 'customer', 'operator'] as const) {
  describe(who, () => {
    test('hostile queries', async () => {
      for (const [n, path] of pagesFor('GET').entries()) {
        for (const [name, value] of shareOf(HOSTILE_TEXTS, n)) {
          const query = QUERY_NAMES.map(
            (key) => `${key}=${encodeURIComponent(value.slice(0, 400))}`,
          );
          const page = await visitors[who].open(`${concrete(path)}?${query.join('&')}`);
          assertHarmless(page, `${path}: ${name}`, who);
        }
      }
    });

    test('hostile paths', async () => {
      const withParameters = pagesFor('GET').filter((path) => path.includes(':'));
      for (const path of [...withParameters, '/:x', '/assets/:x', '/docs/:x', '/admin/:x']) {
        for (const [name, value] of HOSTILE_TEXTS) {
          const hostile = path.replaceAll(/:\w+/g, encodeURIComponent(value.slice(0, 200)));
          const page = await visitors[who].open(hostile);
          assertHarmless(page, `${path}: ${name}`, who);
          assert.ok(page.status === 303 || page.status >= 400, `${hostile}: ${page.status}`);
        }
      }
      for (const path of [
        '/%',
        '/%zz',
        '/%00',
        '/%c0%af',
        '//evil.example',
        '/..%2f..%2fetc/passwd',
      ]) {
        const page = await visitors[who].open(`${target.api.url}${path}`);
        assertHarmless(page, path, who);
        assert.ok([400, 404].includes(page.status), `${path}: ${page.status}`);
      }
    });

    test('every form of every page, filled in with hostile texts', async () => {
      const forms = new Map<string, { page: string; fields: Record<string, string> }>();
      for (const path of pagesFor('GET')) {
        const page = concrete(path, sacrifice.username);
        const { body } = await visitors[who].open(page);
        for (const [action, fields] of formsOf(body)) forms.set(action, { page, fields });
      }
      forms.delete('/sign-out');
      assert.ok(forms.size >= (who === 'stranger' ? 3 : 4), [...forms.keys()].join(' '));
      for (const [action, { fields }] of forms) {
        for (const [name, value] of HOSTILE_TEXTS) {
          const filled = Object.fromEntries(
            Object.entries(fields).map(([key, old]) => [key, key === 'form_token' ? old : value]),
          );
          const page = await visitors[who].post(action, filled);
          assertHarmless(page, `${action}: ${name}`, who);
        }
      }
    });
  });
}

/** The forms of a page with method POST: their action, and their fields with values. */
function formsOf(page: string): [string, Record<string, string>][] {
  const forms = page.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g);
  return [...forms].flatMap(([, head = '', content = '']) => {
    const action = /action="([^"]*)"/.exec(head)?.[1];
    if (!action || !/method="post"/.test(head)) return [];
    const names = content.matchAll(
      /<(?:input|select|textarea|button)\b[^>]*\bname="([^"]+)"[^>]*>/g,
    );
    const fields = [...names].map(([tag, name = '']): [string, string] => [
      name,
      /value="([^"]*)"/.exec(tag)?.[1] ?? '',
    ]);
    return [[action, Object.fromEntries(fields)]];
  });
}

test('bodies that are no forms', async () => {
  const { url } = target.api;
  for (const path of pagesFor('POST')) {
    const bodies: [string, string | Buffer, number[]][] = [
      ['application/json', '{"form_token":"x"}', [303, 415]],
      ['multipart/form-data; boundary=x', '--x\r\n\r\n--x--', [303, 415]],
      ['text/plain', 'form_token=x', [303, 415]],
      ['x', 'x', [303, 415]],
      ['application/x-www-form-urlencoded', 'x'.repeat(20_000), [303, 413]],
      ['application/x-www-form-urlencoded', 'form_token=%00', [303, 400]],
      ['application/x-www-form-urlencoded', 'form_token=x&form_token=y&__proto__=z', [303, 403]],
      ['application/x-www-form-urlencoded', '%=%zz&&&=&=', [303, 403]],
      ['application/x-www-form-urlencoded', Buffer.from([0xff, 0x3d, 0xfe]), [303, 403]],
      ['application/x-www-form-urlencoded', '', [303, 403]],
    ];
    for (const [type, body, expected] of bodies) {
      const response = await fetch(`${url}${concrete(path)}`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': type },
        body,
      });
      const what = `${path} ${type} ${String(body).slice(0, 30)}`;
      assert.ok(expected.includes(response.status), `${what}: ${response.status}`);
      assertNoSecrets(await response.text(), target.secrets, what);
    }
  }
});

test('other methods, cookies and hosts', async () => {
  const { url } = target.api;
  for (const [n, { path, methods }] of routes.entries()) {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { status } = await fetch(`${url}${concrete(path)}`, { method });
      assert.equal(status, 405, `${method} ${path}`);
    }
    if (!methods.includes('GET')) continue;
    for (const [name, value] of shareOf(HOSTILE_TEXTS.slice(0, 20), n)) {
      const text = encodeURIComponent(value);
      const cookie = `session=${text}; device=${text}; flash=${text}; __Host-session=${text}`;
      const page = await new Visitor(url).open(concrete(path), {
        cookie,
        'x-forwarded-host': 'evil.example',
        'accept-language': value.replaceAll(/[^\x20-\x7e]/g, ''),
        referer: 'https://evil.example/',
      });
      assertHarmless(page, `${path} ${name}`, 'stranger');
      assert.ok(!page.body.includes('evil.example'), path);
    }
  }
});

test('a page of one customer shows nothing of another', async () => {
  const { victim } = target;
  const names = ['account', 'username', 'user', 'id', 'master', 'billing', 'subject'];
  const query = names.map((name) => `${name}=${victim.username}`).join('&');
  for (const path of pagesFor('GET').filter((path) => !isAdmin(path))) {
    // The page of rates shows the number that was asked about.
    const number = path === '/rates' ? '' : '&number=8005550197';
    const page = await visitors.customer.open(`${concrete(path)}?${query}${number}`);
    assertHarmless(page, path, 'customer');
  }
});

test('signing in leads nowhere else', async () => {
  // Otherwise the attempts of earlier tests would delay this one.
  await target.api.service.db.query('DELETE FROM sign_in_attempt');
  for (const next of [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'javascript:alert(1)',
    '/%2f/evil.example',
    '/\t/evil.example',
    'http:evil.example',
    '/sign-in?next=//evil.example',
    '@evil.example',
  ]) {
    const visitor = new Visitor(target.api.url);
    await visitor.open(`/sign-in?next=${encodeURIComponent(next)}`);
    const { username, password } = target.attacker;
    const page = await visitor.submit('/sign-in', { login: String(username), password, next });
    assert.equal(page.status, 303, next);
    assert.match(page.location ?? '', /^\/(?![/\\])/, next);
    const { host } = new URL(page.location ?? '', target.api.url);
    assert.equal(host, new URL(target.api.url).host, next);
  }
});
