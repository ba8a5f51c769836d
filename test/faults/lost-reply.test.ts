import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Database } from '../../src/db/database.ts';
import { openEmbedded } from '../../src/db/embedded/index.ts';
import { StoreUnavailable } from '../../src/db/errors.ts';
import { postEntry } from '../../src/domain/books/ledger.ts';
import { reconcile } from '../../src/domain/books/proof.ts';
import { newDataFolder } from '../support/prepared-data.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, runCommand, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { end } from './support/begin.ts';
import { ReplyDropper } from './support/reply-dropper.ts';
import { random, report, times } from './support/scale.ts';

/** The service, connected to PostgreSQL through a dropper of replies. */
async function begin(t: TestContext) {
  const folder = await newDataFolder('account-api-lost-');
  t.after(() => rm(folder, { recursive: true, force: true }));
  const postgres = await openEmbedded({ dataDir: folder, role: 'server' });
  const { host, port, database, user } = postgres.connection;
  const dropper = await ReplyDropper.start(`${host}/.s.PGSQL.${port}`);
  t.after(() => dropper.close());
  const keyFile = join(folder, 'secret.key');
  const url = `postgres://${user}@127.0.0.1:${dropper.port}/${database}`;
  const env = { DATABASE_URL: url, SECRET_KEY_FILE: keyFile };
  const dataDir = join(folder, 'service');
  return { postgres, dropper, url, env, dataDir, server: await startServer(dataDir, { env }) };
}

test('the reply to a commit is lost, and the sender tries again', async (t) => {
  const drops = times(50, 500);
  const { postgres, dropper, url, env, dataDir, server } = await begin(t);
  const promises = new Promises(await addGenericFeed(dataDir, env));
  await promises.open(server.url, 3);
  const db = new Database({ connection: { connectionString: url }, poolSize: 2 });

  let credits = 0;
  for (let n = 0; n < drops; n++) {
    const dropped = dropper.arm();
    if (random() < 0.3) {
      const account = promises.accounts[n % promises.accounts.length] ?? 0;
      const credit = { account, reference: `credit ${n}`, amount: '1.25' };
      const entry = { ...credit, kind: 'payment', reason: 'Payment', at: new Date() } as const;
      await assert.rejects(postEntry(db, { ...entry, actor: 'test' }), StoreUnavailable);
      await dropped;
      assert.equal((await postEntry(db, { ...entry, actor: 'test' })).posted, false);
      promises.credits.push({ account, reference: credit.reference, micros: 1_250_000n });
      credits++;
    } else {
      assert.equal(await promises.deliver(server.url, 5), 503);
      await dropped;
      while (promises.owed.length > 0) await promises.repeat(server.url);
      assert.deepEqual(promises.lastCounts, { stored: 0, duplicates: 5 });
    }
  }
  assert.equal(dropper.drops, drops);
  await promises.assertKept(postgres.connection);
  await db.close();
  await end(server);
  await postgres.stop();
  report(
    'the reply to COMMIT dropped by a proxy, the sender retrying: exactly one debit or credit',
    `${drops} drops`,
    `${promises.acknowledged.size} calls and ${credits} credits, each there once`,
  );
});

test('kill -9 between the commit of a sign-up and its answer, and the client tries again', async (t) => {
  const kills = times(3, 50);
  const { postgres, dropper, env, dataDir, server: first } = await begin(t);
  let server = first;
  const usernames = new Set<string>();
  for (let kill = 0; kill < kills; kill++) {
    const body = { name: 'Example Company', email: `killed-${kill}@example.com` };
    const signUp = () =>
      post(`${server.url}/v2.2/accounts`, body, { 'idempotency-key': `kill-${kill}` });
    const dropped = dropper.arm();
    // Either the connection breaks, or the service still answers 503 because it does not know the
    // result.
    const lost = signUp().then(
      ({ status }) => status,
      () => 503,
    );
    await dropped;
    server.kill('SIGKILL');
    assert.equal(await lost, 503);
    await server.ended;
    server = await startServer(dataDir, { env });
    const again = await signUp();
    const { username, password } = again.body.data;
    assert.deepEqual(again.body, {
      status: 'success',
      data: { username, password, ...body },
    });
    assert.deepEqual([again.status, again.headers.get('idempotent-replayed')], [201, 'true']);
    assert.deepEqual((await signUp()).body, again.body);
    const key = await post(`${server.url}/v2.2/account/api-key`, { username, password });
    assert.match(key.body.data.apikey, /^[0-9a-f]{32}$/);
    usernames.add(username);
  }
  assert.deepEqual([dropper.drops, usernames.size], [kills, kills]);
  await end(server);
  await postgres.stop();
  report(
    'kill -9 between the commit of a sign-up and its answer: the same key gets the same password',
    `${kills} kills`,
    `${usernames.size} accounts, each once, each password good`,
  );
});

test('kill -9 between the commit of a request of the operators’ API and its answer', async (t) => {
  const kills = times(2, 50);
  const { postgres, dropper, env, dataDir, server: first } = await begin(t);
  let server = first;
  const { secret } = await runCommand<{ secret: string }>(
    dataDir,
    ['operator-key', 'create', 'crm', '--set', 'crm', '--scopes', 'ledger:write,credentials:write'],
    env,
  );
  const send = (path: string, body: object, key: string) =>
    post(`${server.url}/operator/v1${path}`, body, {
      authorization: `Bearer ${secret}`,
      'idempotency-key': key,
    });
  /** Sends a request whose answer is lost, and sends it again to the service that starts anew. */
  const killed = async (path: string, body: object, key: string) => {
    const dropped = dropper.arm();
    const lost = send(path, body, key).then(
      ({ status }) => status,
      () => 503,
    );
    await dropped;
    server.kill('SIGKILL');
    assert.equal(await lost, 503);
    await server.ended;
    server = await startServer(dataDir, { env });
    const again = await send(path, body, key);
    assert.equal(again.status, 201, JSON.stringify(again.body));
    assert.equal(again.headers.get('idempotent-replayed'), 'true');
    const third = await send(path, body, key);
    assert.deepEqual(third.body, again.body);
    return again.body;
  };
  const usernames: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const account = {
      name: 'Example',
      email: `crm-${kill}@example.com`,
      onboarding: 'credentials',
    };
    const { username, password, apikey } = await killed('/accounts', account, `account-${kill}`);
    const asked = await post(`${server.url}/v2.1/account/apikey/`, { username, password });
    assert.equal(asked.body.apikey, apikey);
    const payment = { type: 'credit', amount: '25', reason: 'Card', reference: `pi_${kill}` };
    const path = `/accounts/${username}/ledger-entries`;
    const { entry, balance } = await killed(path, payment, `payment-${kill}`);
    assert.deepEqual([entry.amount, balance.cash], ['25.000000', '25.000000']);
    usernames.push(Number(username));
  }
  assert.equal(dropper.drops, 2 * kills);
  await end(server);
  const db = new Database({ connection: postgres.connection, poolSize: 1 });
  const { imbalances } = await reconcile(db);
  const [{ accounts, entries } = { accounts: 0, entries: 0 }] = await db.query<{
    accounts: number;
    entries: number;
  }>(
    `SELECT (SELECT count(*)::int FROM account WHERE username = ANY ($1)) AS accounts,
       (SELECT count(*)::int FROM ledger_entry WHERE reference LIKE 'pi_%') AS entries`,
    [usernames],
  );
  assert.deepEqual([imbalances, accounts, entries], [[], kills, kills]);
  await db.close();
  await postgres.stop();
  report(
    'kill -9 between the commit of an account or a payment by the operators’ API and its answer',
    `${2 * kills} kills`,
    `${accounts} accounts with their passwords and ${entries} payments, each once; books balanced`,
  );
});
