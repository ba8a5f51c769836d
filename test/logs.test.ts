import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { OPERATIONS } from './support/contract.ts';
import { type DatabaseProxy, startProxy } from './support/proxy.ts';
import { linkIn, post, startService, submit, type TestService } from './support/service.ts';
import { Visitor } from './support/visitor.ts';
import { waitUntil } from './support/wait.ts';

const CHOSEN = 'Canary-password-in-a-form';

let proxy: DatabaseProxy;
let api: TestService;
before(async () => {
  proxy = await startProxy();
  api = await startService({}, undefined, proxy.through);
});
after(async () => {
  await api.stop();
  await proxy.close();
});

interface Secrets {
  apikey: string;
  password: string;
  feed: string;
  tokens: string[];
}

/** Sends each secret in every place where a client can send one, right or wrong. */
async function useEverywhere({ apikey, password, feed, tokens }: Secrets): Promise<number[]> {
  const statuses: number[] = [];
  const send = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const { status } = await post(`${api.url}${path}`, body, headers);
    statuses.push(status);
  };
  const bearer = { authorization: `Bearer ${apikey}` };
  for (const name of OPERATIONS) {
    const path = `/v2.1/account/${name}`;
    const more = { name: 'x', email: `${apikey}@example.com`, username: 4592086960, password };
    await send(`${path}/`, { ...more, apikey });
    await send(`${path}?apikey=${apikey}&password=${password}`, more, bearer);
    await send(path, { ...more, apikey, email: apikey, username: password, start: apikey });
    await send(path, `{"apikey":"${apikey}","password":"${password}"`, bearer);
    await send(path, `apikey=${apikey}`, { 'content-type': 'text/plain', ...bearer });
    await send(path, { apikey, password, x: 'x'.repeat(20_000) }, bearer);
    await send(`${path}/${apikey}/${password}`, undefined, bearer);
    const { status } = await fetch(`${api.url}${path}?apikey=${apikey}`, { headers: bearer });
    statuses.push(status);
  }
  const [name = '', secret = ''] = Buffer.from(feed.slice(6), 'base64').toString().split(':');
  const wrong = Buffer.from(`${name}x:${secret}`).toString('base64');
  for (const authorization of [feed, `Basic ${wrong}`, `Bearer ${secret}`]) {
    await send('/ingest/v1/calls/generic', `{"secret":"${secret}",`, { authorization });
    await send('/ingest/v1/registrations', { secret, user: secret }, { authorization });
    await send('/ingest/v1/authorize', { account: secret }, { authorization });
    await send(`/ingest/v1/calls/${secret}`, [], { authorization });
  }
  for (const token of tokens) {
    for (const path of ['/verify', '/reset', '/sign-in', `/x/${token}`, '/%zz']) {
      const { status } = await fetch(`${api.url}${path}?token=${token}`);
      statuses.push(status);
      await send(`${path}?token=${token}`, `token=${token}&password=${CHOSEN}`, {
        'content-type': 'application/x-www-form-urlencoded',
      });
    }
  }
  const visitor = new Visitor(api.url);
  const { body } = await visitor.open('/sign-in');
  if (body.includes('action="/sign-in"')) {
    const login = { login: apikey, username: apikey, password: CHOSEN };
    statuses.push((await visitor.submit('/sign-in', login)).status);
  }
  return statuses;
}

test('no key, password or token is ever logged, whatever becomes of a request', async () => {
  const { apikey, password, email, username } = await api.signUp();
  const feed = await api.feed('generic');
  await api.call('recover', { email });
  const mails = await api.mails(email, 2);
  const tokens = mails.map((mail, n) => {
    return new URL(linkIn(mail, n === 0 ? 'verify' : 'reset')).searchParams.get('token') ?? '';
  });
  const secrets = { apikey, password, feed, tokens };
  const statuses = await useEverywhere(secrets);
  assert.equal(
    (await submit(linkIn(mails[1], 'reset'), { password: CHOSEN, repeated: CHOSEN })).status,
    200,
  );

  // Internal errors, for which PostgreSQL reports values of the rows.
  const { db } = api.service;
  await db.query("ALTER TABLE account ADD CHECK (name <> 'canary') NOT VALID");
  const inside = { name: 'canary', email: `${apikey}@example.net` };
  statuses.push((await api.call('signup', inside)).status);
  await db.query('ALTER TABLE call RENAME TO call_gone');
  await db.query('ALTER TABLE token RENAME TO token_gone');
  await db.query('ALTER TABLE service RENAME TO service_gone');
  const renewed = (await api.call('apikey', { username, password: CHOSEN })).body.apikey;
  for (const name of ['cdr', 'mrc']) {
    const answer = await api.call(name, { apikey: renewed });
    assert.equal(answer.status, 500);
    const id = answer.headers.get('x-request-id');
    await waitUntil(() => api.logged().includes(`"requestId":"${id}"`));
  }
  proxy.cut();
  statuses.push(...(await useEverywhere({ ...secrets, apikey: renewed })));
  proxy.mend();
  for (const status of [200, 400, 401, 404, 405, 413, 415, 500, 503]) {
    assert.ok(statuses.includes(status), `nothing was answered ${status}`);
  }

  const [phc] = await db.query<{ phc: string }>(
    'SELECT password_hash AS phc FROM account WHERE username = $1',
    [username],
  );
  const [, secret = ''] = Buffer.from(feed.slice(6), 'base64').toString().split(':');
  const logged = api.logged();
  assert.ok(logged.includes('internal error') && logged.includes('the database is not available'));
  assert.ok(logged.includes('violates check constraint'));
  const hidden = [
    apikey,
    renewed,
    password,
    CHOSEN,
    secret,
    feed.slice(6),
    phc?.phc ?? '',
    ...tokens,
  ];
  for (const text of hidden) {
    assert.ok(text.length >= 10);
    for (const form of [text, encodeURIComponent(text), Buffer.from(text).toString('base64')]) {
      const at = logged.indexOf(form);
      assert.equal(at, -1, `logged: ${logged.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }
  assert.ok(!logged.includes('$argon2'));
});

test('every line is JSON; every request has one with its id, route, status and time', async () => {
  const started = api.logged().length;
  await fetch(`${api.url}/healthz?x=1`);
  await api.call('info', {}, 'x');
  await fetch(`${api.url}/nowhere`);
  const lines = () =>
    api
      .logged()
      .slice(started)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => msg === 'request');
  await waitUntil(() => lines().length >= 3);
  for (const { requestId, time, ms, address, level } of lines()) {
    assert.match(requestId, /^[0-9a-f-]{36}$/);
    assert.ok(Math.abs(time - Date.now()) < 60_000);
    assert.ok(ms >= 0);
    assert.equal(address, '127.0.0.1');
    assert.equal(level, 30);
  }
  const told = lines().map(({ method, route, status }) => ({ method, route, status }));
  assert.deepEqual(told, [
    { method: 'GET', route: '/healthz', status: 200 },
    { method: 'POST', route: '/v2.1/account/info/', status: 401 },
    { method: 'GET', route: '(none)', status: 404 },
  ]);
  assert.equal(new Set(lines().map(({ requestId }) => requestId)).size, 3);
});
