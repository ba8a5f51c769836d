import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { asSuperuser, startPrivatePostgres, startStandby } from '../support/private-postgres.ts';
import { Promises } from '../support/promises.ts';
import { addGenericFeed, startServer } from '../support/server.ts';
import { post } from '../support/service.ts';
import { waitUntil } from '../support/wait.ts';
import { end } from './support/begin.ts';

test('calls are read from a replica that follows closely, and money never', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'account-api-replica-'));
  await chmod(folder, 0o711);
  t.after(() => rm(folder, { recursive: true, force: true }));
  const primary = await startPrivatePostgres(join(folder, 'primary'));
  let standby = await startStandby(primary, join(folder, 'standby'));
  const keyFile = join(folder, 'secret.key');
  await writeFile(keyFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  const dataDir = join(folder, 'data');
  const only = { DATABASE_URL: primary.url, SECRET_KEY_FILE: keyFile };
  const env = { ...only, DATABASE_READ_URL: standby.url, REPLICA_LAG_SECONDS: '6' };
  const server = await startServer(dataDir, { env });
  const { url } = server;
  const promises = new Promises(await addGenericFeed(dataDir, only));
  await promises.open(url, 1);
  const [{ username, password } = { username: 0, password: '' }] = promises.signups;
  const login = await post(`${url}/v2.1/account/apikey/`, { username, password });
  const headers = { authorization: `Bearer ${login.body.apikey}` };
  const calls = async () =>
    (await post(`${url}/v2.1/account/cdr/`, undefined, headers)).body.cdr.length;
  const cash = async () =>
    (await post(`${url}/v2.1/account/info/`, undefined, headers)).body.account[0].cash;

  assert.equal(await promises.deliver(url, 10), 200);
  await waitUntil(async () => (await calls()) === 10);
  assert.equal(await cash(), -0.075);

  const inUse = async () => {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    return /^account_api_replica_in_use ([01])$/m.exec(metrics)?.[1];
  };
  await waitUntil(async () => (await inUse()) === '1');

  await asSuperuser(standby, 'SELECT pg_wal_replay_pause()');
  assert.equal(await promises.deliver(url, 10), 200);
  assert.equal(await cash(), -0.15);
  // The replica answers until it is too far behind; then the primary does.
  assert.equal(await calls(), 10);
  await waitUntil(async () => (await calls()) === 20);
  assert.equal(await inUse(), '0');

  await asSuperuser(standby, 'SELECT pg_wal_replay_resume()');
  const isAsked = async () => {
    await asSuperuser(standby, 'SELECT pg_wal_replay_pause()');
    assert.equal(await promises.deliver(url, 1), 200);
    const seen = await calls();
    await asSuperuser(standby, 'SELECT pg_wal_replay_resume()');
    return seen < promises.acknowledged.size;
  };
  await waitUntil(isAsked);

  await standby.stop();
  assert.equal(await promises.deliver(url, 1), 200);
  assert.equal(await calls(), promises.acknowledged.size);

  standby = await startStandby(primary, join(folder, 'standby'), standby.port);
  await waitUntil(isAsked);
  await end(server);
  await standby.stop();
  await primary.stop();
});
