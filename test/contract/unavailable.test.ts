import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertFailure,
  type Customer,
  newUsername,
  OPERATIONS,
  type OperationName,
} from '../support/contract.ts';
import { watchDelays } from '../support/delays.ts';
import { type DatabaseProxy, startProxy } from '../support/proxy.ts';
import { startDocumented, type TestService } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';

let proxy: DatabaseProxy;
let api: TestService;
let customer: Customer;
let administrator: { apikey: string };
before(async () => {
  proxy = await startProxy();
  api = await startDocumented({}, undefined, proxy.through);
  customer = await api.signUp();
  administrator = await api.administrator();
});
after(async () => {
  await api.stop();
  await proxy.close();
});

/** The members that the operation checks before it uses the database. */
const goodBody = (operation: OperationName): object => ({
  username: operation === 'add' ? newUsername() : customer.username,
  password: customer.password,
  name: 'x',
  email: `${newUsername()}@example.com`,
  apikey: operation === 'add' ? administrator.apikey : customer.apikey,
});

/** A lost connection is noticed at its next use or earlier. */
const untilReady = ({ url }: TestService) =>
  waitUntil(async () => (await fetch(`${url}/readyz`)).status === 200);

const MESSAGE = 'Service unavailable, please try again';

test('503 while the database is gone, and answers again once it is back', async () => {
  proxy.cut();
  const busyMs = watchDelays();
  const started = performance.now();
  const answers = await Promise.all(
    OPERATIONS.map((operation) => api.call(operation, goodBody(operation))),
  );
  for (const answer of answers) {
    assertFailure(answer, 503, MESSAGE);
    assert.equal(answer.headers.get('retry-after'), '5');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
  }
  // A short outage is waited for, up to four seconds.
  assert.ok(performance.now() - started < 8_000 + busyMs());
  assertFailure(await api.call('info'), 400, 'Field Required: apikey');
  assert.equal((await fetch(`${api.url}/healthz`)).status, 200);
  const ready = await fetch(`${api.url}/readyz`);
  assert.equal(ready.status, 503);
  assert.deepEqual(await ready.json(), { status: 'no database' });
  const metrics = await fetch(`${api.url}/metrics`);
  assert.equal(metrics.status, 200);
  assert.match(await metrics.text(), /account_api_requests_total\{route=.*info.*status="503"\} 1/);

  proxy.mend();
  await untilReady(api);
  for (const operation of OPERATIONS) {
    const answer = await api.call(operation, goodBody(operation));
    assert.equal(answer.status, operation === 'registration' ? 404 : 200, operation);
  }
  assert.equal((await fetch(`${api.url}/readyz`)).status, 200);
});

test('where the database takes no writes, what only reads goes on, limits included', async (t) => {
  const limited = await startDocumented(
    { RATE_LIMIT_PER_HOUR: '6', TRUST_PROXY: '127.0.0.1' },
    undefined,
    proxy.through,
  );
  t.after(() => limited.stop());
  const { apikey, email } = await limited.signUp();
  const [{ name }] = (await limited.service.db.query<{ name: string }>(
    'SELECT current_database() AS name',
  )) as [{ name: string }];
  await limited.service.db.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  proxy.cut();
  proxy.mend();
  await untilReady(limited);
  for (let request = 0; request < 6; request++) {
    assert.equal((await limited.call('info', {}, apikey)).status, 200);
  }
  assertFailure(await limited.call('info', {}, apikey), 429, 'Rate limit exceeded');
  assert.equal((await limited.call('cdr', {}, apikey)).status, 200);
  assert.equal((await limited.call('mrc', {}, apikey)).status, 200);
  assert.equal((await limited.call('registration', {}, apikey)).status, 404);
  assertFailure(await limited.call('signup', { name: 'x', email: 'x@example.com' }), 503, MESSAGE);
  assertFailure(await limited.call('recover', { email }), 503, MESSAGE);
  const added = { name: 'x', username: newUsername(), email };
  assert.equal((await limited.call('add', added, apikey)).status, 401);
});
